"""A YouTube of our own on loopback, which the real yt-dlp asks: answers written by hand in the shapes it reads."""

import io
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
from loopback import Reply, reply

RATE = 44_100


_CONTEXT = {"INNERTUBE_CONTEXT": {"client": {"clientName": "WEB", "clientVersion": "2.20260101.00.00"}}}
_PAGE = f"<html><body><script>ytcfg.set({json.dumps(_CONTEXT)});</script></body></html>"


def tone(seconds: float, pitch: float = 440.0) -> bytes:
    """An m4a file with a chord in stereo, as the site would send it."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in (1, 2, 3))
    stereo = np.stack([wave, wave]).astype(np.float32) * 0.2
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="stereo")
        for start in range(0, stereo.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(stereo[:, start : start + 1024]), "fltp", "stereo")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@dataclass
class Video:
    """A video: what a search shows of it, whether it plays, and how its sound is sent."""

    title: str
    channel: str
    seconds: float
    media: list[Reply] = field(default_factory=list)
    status: str = "OK"
    reason: str = ""


# What the site says of videos that do not play, as far as yt-dlp reads it.
AGE = {"status": "LOGIN_REQUIRED", "reason": "Sign in to confirm your age"}
BOT = {"status": "LOGIN_REQUIRED", "reason": "Sign in to confirm you’re not a bot"}
PRIVATE = {"status": "LOGIN_REQUIRED", "reason": "Private video. Sign in if you've been granted access to this video"}
GONE = {"status": "ERROR", "reason": "Video unavailable. This video has been removed by the uploader"}
ELSEWHERE = {"status": "UNPLAYABLE", "reason": "The uploader has not made this video available in your country"}


@dataclass
class FakeYouTube:
    """Videos by id and searches by query; `refusals` are answered before anything else, one a request of their path."""

    videos: dict[str, Video] = field(default_factory=dict)
    searches: dict[str, list[str]] = field(default_factory=dict)
    refusals: dict[str, list[Reply]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    address: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def song(self, query: str, *videos: Video) -> list[str]:
        """A search and its results; the ids are made of the number of videos so far."""
        ids = []
        for video in videos:
            video_id = f"vid{len(self.videos):08d}"
            self.videos[video_id] = video
            ids.append(video_id)
        self.searches[query] = ids
        return ids

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Send what the script says."""
        path = urlsplit(handler.path).path
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = json.loads(body) if body.startswith(b"{") else {}
        key = f"{path} {request.get('query') or request.get('videoId') or ''}".strip()
        with self._lock:
            number = self.asked[key]
            self.asked[key] += 1
            script = self.refusals.get(path) or self.refusals.get(key)
            refusal = script.pop(0) if script else None
        if refusal is not None:
            refusal(handler)
        elif path == "/youtubei/v1/search":
            _json(self._results(request["query"]))(handler)
        elif path == "/youtubei/v1/player":
            _json(self._player(request["videoId"]))(handler)
        elif path.startswith("/videoplayback/"):
            media = self.videos[path.rpartition("/")[2]].media
            media[min(number, len(media) - 1)](handler)
        elif path.startswith("/youtubei/"):
            _json({})(handler)
        else:
            reply(_PAGE)(handler)

    def _results(self, query: str) -> dict[str, Any]:
        items = [{"videoRenderer": self._renderer(i)} for i in self.searches.get(query, [])]
        sections = [{"itemSectionRenderer": {"contents": items}}]
        primary = {"sectionListRenderer": {"contents": sections}}
        return {"contents": {"twoColumnSearchResultsRenderer": {"primaryContents": primary}}}

    def _renderer(self, video_id: str) -> dict[str, Any]:
        video = self.videos[video_id]
        minutes, seconds = divmod(round(video.seconds), 60)
        owner = {"text": video.channel, "navigationEndpoint": {"browseEndpoint": {"browseId": "UC" + "a" * 22}}}
        return {
            "videoId": video_id,
            "title": {"runs": [{"text": video.title}]},
            "lengthText": {"simpleText": f"{minutes}:{seconds:02d}"},
            "ownerText": {"runs": [owner]},
            "viewCountText": {"simpleText": "1,234 views"},
        }

    def _player(self, video_id: str) -> dict[str, Any]:
        video = self.videos.get(video_id) or Video("", "", 0, [], **GONE)
        answer: dict[str, Any] = {
            "playabilityStatus": {"status": video.status, "reason": video.reason},
            "videoDetails": {
                "videoId": video_id,
                "title": video.title,
                "author": video.channel,
                "lengthSeconds": str(round(video.seconds)),
                "channelId": "UC" + "a" * 22,
            },
        }
        if video.status == "OK":
            sound = {
                "itag": 140,
                "url": f"{self.address}/videoplayback/{video_id}",
                "mimeType": 'audio/mp4; codecs="mp4a.40.2"',
                "bitrate": 130_000,
                "averageBitrate": 129_000,
                "approxDurationMs": str(round(video.seconds * 1000)),
                "audioSampleRate": "44100",
                "audioChannels": 2,
                "audioQuality": "AUDIO_QUALITY_MEDIUM",
            }
            answer["streamingData"] = {"expiresInSeconds": "21540", "adaptiveFormats": [sound]}
        return answer


def _json(value: object) -> Reply:
    return reply(json.dumps(value), kind="application/json")


def sound(data: bytes) -> Reply:
    """A whole recording."""
    return reply(data, kind="audio/mp4")
