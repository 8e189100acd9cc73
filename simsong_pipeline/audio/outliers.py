"""Recordings that are no near neighbours of music: nearly silent ones, noise, tones, speech."""

SILENT = "nearly silent"
UNLIKE_MUSIC = "unlike music"
REASONS = (SILENT, UNLIKE_MUSIC)

_SILENT_DB = -50.0
# Of 326 recordings of music the median is 0.62 and 99 % lie below 1.1 (docs/experiments.md). What has no clear pulse
# either, as speech, noise and tones have none, is told by less.
_STRANGE = 1.16
_STRANGE_WITHOUT_PULSE = 0.78


def outlier_reason(loudness_db: float, tempo_bpm: float | None, strangeness: float | None) -> str | None:
    """Why a recording is left out of answers, one of `REASONS`; null for music.

    Args:
        loudness_db: of `description.Description`; a song of which but a few seconds are loud is not silent by it.
        tempo_bpm: null where there is no clear pulse.
        strangeness: of `preparation.Listener`; null where it is not known, and then only silence is told.
    """
    if loudness_db < _SILENT_DB:
        return SILENT
    if strangeness is None:
        return None
    most = _STRANGE_WITHOUT_PULSE if tempo_bpm is None else _STRANGE
    return UNLIKE_MUSIC if strangeness > most else None
