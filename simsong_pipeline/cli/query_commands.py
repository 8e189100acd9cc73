"""Questions to the index: `similar`, `path`, `about`, `why`, and what is never to be suggested."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.asking.restricted import restriction_of
from simsong_pipeline.cli.console import err, out, print_json, print_json_lines, print_table
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json, QdrantUrl
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Neighbour, Restriction

if TYPE_CHECKING:
    import polars as pl

    from simsong_pipeline.asking.never_list import Entry
    from simsong_pipeline.asking.queries import Songs
    from simsong_pipeline.asking.reasons import Reasons

_FIELDS = ("artist", "title", "year", "language", "track_id")
_Words = Annotated[list[str], typer.Argument(help="Artist, title, both, or a track id; several songs for a mix.")]
_Song = Annotated[str, typer.Argument(help="Artist, title, both, or a track id.")]
_K = Annotated[int, typer.Option("-k", help="Songs to recommend.", min=1)]
_Weight = Annotated[
    float | None, typer.Option(help="Share of the audio in the score; by validation by default.", min=0, max=1)
]
_Hubness = Annotated[
    float | None, typer.Option(help="Take off for songs that are near to everything; by validation.", min=0, max=2)
]
_Since = Annotated[int | None, typer.Option("--since", help="Of this year or later.")]
_Until = Annotated[int | None, typer.Option("--until", help="Of this year or earlier.")]
_Languages = Annotated[
    list[str] | None, typer.Option("--language", help="Lyrics in this language (en, de, …); repeat.")
]
_Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="With this tag, stated or else heard; repeat for one of several.")
]
_Shortest = Annotated[float | None, typer.Option("--min-seconds", help="At least this long.", min=0)]
_Longest = Annotated[float | None, typer.Option("--max-seconds", help="At most this long.", min=0)]
_Slowest = Annotated[float | None, typer.Option("--min-tempo", help="At least so many beats a minute.", min=0)]
_Fastest = Annotated[float | None, typer.Option("--max-tempo", help="At most so many beats a minute.", min=0)]
_Quietest = Annotated[float | None, typer.Option("--min-loudness", help="At least so loud, in dB: -60 to 0.", max=0)]
_Loudest = Annotated[float | None, typer.Option("--max-loudness", help="At most so loud, in dB: -60 to 0.", max=0)]
_WithOutliers = Annotated[
    bool, typer.Option("--with-outliers", help="Also what is no music by its sound: speech, noise, near silence.")
]
_PerArtist = Annotated[int | None, typer.Option(help="At most so many songs of one artist.", min=1)]
_PerAlbum = Annotated[int | None, typer.Option(help="At most so many songs of one album.", min=1)]
_Diversity = Annotated[
    float, typer.Option(help="0: the nearest; towards 1: the less alike among each other.", min=0, max=0.95)
]
_Out = Annotated[Path | None, typer.Option("--out", help="Also write a playlist (.m3u8) of the recordings.")]


def similar(
    songs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Artist, title, both, a track id, or a recording's path, indexed or not; several for a mix."
        ),
    ] = None,
    home: Home = DEFAULT_HOME,
    k: _K = 10,
    dislike: Annotated[list[str] | None, typer.Option(help="Unlike this song; repeat.")] = None,
    artist: Annotated[list[str] | None, typer.Option(help="Like all songs that name this artist; repeat.")] = None,
    album: Annotated[list[str] | None, typer.Option(help="Like all songs of this album; repeat.")] = None,
    audio_weight: _Weight = None,
    hubness: _Hubness = None,
    exclude_artist: Annotated[bool, typer.Option("--exclude-artist", help="No song by an artist of SONGS.")] = False,
    since: _Since = None,
    until: _Until = None,
    language: _Languages = None,
    tag: _Tags = None,
    min_seconds: _Shortest = None,
    max_seconds: _Longest = None,
    min_tempo: _Slowest = None,
    max_tempo: _Fastest = None,
    min_loudness: _Quietest = None,
    max_loudness: _Loudest = None,
    with_outliers: _WithOutliers = False,
    per_artist: _PerArtist = None,
    per_album: _PerAlbum = None,
    diversity: _Diversity = 0.0,
    out_file: _Out = None,
    qdrant_url: QdrantUrl = None,
    json: Json = False,
) -> None:
    """Songs most like SONGS, from the index.

    The score is the audio's cosine and the lyrics', each with its share (--audio-weight): 1 is the same song, 0 is as
    unlike as two songs drawn at random, below 0 more so. It orders the answers to one question; it is no percentage,
    and scores of two questions are not to be compared. `simsong why` takes one apart.
    """
    if not (songs or artist or album):
        raise typer.BadParameter("name a song, or give --artist or --album")
    measured = ((min_seconds, max_seconds), (min_tempo, max_tempo), (min_loudness, max_loudness))
    restriction = _restriction(since, until, language, tag, measured)
    choice = Choice(k, restriction, per_artist, per_album, diversity)
    workspace = Workspace(home)
    with _asked(workspace, qdrant_url, audio_weight, hubness, with_outliers) as index:
        groups = [*(index.by(name) for name in artist or []), *(index.on(name) for name in album or [])]
        liked = list(dict.fromkeys([*(songs or []), *chain(*groups)]))
        answer = index.similar(liked, choice, dislike or [], exclude_artist)
    named = [*(n.name for n in answer.meant[: len(songs or [])]), *(artist or []), *(album or [])]
    print_songs(f"Similar to {', '.join(named)}", answer.neighbours, json, answer.nothing)
    _write(workspace, out_file, answer.neighbours)


def path(
    start: _Song,
    end: _Song,
    home: Home = DEFAULT_HOME,
    k: Annotated[int, typer.Option("-k", help="Songs between both.", min=1)] = 8,
    audio_weight: _Weight = None,
    hubness: _Hubness = None,
    since: _Since = None,
    until: _Until = None,
    language: _Languages = None,
    tag: _Tags = None,
    min_seconds: _Shortest = None,
    max_seconds: _Longest = None,
    min_tempo: _Slowest = None,
    max_tempo: _Fastest = None,
    min_loudness: _Quietest = None,
    max_loudness: _Loudest = None,
    with_outliers: _WithOutliers = False,
    per_artist: _PerArtist = None,
    per_album: _PerAlbum = None,
    out_file: _Out = None,
    qdrant_url: QdrantUrl = None,
    json: Json = False,
) -> None:
    """A playlist that leads from START to END, each step a little nearer to the end."""
    measured = ((min_seconds, max_seconds), (min_tempo, max_tempo), (min_loudness, max_loudness))
    restriction = _restriction(since, until, language, tag, measured)
    workspace = Workspace(home)
    with _asked(workspace, qdrant_url, audio_weight, hubness, with_outliers) as index:
        answer = index.path(start, end, Choice(k, restriction, per_artist, per_album))
        first, last = index.ends(answer.meant)
    whole = [first, *answer.neighbours, last]
    print_songs(f"From {answer.meant[0].name} to {answer.meant[1].name}", whole, json, answer.nothing)
    _write(workspace, out_file, whole)


def about(
    text: Annotated[str | None, typer.Argument(help='What the lyrics say: "quiet songs about the sea".')] = None,
    home: Home = DEFAULT_HOME,
    k: _K = 10,
    sound: Annotated[
        str | None, typer.Option(help='What the music sounds like: "calm piano at night"; with a CLAP encoder.')
    ] = None,
    sound_weight: Annotated[
        float, typer.Option(help="Share of the sound in the score, beside TEXT.", min=0, max=1)
    ] = 0.5,
    since: _Since = None,
    until: _Until = None,
    language: _Languages = None,
    tag: _Tags = None,
    min_seconds: _Shortest = None,
    max_seconds: _Longest = None,
    min_tempo: _Slowest = None,
    max_tempo: _Fastest = None,
    min_loudness: _Quietest = None,
    max_loudness: _Loudest = None,
    with_outliers: _WithOutliers = False,
    per_artist: _PerArtist = None,
    per_album: _PerAlbum = None,
    diversity: _Diversity = 0.0,
    out_file: _Out = None,
    qdrant_url: QdrantUrl = None,
    json: Json = False,
) -> None:
    """Songs whose lyrics are nearest to TEXT, whose music sounds like --sound, or both."""
    if text is None and sound is None:
        raise typer.BadParameter("say what the lyrics are about (TEXT), what the music sounds like (--sound), or both")
    measured = ((min_seconds, max_seconds), (min_tempo, max_tempo), (min_loudness, max_loudness))
    restriction = _restriction(since, until, language, tag, measured)
    workspace = Workspace(home)
    with _asked(workspace, qdrant_url, None, None, with_outliers) as index:
        choice = Choice(k, restriction, per_artist, per_album, diversity)
        answer = index.about(text or "", choice) if sound is None else index.sounding(sound, choice, text, sound_weight)
    titles = [f"about {text!r}"] * (text is not None) + [f"sounding like {sound!r}"] * (sound is not None)
    print_songs(f"Songs {' and '.join(titles)}", answer.neighbours, json, answer.nothing)
    _write(workspace, out_file, answer.neighbours)


def why(
    first: _Song,
    second: _Song,
    home: Home = DEFAULT_HOME,
    audio_weight: _Weight = None,
    hubness: _Hubness = None,
    qdrant_url: QdrantUrl = None,
    json: Json = False,
) -> None:
    """Why two songs are near: which segments match, how alike the lyrics are, and to which model."""
    with _asked(Workspace(home), qdrant_url, audio_weight, hubness) as index:
        one, two, found = index.why(first, second)
    if json:
        print_json({"first": one.track_id, "second": two.track_id, **asdict(found)})
        return
    off = f", {found.hubness_taken_off:.4f} taken off for hubness" if found.hubness_taken_off else ""
    rows: list[tuple[str, float | None, str]] = [
        ("score", found.score, f"{found.audio_weight:g} of it audio{off}"),
        ("audio", found.audio, "cosine of the songs' audio vectors"),
        ("lyrics", found.lyrics, _lyrics_remark(found)),
    ]
    rows += [(what, None, remark) for what, remark in found.heard]
    for (a, b, cosine), (end, other_end) in zip(found.segments, found.segment_ends, strict=True):
        rows.append((f"{_clock(a)} and {_clock(b)}", cosine, f"segments, to {_clock(end)} and {_clock(other_end)}"))
    print_table(f"{one.name} and {two.name}", ("what", "score", "remark"), rows)
    if found.unheard:
        out.print(f"no segments: {found.unheard}", markup=False)
    out.print(f"model {found.model_version[:12]}")


def never(
    songs: Annotated[
        list[str] | None, typer.Argument(help="Songs to put on the list; without any, it is shown.")
    ] = None,
    home: Home = DEFAULT_HOME,
    artist: Annotated[
        bool,
        typer.Option("--artist", help="Artists, by name or by a song, with all songs that name them."),
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Take off the list: songs, or ids and remarks as it shows them.")
    ] = False,
    qdrant_url: QdrantUrl = None,
    json: Json = False,
) -> None:
    """Songs and artists that are never to be suggested: `never.txt` in the home."""
    from simsong_pipeline.asking.never_list import change_never, listed, never_list

    workspace = Workspace(home)
    # The list comes first, because what is on it may have left the catalogue.
    known = {words: listed(workspace, words) if forget else [] for words in songs or []}
    unlisted = [words for words, entries in known.items() if not entries]
    for entry in [*chain(*known.values()), *_entries(workspace, qdrant_url, unlisted, artist)]:
        changed = change_never(workspace, entry.identity, entry.remark, entry.artist, forget)
        state = ("off" if forget else "on") if changed else "as it was"
        err.print(f"{entry.remark or entry.identity}: {state}", markup=False)
    entries = never_list(workspace)
    if json:
        print_json_lines(
            {"what": "artist" if e.artist else "song", "id": e.identity, "remark": e.remark} for e in entries
        )
    else:
        _print_never(entries, whole=not songs)


def _entries(workspace: Workspace, qdrant_url: str | None, songs: Sequence[str], artist: bool) -> list["Entry"]:
    """Songs of the catalogue, or their artists, as entries of the list."""
    from simsong_pipeline.asking.never_list import Entry

    if not songs:
        return []
    with _asked(workspace, qdrant_url, None, None) as index:
        if artist:
            return [Entry(*found, artist=True) for words in songs for found in index.artists(words)]
        return [Entry(n.track_id, n.name, artist=False) for n in map(index.find, songs)]


def _print_never(entries: Sequence["Entry"], whole: bool) -> None:
    artists = sum(e.artist for e in entries)
    count = f"never suggested: songs {len(entries) - artists}, artists {artists}"
    if whole and entries:
        rows = [("artist" if e.artist else "song", e.identity, e.remark) for e in entries]
        print_table(count, ("what", "id", "remark"), rows)
    else:
        out.print(count)


def _lyrics_remark(found: "Reasons") -> str:
    if found.lyrics is not None:
        return "cosine of the lyric vectors"
    return "one has none" if found.audio_weight == 1 else f"one has none, which counts as {found.lyrics_counted:.4f}"


@contextmanager
def _asked(
    workspace: Workspace,
    qdrant_url: str | None,
    audio_weight: float | None,
    hubness: float | None,
    with_outliers: bool = False,
) -> Iterator["Songs"]:
    from simsong_pipeline.asking.queries import Songs

    config = read_config(None, workspace.load_config(), {"store.url": qdrant_url})
    workspace.read("tracks")  # says so before an empty index is made
    with workspace.store(config.store) as store:
        songs = Songs(workspace, store, config, audio_weight, hubness, with_outliers)
        yield songs
    for note in songs.notes:
        err.print(note, markup=False)


def _restriction(
    since: int | None,
    until: int | None,
    language: list[str] | None,
    tag: list[str] | None,
    measured: Sequence[tuple[float | None, float | None]],
) -> Restriction:
    """`measured` are the least and the most of seconds, tempo and loudness."""
    _in_order(("--since", since), ("--until", until))
    for name, (least, most) in zip(("seconds", "tempo", "loudness"), measured, strict=True):
        _in_order((f"--min-{name}", least), (f"--max-{name}", most))
    spans = dict(zip(("year", "duration_s", "tempo_bpm", "loudness_db"), ((since, until), *measured), strict=True))
    return restriction_of(language, tag, spans)


def _in_order(least: tuple[str, float | None], most: tuple[str, float | None]) -> None:
    """Raise `BadParameter` where an option and its value leave nothing below another one's."""
    if least[1] is not None and most[1] is not None and least[1] > most[1]:
        raise typer.BadParameter(f"{least[0]} {least[1]:g} is beyond {most[0]} {most[1]:g}: no song is both")


def print_songs(title: str, songs: Sequence[Neighbour], json: bool, nothing: str = "") -> None:
    """A table, or one object a line."""
    rows = [{"score": round(n.score, 6)} | {f: n.payload.get(f) for f in _FIELDS} for n in songs]
    if json:
        print_json_lines(rows)
    elif rows:
        print_table(title, ("score", *_FIELDS), [list(r.values()) for r in rows])
    if nothing:
        err.print(nothing)


def _write(workspace: Workspace, path: Path | None, songs: Sequence[Neighbour]) -> None:
    if path is None:
        return
    from simsong_pipeline.asking.queries import paths_of
    from simsong_pipeline.sources.m3u import Entry, write_playlist

    files = paths_of(workspace, [n.track_id for n in songs])
    entries = [
        Entry(Path(file), f"{n.payload.get('artist')} - {n.payload.get('title')}", n.payload.get("duration_s"))
        for n, file in zip(songs, files, strict=True)
        if file is not None
    ]
    write_playlist(path, entries)
    err.print(f"{len(entries)} of {len(songs)} songs in {path}", markup=False)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def tags(home: Home = DEFAULT_HOME, qdrant_url: QdrantUrl = None, json: Json = False) -> None:
    """The tags that --tag takes, and how many songs have each."""
    with _asked(Workspace(home), qdrant_url, None, None) as index:
        counts, heard = index.tags(), index.heard_tags()
        _print_counts("tags", counts, json, "no song has a tag of its own")
    if heard and not json:
        err.print(f"a tag that no song has is heard in the music, if it is one of these: {', '.join(heard)}")


def languages(home: Home = DEFAULT_HOME, qdrant_url: QdrantUrl = None, json: Json = False) -> None:
    """The languages that --language takes, and how many songs have lyrics in each."""
    with _asked(Workspace(home), qdrant_url, None, None) as index:
        _print_counts("languages of lyrics", index.languages(), json, "no song has lyrics whose language is known")


def _print_counts(title: str, counts: "pl.DataFrame", json: bool, nothing: str) -> None:
    if json:
        print_json_lines(counts.iter_rows(named=True))
    elif not counts.height:
        err.print(nothing)
    else:
        print_table(title, counts.columns, counts.rows())


ALL = (similar, path, about, why, never, tags, languages)
