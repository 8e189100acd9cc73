"""Which of a search's videos is the wanted recording. Pure: names, channels and lengths in, a likeness out."""

import re
from dataclasses import dataclass
from itertools import pairwise

from anyascii import anyascii
from rapidfuzz import fuzz

from simsong_pipeline.names import VERSIONS, SongName, artists_of, bare_title, plain


@dataclass(frozen=True)
class WantedSong:
    """What the catalogue knows; the length is null where it does not."""

    name: SongName
    duration_s: float | None


@dataclass(frozen=True)
class Candidate:
    """A video as a search shows it."""

    video_id: str
    title: str
    channel: str
    duration_s: float | None
    views: int | None = None
    live: bool = False


@dataclass(frozen=True)
class Ranked:
    """A candidate and how sure it is the wanted recording, 0 to 1."""

    candidate: Candidate
    likeness: float


# Chosen on the first half of the tests' hand-written searches; the other half was only measured.
SURE = 0.78
_ALIKE = 0.85
# What is said of a video and not of the recording.
_NOISE_WORDS = (
    "official music video videoclip clip audio lyric lyrics with hd hq uhd 4k 1080p mv m v remaster "
    "remastered visualizer visualiser oficial officiel officielle clipe explicit clean stereo mono "
    "original album version single song ver topic vevo full new high quality restored anniversary by from "
    "the movie ost soundtrack film a"
)
_NOISE = frozenset(_NOISE_WORDS.split())
# Other performances and treatments, beside those that a title of any kind may name.
_TREATMENTS = frozenset(
    (
        *VERSIONS,
        *("lessons", "how to play", "guitar", "ukulele", "drum", "drums", "bass", "piano", "fingerstyle", "bagpipes"),
        *(
            "recorder cover",
            "react",
            "reacts",
            "covers",
            "covered",
            "full album",
            "hour",
            "hours",
            "unplugged",
            "reprise",
        ),
        *("peel", "rework", "reinterpreted", "remixed", "en vivo", "ao vivo", "en directo", "dal vivo", "versión"),
        *("dance", "backing", "honors", "compilation", "interview", "trailer", "teaser", "behind the scenes"),
        *(
            "made famous",
            "style of",
            "originally performed",
            "8 bit",
            "8bit",
            "music box",
            "type beat",
            "karaoke version",
        ),
        *("кавер", "караоке", "концерт", "ремикс", "минус", "на пианино", "на гитаре", "клавиши"),
        *(
            "カバー",
            "ライブ",
            "カラオケ",
            "弾いてみた",
            "歌ってみた",
            "ピアノ",
            "커버",
            "라이브",
            "노래방",
            "翻唱",
            "伴奏",
            "现场",
        ),
    )
)
_BAD_CHANNEL = re.compile(
    r"karaoke|\bcovers?\b|tribute|lessons?\b|tutorial|nightcore|\b8d\b|remix(?:es)?\b|\breact", re.I
)
_FEATURED = re.compile(
    r"[\(\[]?\s*\b(?:feat\.?|ft\.?|featuring)\s+([^\)\]\(\[|]+?)(?:[\)\]]|(?=\s[-–—]\s|[\(\[|]|$))", re.I
)
_RECORDED_ANEW = re.compile(r"\b(?:19|20)\d\d version\b|\bre-?recorded\b|\btaylor'?s version\b", re.I)
_CHANNEL_NOISE = re.compile(r"\s-\stopic$|vevo$|\bofficial\b|officiel$|\bmusic$|\bband$|\bhq$", re.I)
_NUMBERS = {
    w: str(n)
    for n, w in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=1)
}
_ROMAN = {
    w: str(n) for n, w in enumerate(["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"], start=1)
}


def rank(wanted: WantedSong, candidates: list[Candidate]) -> list[Ranked]:
    """All candidates, the surest first; among equals the order of the search."""
    found = [Ranked(candidate, likeness(wanted, candidate)) for candidate in candidates]
    return sorted(found, key=lambda ranked: -ranked.likeness)


def likeness(wanted: WantedSong, candidate: Candidate) -> float:
    """0 to 1: how sure the video is the wanted recording, by its title, its channel and its length.

    0 where it is a live stream, another version or part, or has not the title or the artist.
    """
    if candidate.live or _BAD_CHANNEL.search(candidate.channel) or _another_version(wanted, candidate.title):
        return 0.0
    guests = [name for found in _FEATURED.findall(candidate.title) for name in artists_of(found)]
    words = _words(_FEATURED.sub(" ", candidate.title))
    title = _words(bare_title(wanted.name.title))
    if not title or _parts(title) != _parts(words):
        return 0.0
    title_score, rest = _best_title(title, wanted.name.title, words)
    artist_score, rest = _artist(wanted.name.artist, candidate.channel, guests, rest)
    known = title_score * artist_score * _length(wanted.duration_s, candidate.duration_s)
    return known * _left_over(wanted, rest) * _place(wanted.name.artist, candidate.channel)


def _another_version(wanted: WantedSong, title: str) -> bool:
    """Whether the video names a treatment more or less often than the song does."""
    if bool(_RECORDED_ANEW.search(title)) != bool(_RECORDED_ANEW.search(wanted.name.title)):
        return True
    video, song, artist = (f" {plain(text)} " for text in (title, wanted.name.title, wanted.name.artist))
    for word in _TREATMENTS:
        found, meant = video.count(f" {word} "), song.count(f" {word} ")
        if not meant <= found <= meant + artist.count(f" {word} "):
            return True
    return False


def _words(text: str) -> list[str]:
    """Plain words; every way of counting parts as "part 2"."""
    words: list[str] = []
    for word in plain(text).split():
        told = "part" if word in ("pt", "pts", "parts") else word
        if words and (words[-1] in ("part", "no") or (len(words) > 1 and words[-2] == "part" and words[-1].isdigit())):
            told = _ROMAN.get(told, _NUMBERS.get(told, told))
        words.append(told)
    return words


def _parts(words: list[str]) -> list[str]:
    """The numbers that follow "part" and "no"."""
    found: list[str] = []
    for before, word in pairwise(words):
        if word.isdigit() and (before in ("part", "no") or (found and before == found[-1])):
            found.append(word)
    return found


def _best_title(title: list[str], whole: str, words: list[str]) -> tuple[float, list[str]]:
    """(likeness of the words that are most like the title, the words without them); without its brackets for less."""
    found = _window(title, words)
    shorter = _words(re.sub(r"[\(\[].*?[\)\]]+", " ", whole))
    if found[0] < _ALIKE and shorter and shorter != title:
        score, rest = _window(shorter, words)
        found = (0.9 * score, rest)
    return found if found[0] >= 0.9 * _ALIKE else (0.0, words)


def _window(wanted: list[str], words: list[str]) -> tuple[float, list[str]]:
    """(likeness, the other words) of the run of words that is most like the wanted ones, in Latin letters or as is."""
    best, rest = 0.0, words
    target = "".join(wanted)
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + len(wanted) + 2) + 1):
            score = _alike(target, "".join(words[start:end]))
            if score > best:
                best, rest = score, words[:start] + words[end:]
    return best, rest


def _alike(first: str, second: str) -> float:
    if first == second:
        return 1.0
    return max(fuzz.ratio(first, second), fuzz.ratio(anyascii(first).lower(), anyascii(second).lower())) / 100


def _artist(artist: str, channel: str, guests: list[str], words: list[str]) -> tuple[float, list[str]]:
    """(likeness of the best place where the artist is named, the words without any of the artist's names)."""
    names, best = artists_of(artist), 0.0
    by_channel = _by_channel(artist, channel)
    for number, name in enumerate(dict.fromkeys([plain(artist), *names])):
        score, rest = _window(name.split(), words)
        if score >= _ALIKE:
            words = rest
            # A guest's name alone, or one of several, says a little less.
            best = max(best, score if number < 2 else 0.95 * score)
    if by_channel >= _ALIKE:
        return max(best, by_channel), words
    guest = max((_alike("".join(n.split()), "".join(g.split())) for n in names for g in guests), default=0.0)
    if best < _ALIKE and guest >= _ALIKE:
        own = "".join(plain(_CHANNEL_NOISE.sub("", channel)).split())
        return 0.92 * guest, [w for w in words if w not in own]
    return (best if best >= _ALIKE else 0.0), words


def _by_channel(artist: str, channel: str) -> float:
    own = plain(_CHANNEL_NOISE.sub("", _CHANNEL_NOISE.sub("", channel.strip())))
    turned = " ".join(reversed(own.split()))
    forms = [*artists_of(artist)[:1], plain(artist)]
    return max(
        _alike("".join(a.split()), "".join(b.split())) for a in forms for b in (own, turned, own.removeprefix("the "))
    )


def _length(wanted: float | None, found: float | None) -> float:
    """1 up to 3 % and two seconds apart; a film's prologue or a single's cut costs some; far off is another thing."""
    if wanted is None or wanted <= 0:
        return 1.0
    if found is None:
        return 0.9
    if found < 0.9 * wanted - 0.5:
        return 0.7  # the catalogue's check would refuse it as cut short
    apart = max(0.0, abs(found - wanted) - 2) / wanted
    if apart <= 0.03:
        return 1.0
    return 1.0 - 0.6 * (apart - 0.03) if apart <= 0.25 else max(0.0, 0.868 - 2 * (apart - 0.25))


def _left_over(wanted: WantedSong, words: list[str]) -> float:
    """What else the title says: every word that is neither of the song nor usual for a video makes it less sure."""
    latin = plain(wanted.name.title).isascii()
    score = 1.0
    for word in words:
        if word in _NOISE or re.fullmatch(r"(?:19|20)\d\d", word):
            continue
        if word.isdigit():
            score *= 0.75
        elif word.isascii() == latin:
            score *= 0.92
        else:
            score *= 0.99  # the same name in another script
    return score


def _place(artist: str, channel: str) -> float:
    """An artist's own and the label's generated channel before others."""
    if channel.lower().endswith(" - topic"):
        return 1.0
    return 0.99 if _by_channel(artist, channel) >= _ALIKE else 0.97
