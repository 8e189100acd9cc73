"""Names of songs and artists as people write them, brought to a form that can be compared. Pure functions."""

import re
import unicodedata
from dataclasses import dataclass

# What stands in brackets, or after a dash, and does not belong to the title.
_FEATURED = re.compile(
    r"[\(\[]\s*(?:feat\.?|ft\.?|featuring|with)\s+([^\)\]]+)[\)\]]"
    r"|\s(?:feat\.?|ft\.?|featuring)\s+(.+)$",
    re.I,
)
_EDITION = re.compile(
    r"[\(\[][^\)\]]*\b(?:official|lyrics?|audio|video|visuali[sz]er|hd|hq|4k|remaster(?:ed)?|album version|"
    r"single version|original mix|explicit|clean|mono|stereo)\b[^\)\]]*[\)\]]"
    r"|\s[-–—]\s(?:\d{4}\s+)?(?:remaster(?:ed)?|mono|stereo|album version|single version)\b.*$",
    re.I,
)
_JOINERS = re.compile(r"\s*(?:,|;|&|\+|\bx\b|\band\b|\bvs\.?|\bwith\b|\bfeat\.?|\bft\.?|\bfeaturing\b)\s*", re.I)
# Another performance or treatment than the one that is wanted, unless the title says so itself.
VERSIONS = (
    "live",
    "remix",
    "cover",
    "karaoke",
    "instrumental",
    "acoustic",
    "demo",
    "nightcore",
    "sped up",
    "slowed",
    "reverb",
    "8d",
    "tribute",
    "mashup",
    "reaction",
    "tutorial",
    "lesson",
    "loop",
    "1 hour",
    "10 hours",
    "extended",
    "edit",
    "mix",
    "medley",
    "parody",
    "orchestral",
    "piano version",
    "remake",
    "session",
    "concert",
    "rehearsal",
    "bootleg",
    "a cappella",
    "acapella",
    "backing track",
    "chipmunk",
    "translation",
    "translated",
)


@dataclass(frozen=True)
class SongName:
    """An artist and a title as given."""

    artist: str
    title: str


def plain(text: str) -> str:
    """Case, accents and punctuation taken off; letters of every script stay; '&' is 'and'."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("&", " and ").replace("’", "'"))
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w']+|_", " ", letters).replace("'", "").split())


def bare_title(title: str) -> str:
    """The title without featured guests and notes on its edition, plain; the whole of it where nothing else is left."""
    shorter = _EDITION.sub("", _FEATURED.sub("", title))
    return plain(shorter) or plain(title)


def artists_of(artist: str) -> list[str]:
    """The single names in a credit, plain, the first first; a leading 'the' is dropped."""
    found = [re.sub(r"^the ", "", plain(part)) for part in _JOINERS.split(artist)]
    return [name for name in found if name] or [plain(artist)]


def versions_in(text: str) -> frozenset[str]:
    """The words of `VERSIONS` that a text has."""
    padded = f" {plain(text)} "
    return frozenset(word for word in VERSIONS if f" {word} " in padded)


def title_likeness(first: str, second: str) -> float:
    """0 to 1: how alike two titles are, their editions and guests aside."""
    a, b = bare_title(first), bare_title(second)
    return 1.0 if a == b else _alike(a, b)


def artist_likeness(first: str, second: str) -> float:
    """0 to 1: of the whole credits or of the names that come first in both, whichever is more alike."""
    return max(_alike(plain(first), plain(second)), _alike(artists_of(first)[0], artists_of(second)[0]))


def _alike(first: str, second: str) -> float:
    """0 to 1: how many characters two names share, their words sorted."""
    from rapidfuzz import fuzz  # not before: most who ask this module compare nothing

    return fuzz.token_sort_ratio(first, second) / 100


def _numbers(title: str) -> list[str]:
    """The numbers in a title: "Pt. 1" and "Pt. 2" are two songs."""
    return re.findall(r"\d+", bare_title(title))


def same_song(wanted: SongName, found: SongName) -> float:
    """0 to 1: how sure both names are one song.

    0 where one is another version than the other or another part of a work, or where a name has no letter or digit.
    """
    if not all(plain(text) for text in (wanted.artist, wanted.title, found.artist, found.title)):
        return 0.0
    if versions_in(found.title) ^ versions_in(wanted.title):
        return 0.0
    if _numbers(wanted.title) != _numbers(found.title):
        return 0.0
    title, artist = title_likeness(wanted.title, found.title), artist_likeness(wanted.artist, found.artist)
    return title * artist
