"""One wanted song from YouTube: search, choose, try the sure candidates in turn, keep 16 kHz mono."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import soundfile

from simsong_pipeline.audio.checks import check_recording
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.config import AudioConfig
from simsong_pipeline.errors import AudioError
from simsong_pipeline.files import write_bytes
from simsong_pipeline.providers.matching import SURE, Candidate, Ranked, WantedSong, rank
from simsong_pipeline.providers.web.youtube import SearchError, VideoError, YouTube

AudioStatus = Literal["OK", "NOT_FOUND", "UNAVAILABLE", "BLOCKED", "TRANSIENT"]
SAMPLE_RATE = 16_000
# No song is longer; a stream that never ends would fill the disk.
_LONGEST_S = 3_600.0


@dataclass(frozen=True)
class AudioFound:
    """What is known after asking: the match with its likeness and the next best one's, or why there is none."""

    status: AudioStatus
    reason: str
    matched: str | None = None
    channel: str | None = None
    video_id: str | None = None
    likeness: float | None = None
    runner_up: float | None = None
    duration_s: float | None = None


def fetch_song(youtube: YouTube, wanted: WantedSong, target: Path, results: int, tries: int) -> AudioFound:
    """Leave the song at `target` as FLAC, 16 kHz mono, or say why not.

    Args:
        results: how many of the search's results are looked at.
        tries: how many sure candidates are tried where a video cannot be had.

    Raises:
        ProviderStoppedError: YouTube asks to be left alone.
    """
    try:
        ranked = rank(wanted, youtube.search(f"{wanted.name.artist} {wanted.name.title}", results))
    except SearchError as error:
        return AudioFound("BLOCKED" if error.blocked else "TRANSIENT", error.reason)
    runner_up = ranked[1].likeness if len(ranked) > 1 else None
    sure = [r for r in ranked if r.likeness >= SURE][:tries]
    if not sure:
        nearest = f"; the nearest is {ranked[0].candidate.title!r}" if ranked else ""
        likeness = ranked[0].likeness if ranked else None
        return AudioFound("NOT_FOUND", f"no video is this song{nearest}", likeness=likeness, runner_up=runner_up)
    return _first_that_can_be_had(youtube, sure, target, runner_up)


def _first_that_can_be_had(youtube: YouTube, sure: list[Ranked], target: Path, runner_up: float | None) -> AudioFound:
    faults = []
    for ranked in sure:
        video = ranked.candidate
        match = (video.title, video.channel, video.video_id, ranked.likeness, runner_up)
        try:
            duration = _keep(youtube.download(video.video_id), video, target)
        except VideoError as error:
            faults.append(f"{video.video_id}: {error.reason}")
            if error.fault != "unavailable":
                # Another, less sure video would be taken for good where this one only could not be had now.
                return AudioFound("BLOCKED" if error.fault == "blocked" else "TRANSIENT", "; ".join(faults), *match)
        except AudioError as error:
            faults.append(f"{video.video_id}: {error}")
        else:
            return AudioFound("OK", "; ".join(faults), *match, duration)
    return AudioFound("UNAVAILABLE", "; ".join(faults), runner_up=runner_up)


def _keep(file: Path, video: Candidate, target: Path) -> float:
    """Decode, check and write; seconds of it."""
    recording = decode(file, SAMPLE_RATE, _LONGEST_S)
    check_recording(recording, video.duration_s, AudioConfig(max_seconds=_LONGEST_S))
    buffer = io.BytesIO()
    soundfile.write(buffer, recording.samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    write_bytes(target, buffer.getvalue())
    file.unlink()
    return round(recording.duration_s, 3)
