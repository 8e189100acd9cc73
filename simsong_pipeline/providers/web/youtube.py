"""YouTube through yt-dlp: what a search shows, and one video's sound. Which video is the song is `matching`'s part."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yt_dlp

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.providers.matching import Candidate
from simsong_pipeline.providers.web.polite_client import PoliteClient
from simsong_pipeline.providers.web.ytdlp_transport import SITE, PoliteYoutubeDL

Fault = Literal["unavailable", "blocked", "transient"]
_BOT = re.compile(r"not a bot|captcha|unusual traffic|too many requests|HTTP Error 429|left alone", re.I)
# What another try would not change, in the site's own sentences; yt-dlp tells these apart by nothing else.
_UNAVAILABLE = re.compile(
    r"video unavailable|video (?:is|has been) (?:unavailable|private|not available|no longer available|removed)"
    r"|private video|not (?:made this video )?available in your|blocked it (?:in|on)|been terminated|removed by the"
    r"|confirm your age|age.?restricted|inappropriate for some|members.only|join this channel|premieres in"
    r"|live event will|live stream|drm protect|requires payment|larger than",
    re.I,
)
# What says that yt-dlp no longer understands the site, or lacks a JavaScript runtime: no fault of the song's.
_OUTDATED = re.compile(r"requested format|no video formats|unable to extract|extractor error|only images are", re.I)
_STATUS = re.compile(r"HTTP Error (\d{3})")
# Its own errors, and those that slip through it when a page is not what it expects.
_FAULTS = (yt_dlp.utils.YoutubeDLError, KeyError, IndexError, TypeError, ValueError, AttributeError)


class VideoError(SimSongError):
    """A video that was not fetched, and whether asking again could help."""

    def __init__(self, video_id: str, fault: Fault, reason: str) -> None:
        self.fault, self.reason = fault, reason
        super().__init__(f"video {video_id}: {reason}")


class SearchError(SimSongError):
    """A search without an answer; `blocked` where it was refused."""

    def __init__(self, reason: str, blocked: bool) -> None:
        self.reason, self.blocked = reason, blocked
        super().__init__(f"the search failed: {reason}")


@dataclass(frozen=True)
class YouTube:
    """Asks for one thing at a time.

    Attributes:
        scratch: folder for files in the making; what lies there may be deleted at any moment between two calls.
        max_bytes: largest recording.
    """

    client: PoliteClient
    scratch: Path
    site: str = SITE
    max_bytes: int = 60_000_000

    def search(self, query: str, results: int) -> list[Candidate]:
        """The first results, in YouTube's own order.

        Raises:
            SearchError: no answer.
            ProviderStoppedError: YouTube asks to be left alone.
        """
        try:
            found = self._ask(f"ytsearch{results}:{query}", {"extract_flat": True}, download=False)
        except _FAULTS as error:
            reason = _sentence(error)
            blocked = self._count(reason)
            raise SearchError(reason, blocked) from error
        return [_candidate(entry) for entry in found.get("entries") or [] if entry and entry.get("id")]

    def download(self, video_id: str) -> Path:
        """The video's sound as YouTube has it, in a file below `scratch`.

        Raises:
            VideoError: it cannot be had.
            ProviderStoppedError: YouTube asks to be left alone.
        """
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        options = {
            # 128 kbit/s holds all that 16 kHz mono can carry.
            # Plain http: for anything else yt-dlp would start a program that asks the network by itself.
            "format": "/".join(f"{kind}[protocol^=http]" for kind in ("bestaudio[abr<=160]", "bestaudio", "best")),
            "external_downloader": {"default": "native"},
            "outtmpl": str(self.scratch / "%(id)s.%(ext)s"),
            "max_filesize": self.max_bytes,
            "match_filter": yt_dlp.utils.match_filter_func("!is_live"),
        }
        try:
            self._ask(f"https://www.youtube.com/watch?v={video_id}", options, download=True)
        except _FAULTS as error:
            reason = _sentence(error)
            raise VideoError(video_id, self._fault(reason), reason) from error
        files = [p for p in self.scratch.iterdir() if p.stem == video_id and p.suffix != ".part"]
        if not files:
            raise VideoError(video_id, "unavailable", f"larger than {self.max_bytes:,} bytes, or a live stream")
        self.client.went_well()
        return files[0]

    def _ask(self, target: str, more: dict[str, Any], download: bool) -> dict[str, Any]:
        params = {
            "quiet": True,
            "no_warnings": True,
            "noprogress": True,
            "logger": _Silent(),
            "cachedir": False,
            "noplaylist": True,
            # Trying again is the client's part, which knows how long to wait.
            "retries": 0,
            "extractor_retries": 0,
            "file_access_retries": 0,
            "fragment_retries": 0,
            "allowed_extractors": ["youtube", "youtube:search"],
        }
        with PoliteYoutubeDL(params | more, self.client, self.site) as ydl:
            try:
                info: dict[str, Any] = ydl.extract_info(target, download=download) or {}
            finally:
                if ydl.stopped is not None:
                    raise ydl.stopped
        return info

    def _count(self, reason: str) -> bool:
        """Whether a failure is a refusal of the whole provider; statuses the client has counted itself."""
        status = _STATUS.search(reason)
        if status is not None:
            return status[1] in ("401", "403", "429", "451")
        if not _BOT.search(reason):
            return False
        self.client.block(reason)
        return True

    def _fault(self, reason: str) -> Fault:
        """What a failed download says: a status first, then what the site says of the video."""
        if self._count(reason):
            return "blocked"
        status = _STATUS.search(reason)
        if status is not None:
            return "unavailable" if status[1] in ("404", "410") else "transient"
        if _OUTDATED.search(reason):
            self.client.block(f"{reason}; is yt-dlp up to date (pip install -U yt-dlp), and deno installed?")
            return "transient"
        return "unavailable" if _UNAVAILABLE.search(reason) else "transient"


class _Silent:
    """yt-dlp's own lines; what matters of them comes as an error."""

    def debug(self, _: str) -> None:
        """Nothing."""

    info = warning = error = debug


def _candidate(entry: dict[str, Any]) -> Candidate:
    duration, views = entry.get("duration"), entry.get("view_count")
    return Candidate(
        video_id=str(entry["id"]),
        title=str(entry.get("title") or ""),
        channel=str(entry.get("channel") or entry.get("uploader") or ""),
        duration_s=float(duration) if duration else None,
        views=int(views) if views else None,
        live=entry.get("live_status") in ("is_live", "is_upcoming", "post_live"),
    )


def _sentence(error: Exception) -> str:
    """yt-dlp's message without its colours and its advice on reporting."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = (
        re.sub(r"^(?:ERROR:\s*)?(?:\[[^\]]*\]\s*)?(?:[\w-]{11}:\s*)?", "", text)
        .split("; please report")[0]
        .split(". Use --cookies")[0]
    )
    return " ".join(text.split())[:300]
