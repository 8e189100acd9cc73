"""Who an artist is: spellings that are one name, names that are nobody's, and everybody whom a credit names."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_ALIKE = str.maketrans(
    dict.fromkeys("‘’‚‛ʼ′´`", "'") | dict.fromkeys("“”„‟″", '"') | dict.fromkeys("‐‑‒–—―−", "-")  # as typed or typeset
)
# As they are typed among Chinese and Japanese names.
_WIDE = str.maketrans("（）［］｛｝；／｜＆，＋　", "()[]{};/|&,+ ")
# What separates artists in a tag; not "&", "," or a bare "/", which names have of their own.
_SEVERAL = re.compile(r"\x00|;|\\\\|\s/\s|\s\|\s")
_BRACKETED = re.compile(
    r"[\(\[\{]\s*(?:(?:feat|ft|part)(?:[.:]\s*|\s+)|featuring:?\s+|(?:(?:a\s+)?duet\s+)?with\s+|w/\s*)([^\)\]\}]*)[\)\]\}]?",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"[\s,;&/・、–-](?:(?:feat|ft)(?:[.:]\s*|\s+)|featuring:?\s+|[fw]/\s*)(.+?)(?:\s*[\(\[][^\(\[]*[\)\]])*$",
    re.IGNORECASE,
)
# "[Remix]" behind guests is a remark on the song; without guests, as in "Nirvana (UK)", it may tell artists apart.
_REMARKED = re.compile(_BRACKETED.pattern + r"(?:\s*[\(\[\{][^\(\[\{\)\]\}]*[\)\]\}])+\s*$", re.IGNORECASE)
# Without one of these a title names no guest: letters as `re.IGNORECASE` takes them, marks before `_WIDE` as well.
GUEST_WORDS = r"(?is)feat|ft|[fw][/／]|[(\[{（［｛].*(?:part|w[iİı]th)"
_LISTED = re.compile(r"\s*(?:[,;&+/、・]|\band\b|\bfeaturing\b|\b(?:feat|ft)\b\.?)\s*", re.IGNORECASE)
_JOINED = re.compile(
    r"\s*(?:[,&+/、・]|\s(?:and|x|×|vs\.?|with|duet\s+with|meets|pres\.|presents|und|mit|et|avec|y|con|e|com|og|och|en|i|и)"
    r"\s)\s*",
    re.IGNORECASE,
)
# "Stay (with me)" has no guest.
_NO_GUESTS = frozenset(
    {"me", "you", "him", "her", "us", "them", "myself", "yourself", "love", "strings", "orchestra", "lyrics", "intro"}
)
_BRACKETS = {"<": ">", "[": "]", "(": ")", "{": "}"}
# How the name of nobody's song begins, which is an artist of its own.
OWN = "unknown artist of "


def name_key(name: str) -> str:
    """One form for all spellings of a name: composed or not, any blanks, any case, typed or typeset marks."""
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(c for c in composed.translate(_ALIKE) if unicodedata.category(c) != "Cf" and c not in "\ufe0e\ufe0f")
    return " ".join(seen.split())


@lru_cache(maxsize=100_000)
def is_nobody(name: str) -> bool:
    """True for "Various Artists", "<unknown>", blanks and the like, in the languages that programs write them in."""
    key = unaccented(name_key(name))
    inner = key
    while inner[:1] in _BRACKETS and inner.endswith(_BRACKETS[inner[0]]):
        inner = inner[1:-1].strip()
    return inner.strip("-_.") == "" or inner in _NOBODY or (inner != key and inner in _IN_BRACKETS) or _is_own(key)


def _is_own(key: str) -> bool:
    """The name that a manifest's song without an artist is shown by."""
    return key.startswith(OWN)


def unaccented(text: str) -> str:
    """Without what stands above or below letters."""
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c)))


def first_known(*artists: str | None) -> str | None:
    """The first that names somebody, else the first that is not null."""
    given = [artist for artist in artists if artist]
    return next((artist for artist in given if not is_nobody(artist)), given[0] if given else None)


@dataclass(frozen=True)
class Credit:
    """Keys of the artist whose song it is, null for nobody, and of all who are named, that one first."""

    main: str | None
    names: tuple[str, ...]


@lru_cache(maxsize=100_000)
def credit_of(artist: str | None, title: str | None = None) -> Credit:
    """Everybody whom an artist's tag and a title name.

    The first artist is the main one; guests ("feat.", "(with …)", several artists in one tag) make no other. Of guests
    that stand in a row the row counts and each of them, for "Earth, Wind & Fire" are one guest.
    """
    mains, guests = _parsed(artist or "")
    main = next((name_key(name) for name in mains if not is_nobody(name)), None)
    keys = [*_keys([*mains, *_each(guests)]), *(guests_by_title(title) if title else ())]
    return Credit(main, tuple(dict.fromkeys(keys)))


def guests_by_title(title: str) -> list[str]:
    """Keys of the guests whom a title names: none of one without `GUEST_WORDS`."""
    return _keys(_each(g for g in _guests(title.translate(_WIDE)) if name_key(g) not in _NO_GUESTS))


def _each(guests: Iterable[str]) -> list[str]:
    """Guests that stand in a row: the row, and each of them."""
    return [name for guest in guests for name in (guest, *_LISTED.split(guest))]


def _keys(names: Iterable[str]) -> list[str]:
    return [name_key(name) for name in names if not is_nobody(name)]


@lru_cache(maxsize=100_000)
def _parsed(artist: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The artists side by side in a tag, each without its guests, and all guests."""
    mains, guests = [], []
    for part in _SEVERAL.split(artist.translate(_WIDE)):
        mains.append(_without_guests(part))
        guests += _guests(part)
    return tuple(mains), tuple(guests)


def _without_guests(part: str) -> str:
    """The main artist; what joined a guest to the name leaves with the guest, and so do remarks behind it."""
    name = _TRAILING.sub("", _BRACKETED.sub("", _REMARKED.sub("", part))).strip()
    return name if name == part.strip() else name.rstrip(" ,;&/・、–-") or name


def _guests(text: str) -> list[str]:
    rest = _BRACKETED.sub("", text)
    return [g.strip() for g in [*_BRACKETED.findall(text), *_TRAILING.findall(rest)] if g.strip()]


def first_artist(artist: str) -> str:
    """The first artist of a tag without guests, as it is spelt."""
    return _parsed(artist)[0][0] or artist


def parts_of(artist: str) -> tuple[str, ...]:
    """Keys of what a name would fall into, were its "&", commas and the like between artists; empty for one word."""
    parts = [name_key(part) for part in _JOINED.split(artist.translate(_WIDE))]
    return tuple(part for part in parts if part) if len(parts) > 1 else ()


_NOBODY = frozenset(
    unaccented(name_key(name))
    for name in """
    Various Artists|Various Artist|Various|VariousArtists|VA|V.A.|V. A.|V.A|V/A|Various Performers|Multiple Artists
    Compilation|Compilations|Soundtrack|Soundtracks|Original Soundtrack|Original Motion Picture Soundtrack
    Unknown Artist|Unknown Artists|UnknownArtist|Unknown|Artist Unknown|Unknown Performer|No Artist|N/A|Untagged
    Verschiedene Interpreten|Verschiedene Künstler|Verschiedene|Diverse Interpreten|Diverse Künstler|Diverse
    Unbekannter Interpret|Unbekannter Künstler|Unbekannt|Interpret unbekannt
    Artistes divers|Artistes variés|Divers artistes|Divers|Interprètes divers|Multi-interprètes|Artiste inconnu|Inconnu
    Varios artistas|Artistas varios|Varios|Varios intérpretes|Artista desconocido|Intérprete desconocido|Desconocido
    Artisti vari|AA.VV.|AA. VV.|AA.VV|AAVV|Autori vari|Artista sconosciuto|Sconosciuto
    Vários artistas|Vários intérpretes|Vários|Artistas vários|Artista desconhecido|Desconhecido
    Diverse artiesten|Verschillende artiesten|Onbekende artiest|Onbekend
    Blandade artister|Diverse artister|Okänd artist|Okänd|Diverse kunstnere|Forskellige kunstnere
    Ukjent artist|Ukjent|Ukendt kunstner|Ukendt
    Eri esittäjiä|Eri artisteja|Tuntematon artisti|Tuntematon esittäjä|Tuntematon
    Różni wykonawcy|Różni artyści|Nieznany wykonawca|Nieznany artysta|Nieznany
    Různí interpreti|Různí umělci|Neznámý interpret|Neznámý umělec|Rôzni interpreti|Neznámy interpret
    Különböző előadók|Vegyes előadók|Ismeretlen előadó|Diverși artiști|Artiști diverși|Artist necunoscut
    Разные исполнители|Различные исполнители|Разные|Сборник|Неизвестный исполнитель|Неизвестный артист|Неизвестен
    Різні виконавці|Невідомий виконавець|Çeşitli sanatçılar|Bilinmeyen sanatçı|Bilinmeyen
    Διάφοροι καλλιτέχνες|Διάφοροι|Άγνωστος καλλιτέχνης|אמנים שונים|אמן לא ידוע|فنانون متنوعون|فنان غير معروف
    ヴァリアス・アーティスト|ヴァリアス・アーティスツ|オムニバス|不明なアーティスト|アーティスト不明|不明
    群星|合辑|合輯|众艺人|多位艺人|多位藝人|各種藝人|未知艺术家|未知艺人|未知歌手|未知藝術家|未知藝人|未知演出者|未知
    여러 아티스트|다양한 아티스트|여러 가수|알 수 없는 아티스트|알 수 없음|Nghệ sĩ khác nhau|Nhiều nghệ sĩ
    """.replace("\n", "|").split("|")
    if name.strip()
)
# What MusicBrainz writes in brackets where there is no artist; without them they may be names.
_IN_BRACKETS = frozenset(
    {"anonymous", "traditional", "data", "dialogue", "nature sounds", "language instruction", "church chimes"}
)
