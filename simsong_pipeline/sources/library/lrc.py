"""Synchronised lyrics as plain lines: what is sung, without times, headers, credits and marks of the singers."""

import json
import re

from simsong_pipeline.sources.encodings import lines_of

_NUMBER = r"\d{1,3}(?::\d{1,2}){1,2}(?:[.:,]\d{1,6})?"
# [00:12.34], also several in a row, [01:00:12.34], [-00:01]; <00:12.34> within a line is the word-by-word form.
_TIMES = re.compile(rf"\[\s*[+-]?{_NUMBER}\s*\]|<\s*{_NUMBER}\s*>")
# [12345,678] begins a line in the forms of Chinese players, with (12345,67,0) or <0,67,0> at each word.
_MILLISECONDS = re.compile(r"^\s*\[\d+,\d+\]")
_WORD_MILLISECONDS = re.compile(r"[(<]\d+,\d+(?:,\d+)?[)>]")
_HEADER = re.compile(r"^\s*\[\s*(?P<key>[#@\w][\w.-]*)\s*:(?P<value>.*)\]\s*$")
# Those that are none of anything else, with times or without.
_KEYS = (
    "# album al ar art artist au author by composer copyright creator editor encoding hash id key kana la lang "
    "language length lr lyricist music offset oid qq re sign source ti time title tool total url ve version"
)
_HEADERS = frozenset(_KEYS.split())
# Sung by a second voice.
_BACKGROUND = re.compile(r"^\s*\[\s*(?:bg|x-bg)\s*:(?P<sung>.*?)\]?\s*$", re.IGNORECASE)
_VOICE = re.compile(r"^\s*(?:v\d{1,2}|bg|[MFD])\s*:\s*")
_ROLES = (
    "作词|作詞|填词|填詞|作曲|编曲|編曲|词|詞|曲|演唱|原唱|歌手|制作人|製作人|制作|监制|監製|混音|母带|录音|錄音|和声|和聲|吉他|贝斯|鼓|"
    "弦乐|出品|发行|歌|作詞・作曲|作詞/作曲|词曲|詞曲|작사|작곡|편곡|노래|"
    "Слова|Музыка|Автор|Исполнитель|Lyricist|Composer|Arranger|Producer|Songwriter|Vocals?|Singer|Artist|Title|"
    "(?:Lyrics?|Words|Music|Written|Composed|Arranged|Produced|Mixed|Mastered|Performed|Synced|Transcribed)"
    r"(?:\s*(?:&|and|/)\s*(?:Lyrics?|Words|Music|Composed|Arranged|Produced))?\s+by|Lyrics?|Words|Music"
)
_CREDIT = re.compile(rf"^\W*(?:{_ROLES})(?:\s*[/&、]\s*(?:{_ROLES}))*\s*[:：]\s*\S", re.IGNORECASE)
# Without a colon it may be sung, so it counts only before and after everything else, with a name behind it.
_SAID_BY = re.compile(
    r"^\W*(?:Lyrics?|Words|Music|Composed|Arranged|Produced)(?:\s*(?:&|and|/)\s*(?:Lyrics?|Words|Music))?\s+by\s+[A-Z]\S*"
    r"(?:\s+\S+){0,6}$"
)
_ENDS = 5


def without_times(text: str) -> str:
    """Lyrics in LRC form as plain lines; plain text stays as it is, but for credits and known headers."""
    lines = lines_of(text)
    timed = any(_TIMES.search(line) or _MILLISECONDS.match(line) for line in lines)
    kept = [sung for line in lines if (sung := _sung(line, timed)) is not None]
    while kept and not kept[-1]:
        kept.pop()
    return "\n".join(_without_ends(kept)).strip()


def _sung(line: str, timed: bool) -> str | None:
    """The words of a line, empty for a pause; null for a line that is no lyrics."""
    background = _BACKGROUND.match(line)
    body = line if background is None else background["sung"]
    header = _HEADER.match(line) if background is None else None
    if header is not None and (timed or header["key"].lower() in _HEADERS) and not _TIMES.match(line):
        return None
    if _MILLISECONDS.match(body):
        body = _WORD_MILLISECONDS.sub("", _MILLISECONDS.sub("", body))
    words = _TIMES.sub("", body).strip()
    if _CREDIT.match(words) or _is_json_credit(words):
        return None
    return _VOICE.sub("", words) if timed else words


def _is_json_credit(line: str) -> bool:
    """A line of NetEase's: {"t": milliseconds, "c": [{"tx": text}, …]}."""
    if not line.startswith("{"):
        return False
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and isinstance(record.get("c"), list)


def _without_ends(lines: list[str]) -> list[str]:
    ends = {*range(_ENDS), *range(len(lines) - _ENDS, len(lines))}
    return [line for at, line in enumerate(lines) if not (at in ends and _SAID_BY.match(line))]
