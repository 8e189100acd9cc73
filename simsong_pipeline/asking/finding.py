"""Which song or tag is meant by words."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
from anyascii import anyascii
from rapidfuzz import fuzz, process

from simsong_pipeline.credits import credit_of, first_artist, is_nobody, name_key, unaccented
from simsong_pipeline.errors import AmbiguousSongError, UnknownSongError, UnknownTagError
from simsong_pipeline.genres import genre_key, genres_of


@dataclass(frozen=True)
class _Song:
    track_id: str
    artist: str
    title: str

    @property
    def label(self) -> str:
        return f"{self.artist} - {self.title}"

    @property
    def names(self) -> tuple[str, ...]:
        """What a person may call it: by the whole credit or by the first artist alone."""
        first = first_artist(self.artist)
        return (self.label, self.title, self.artist, f"{first} - {self.title}", first)


def find_song(tracks: pl.DataFrame, words: str) -> str:
    """The track id that `words` name: an id, a title, an artist and title, or an artist of one song.

    However letters are composed they are the same. What fits as a whole goes before what fits in part, and either with
    its accents before without.

    Raises:
        AmbiguousSongError: several songs fit; the message lists them.
        UnknownSongError: none does; the message suggests the nearest.
    """
    if words in set(tracks["track_id"].to_list()):
        return words
    songs = [_Song(*row) for row in tracks.select("track_id", "artist_name", "title").rows()]
    fitting = _fitting(songs, words)
    if len(fitting) == 1:
        return fitting[0].track_id
    if fitting:
        raise AmbiguousSongError(
            *_listing(f"{words!r} fits {len(fitting)} songs; name one of them or its id:", fitting)
        )
    labels = {n: folded(song.label) for n, song in enumerate(songs)}
    nearest = process.extract(folded(words), labels, scorer=fuzz.WRatio, limit=5)
    raise UnknownSongError(*_listing(f"no song is called {words!r}; the nearest are:", [songs[n] for *_, n in nearest]))


def _fitting(songs: Sequence[_Song], words: str) -> list[_Song]:
    for form in (_plain, folded):
        wanted = form(words)
        exact = [song for song in songs if wanted and wanted in {form(name) for name in song.names}]
        if exact:
            return exact
    for form in (_plain, folded):
        partial = _containing(songs, form, form(words))
        if partial:
            return partial
    return []


def _containing(songs: Sequence[_Song], form: Callable[[str], str], wanted: str) -> list[_Song]:
    return [song for song in songs if wanted and wanted in form(song.label)]


def find_group(names: Sequence[str | None], words: str, what: str) -> list[int]:
    """Rows whose name, an artist's or an album's, `words` spell, if need be without accents.

    Args:
        what: the kind of name, for the message.

    Raises:
        UnknownSongError: none; the message suggests the nearest.
    """
    for form in (_plain, folded):
        wanted = form(words)
        fitting = [n for n, name in enumerate(names) if name and wanted and form(name) == wanted]
        if fitting:
            return fitting
    known = {name: folded(name) for name in names if name}
    close = process.extract(folded(words), known, scorer=fuzz.WRatio, limit=5)
    nearest = ", ".join(repr(name) for *_, name in close)
    raise UnknownSongError(f"no {what} is called {words!r}" + (f"; the nearest are {nearest}" if nearest else ""))


def find_artist(tracks: pl.DataFrame, words: str) -> list[int]:
    """Rows that name an artist, alone, with guests or as a guest, if need be without accents.

    Raises:
        UnknownSongError: none; the message suggests the nearest. Or the words name nobody.
    """
    if is_nobody(words):
        raise UnknownSongError(f"{words!r} is no artist: songs that are by nobody have nothing in common; name a song")
    names = [_names_in(*row) for row in tracks.select("artist_name", "title").rows()]
    for form in (_plain, folded):
        wanted = form(words)
        fitting = [n for n, named in enumerate(names) if wanted and wanted in {form(name) for name in named}]
        if fitting:
            return fitting
    return find_group([named[0] for named in names], words, "artist")  # which says what is nearest


def _names_in(artist: str, title: str) -> tuple[str, ...]:
    return (first_artist(artist), artist, *credit_of(artist, title).names)


def is_called(artist: str, words: str) -> bool:
    """Whether words are an artist's whole credit, or the first name in it."""
    return any(form(words) in (form(artist), form(first_artist(artist))) for form in (_plain, folded))


def find_language(known: Sequence[str], words: str) -> str:
    """The language among the known ones that `words` spell, whatever the case.

    Raises:
        UnknownTagError: none of them; the message lists those that there are.
    """
    wanted = words.strip().lower()
    if wanted in known:
        return wanted
    there = f"there are {', '.join(known)}" if known else "no song has lyrics whose language is known"
    raise UnknownTagError(f"no song has lyrics in the language {words!r}; {there} (`simsong languages`)")


def find_tags(known: Sequence[str], words: str) -> list[str]:
    """Those of the known tags that `words` spell, whatever the case, the marks and the composition of letters.

    Words that name several genres at once, as tags do, find each of them.

    Raises:
        UnknownTagError: none of them; the message suggests the nearest.
    """
    for wanted in ([words], genres_of([words])):
        for form in (name_key, genre_key):
            keys = {form(genre) for genre in wanted}
            fitting = [tag for tag in known if form(tag) in keys and form(tag)]
            if fitting:
                return fitting
    close = process.extract(folded(words), {tag: folded(tag) for tag in known}, scorer=fuzz.WRatio, limit=5)
    nearest = ", ".join(repr(tag) for *_, tag in close)
    raise UnknownTagError(f"no song has the tag {words!r}" + (f"; the nearest are {nearest}" if nearest else ""))


def _plain(text: str) -> str:
    """Letters and digits in lower case, single blanks between words; a name of marks alone stays."""
    key = name_key(text)
    return " ".join(re.sub(r"[\W_]+", " ", key).split()) or key


def folded(text: str) -> str:
    """As `_plain`, without accents, and letters of other alphabets as a keyboard without them writes them: ø as o."""
    return _plain(anyascii(unaccented(text)))


def _listing(head: str, songs: Sequence[_Song], limit: int = 12) -> list[str]:
    lines = [f"  {song.label}  ({song.track_id})" for song in songs[:limit]]
    more = [f"  … and {len(songs) - limit} more"] if len(songs) > limit else []
    return [head, *lines, *more]
