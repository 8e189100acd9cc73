"""Questions to a finished run's index: by song, mix, path, text, with limits; why; never; playlists."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import SMALL_CONFIG
from typer.testing import CliRunner

from simsong_pipeline.asking.never_list import change_never, never_suggested
from simsong_pipeline.asking.queries import Songs, paths_of
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.cli.main import app
from simsong_pipeline.config import EncoderConfig
from simsong_pipeline.errors import ModelError, RawDataError, UnknownSongError, UnknownTagError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Restriction
from simsong_pipeline.sources.m3u import Entry, write_playlist
from simsong_pipeline.sources.playlists import read_playlist
from simsong_pipeline.stores.payloads import point_id

Finished = tuple[Workspace, object]


@pytest.fixture
def home(finished_run: Finished) -> Workspace:
    return finished_run[0]


@pytest.fixture
def songs(home: Workspace) -> Iterator[Songs]:
    with home.store(SMALL_CONFIG.store) as store:
        yield Songs(home, store, SMALL_CONFIG)


def _indexed(home: Workspace) -> list[str]:
    ids: list[str] = home.read("wns/track_vectors")["track_id"].to_list()
    return ids


def test_mix_of_songs_leaves_all_of_them_out(home: Workspace, songs: Songs) -> None:
    first, second, third = _indexed(home)[:3]
    found = songs.similar([first, second], Choice(8), disliked=[third])
    assert [n.track_id for n in found.meant] == [first, second]
    assert not {first, second, third} & {n.track_id for n in found.neighbours}
    assert len(found.neighbours) == 8


@pytest.mark.parametrize("never", [True, False])
def test_guests_count_where_an_artist_is_left_out(home: Workspace, never: bool) -> None:
    tracks, first = home.read("tracks"), _indexed(home)[0]
    with home.store(SMALL_CONFIG.store) as store:
        found = Songs(home, store, SMALL_CONFIG).similar([first], Choice(5)).neighbours
    guest = found[0].track_id
    host = tracks.filter(track_id=first)["artist_id"][0]
    with_guest = pl.when(pl.col("track_id") == guest).then(pl.concat_list("artist_ids", pl.lit(host)))
    home.write("tracks", tracks.with_columns(with_guest.otherwise("artist_ids").alias("artist_ids")))
    try:
        if never:
            change_never(home, host, "", artist=True, forget=False)
        with home.store(SMALL_CONFIG.store) as store:
            answer = Songs(home, store, SMALL_CONFIG).similar([first], Choice(20), exclude_artist=not never)
    finally:
        home.write("tracks", tracks)
        if never:
            change_never(home, host, "", artist=True, forget=True)
    assert guest not in {n.track_id for n in answer.neighbours}


def test_path_starts_near_its_start(home: Workspace, songs: Songs) -> None:
    start, end = _indexed(home)[0], _indexed(home)[-1]
    steps = songs.path(start, end, Choice(4)).neighbours
    assert len({n.track_id for n in steps} | {start, end}) == 6


def test_about_finds_the_lyrics_that_are_quoted(home: Workspace, songs: Songs) -> None:
    lyrics = home.read("lyrics").filter(status="ok").join(home.read("wns/track_vectors"), on="track_id", how="semi")
    track_id, text = lyrics.sort(pl.col("text").str.len_chars()).select("track_id", "text").row(0)
    assert songs.about(text, Choice(3)).neighbours[0].track_id == track_id
    with pytest.raises(UnknownSongError, match="without words"):
        songs.about("  ", Choice(3))


def test_limits_hold(home: Workspace, songs: Songs) -> None:
    first = _indexed(home)[0]
    found = songs.similar([first], Choice(50, Restriction(any_of={"language": ["en"]}), per_artist=1)).neighbours
    assert found
    assert {n.payload["language"] for n in found} == {"en"}
    artists = [n.payload["artist_id"] for n in found]
    assert len(artists) == len(set(artists))


def test_songs_outside_a_tempo_do_not_come(home: Workspace, songs: Songs) -> None:
    tempi = dict(home.read("descriptions").select("track_id", "tempo_bpm").iter_rows())
    first, *others = _indexed(home)
    known = sorted(t for other in others if (t := tempi[other]) is not None)
    low, high = known[len(known) // 4], known[3 * len(known) // 4]
    found = songs.similar([first], Choice(len(others), Restriction(between={"tempo_bpm": (low, high)}))).neighbours
    expected = {other for other in others if tempi[other] is not None and low <= tempi[other] <= high}
    assert {n.track_id for n in found} == expected


def test_what_is_no_music_comes_only_where_it_is_asked_for(run_copy: Workspace) -> None:
    first, *others = _indexed(run_copy)
    with run_copy.store(SMALL_CONFIG.store) as store:
        collection = store.aliases()["simsong"]
        point, asked = store.fetch(collection, [point_id(others[0]), point_id(first)], with_vectors=True)
        marked = [replace(p, payload={**p.payload, "outlier": "unlike music"}) for p in (point, asked)]
        store.upsert(collection, marked)
        answers = [
            Songs(run_copy, store, SMALL_CONFIG, with_outliers=wanted).similar([first], Choice(len(others))).neighbours
            for wanted in (False, True)
        ]
    ids = [{n.track_id for n in answer} for answer in answers]
    assert ids == [set(others[1:]), set(others)]


def test_tags_that_nobody_stated_are_those_that_are_heard(run_copy: Workspace) -> None:
    first, *others = _indexed(run_copy)
    by_body = SMALL_CONFIG.model_copy(update={"encoder": EncoderConfig(kind="musicnn")})
    with run_copy.store(SMALL_CONFIG.store) as store:
        collection = store.aliases()["simsong"]
        points = store.fetch(collection, [point_id(t) for t in others[:2]], with_vectors=True)
        store.upsert(collection, [replace(p, payload={**p.payload, "heard_tags": ["hip-hop"]}) for p in points])
        songs = Songs(run_copy, store, by_body)
        found = songs.similar([first], Choice(9, Restriction(any_of={"tags": ["Hip-Hop"]}))).neighbours
        assert {n.track_id for n in found} == set(others[:2])
        assert ["hip-hop" in note for note in songs.notes] == [True]
        with pytest.raises(UnknownTagError):
            songs.similar([first], Choice(9, Restriction(any_of={"tags": ["zydeco polka"]})))
        with pytest.raises(UnknownTagError):  # an encoder that knows no tags has heard none
            Songs(run_copy, store, SMALL_CONFIG).similar([first], Choice(9, Restriction(any_of={"tags": ["Hip-Hop"]})))


def test_why_agrees_with_the_ranking(home: Workspace, songs: Songs) -> None:
    first = _indexed(home)[1]
    nearest = songs.similar([first], Choice(1)).neighbours[0]
    _, _, found = songs.why(first, nearest.track_id)
    assert found.score == pytest.approx(nearest.score, abs=1e-5)
    assert found.model_version == nearest.payload["model_version"]
    cosines = [c for *_, c in found.segments]
    assert cosines == sorted(cosines, reverse=True)
    assert max(cosines) <= 1 + 1e-6
    with pytest.raises(UnknownSongError, match="name two songs"):
        songs.why(first, first)


@pytest.mark.parametrize(
    "ask",
    [
        lambda songs, held, one, other: songs.similar([one, held], Choice(3), disliked=[other]),
        lambda songs, _, one, other: songs.path(one, other, Choice(3)),
        lambda songs, _, one, other: songs.why(one, other),
    ],
)
def test_songs_that_the_index_lacks_are_named(run_copy: Workspace, ask: Callable[..., object]) -> None:
    held, *gone = _indexed(run_copy)[:3]
    titles = dict(run_copy.read("tracks").select("track_id", "title").iter_rows())
    with run_copy.store(SMALL_CONFIG.store) as store:
        store.delete(store.aliases()["simsong"], [point_id(t) for t in gone])
        songs = Songs(run_copy, store, SMALL_CONFIG)
        with pytest.raises(UnknownSongError) as caught:
            ask(songs, held, *gone)
    message = str(caught.value)
    assert [f"{titles[t]} ({t})" in message for t in (held, *gone)] == [False, True, True]


def test_segments_of_why_are_those_the_song_is_embedded_by(home: Workspace, songs: Songs) -> None:
    durations = dict(home.read("audio").select("track_id", "duration_s").iter_rows())
    first, second = sorted(_indexed(home), key=lambda t: -durations[t])[:2]
    _, _, found = songs.why(first, second, best=100)
    seconds = {a for a, *_ in found.segments}
    assert min(seconds) == 0
    assert max(seconds) <= durations[first] - SMALL_CONFIG.segments.seconds + 0.1
    assert len(found.segments) == len(seconds) * len({b for _, b, _ in found.segments})


def test_never_suggested_songs_and_artists_do_not_come(run_copy: Workspace) -> None:
    with run_copy.store(SMALL_CONFIG.store) as store:
        songs = Songs(run_copy, store, SMALL_CONFIG)
        first = _indexed(run_copy)[0]
        before = songs.similar([first], Choice(6)).neighbours
        unloved, artist = before[0].track_id, before[1].payload["artist_id"]
        assert change_never(run_copy, unloved, "a song # of sorts", artist=False, forget=False)
        assert not change_never(run_copy, unloved, "again", artist=False, forget=False)
        assert change_never(run_copy, artist, "an artist", artist=True, forget=False)
        after = songs.similar([first], Choice(40)).neighbours
        assert unloved not in {n.track_id for n in after}
        assert artist not in {n.payload["artist_id"] for n in after}
        assert change_never(run_copy, unloved, "", artist=False, forget=True)
        assert never_suggested(run_copy).tracks == []
        assert unloved in {n.track_id for n in songs.similar([first], Choice(40)).neighbours}


def test_artist_whose_id_holds_a_hash_can_be_forgotten(tmp_path: Path) -> None:
    home = Workspace(tmp_path)
    assert change_never(home, "#1 dads", "a # remark", artist=True, forget=False)
    assert never_suggested(home).artists == ["#1 dads"]
    assert not change_never(home, "#1 dads", "", artist=True, forget=False)
    assert change_never(home, "#1 dads", "", artist=True, forget=True)
    assert never_suggested(home).artists == []


def test_remark_of_several_lines_stays_one_entry(tmp_path: Path) -> None:
    change_never(Workspace(tmp_path), "TRA", "Someone - A title\nof two lines", artist=False, forget=False)
    assert never_suggested(Workspace(tmp_path)).tracks == ["TRA"]


def test_never_shows_its_entries_with_their_remarks(tmp_path: Path) -> None:
    change_never(Workspace(tmp_path), "TRA", "Someone - Some song", artist=False, forget=False)
    change_never(Workspace(tmp_path), "AR1", "Somebody", artist=True, forget=False)
    result = CliRunner().invoke(app, ["never", "--home", str(tmp_path)], env={"COLUMNS": "200"})
    lines = [line.split() for line in result.output.splitlines()]
    assert ["song", "TRA", "Someone", "-", "Some", "song"] in [[w for w in line if w != "│"] for line in lines]
    assert ["artist", "AR1", "Somebody"] in [[w for w in line if w != "│"] for line in lines]


@pytest.mark.parametrize("words", ["TRGONE", "someone - some song"])
def test_song_that_left_the_catalogue_can_be_forgotten(run_copy: Workspace, words: str) -> None:
    change_never(run_copy, "TRGONE", "Someone - Some song", artist=False, forget=False)
    result = CliRunner().invoke(app, ["never", words, "--forget", "--home", str(run_copy.home)])
    assert result.exit_code == 0, result.output
    assert never_suggested(run_copy).tracks == []


def test_artist_that_left_the_catalogue_can_be_forgotten(run_copy: Workspace) -> None:
    change_never(run_copy, "ARGONE", "Someone", artist=True, forget=False)
    CliRunner().invoke(app, ["never", "Someone", "--artist", "--forget", "--home", str(run_copy.home)])
    assert never_suggested(run_copy).artists == []


def test_song_of_the_catalogue_is_put_on_the_list_and_forgotten_by_its_title(run_copy: Workspace) -> None:
    track_id = _indexed(run_copy)[0]
    title = run_copy.read("tracks").filter(track_id=track_id)["title"][0]
    CliRunner().invoke(app, ["never", track_id, "--home", str(run_copy.home)])
    assert never_suggested(run_copy).tracks == [track_id]
    CliRunner().invoke(app, ["never", title, "--forget", "--home", str(run_copy.home)])
    assert never_suggested(run_copy).tracks == []


def test_never_list_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "never.txt").write_bytes("TRAAA  # Björk".encode("latin-1"))
    with pytest.raises(RawDataError, match="UTF-8"):
        never_suggested(Workspace(tmp_path))


def test_index_of_another_model_is_not_asked_by_text(run_copy: Workspace) -> None:
    with run_copy.store(SMALL_CONFIG.store) as store:
        other = store.aliases()["simsong_ns"]
        store.point_aliases({"simsong": other})
        with pytest.raises(ModelError, match="another model"):
            Songs(run_copy, store, SMALL_CONFIG).about("the sea", Choice(3))


def test_written_playlist_reads_back(tmp_path: Path) -> None:
    files = [tmp_path / "music" / name for name in ("a b.flac", "#1 hit.mp3", "ü/日本.ogg")]
    target = tmp_path / "lists" / "mix.m3u8"
    write_playlist(target, [Entry(f, "An artist\n- a title", 61.4) for f in files])
    assert read_playlist(target).paths == files
    assert "#EXTINF:61,An artist - a title" in target.read_text(encoding="utf-8")


def test_playlist_in_a_linked_folder_names_its_recordings(tmp_path: Path) -> None:
    song = tmp_path / "music" / "song.flac"
    (tmp_path / "disk" / "deep" / "lists").mkdir(parents=True)
    (tmp_path / "lists").symlink_to(tmp_path / "disk" / "deep" / "lists")
    write_playlist(tmp_path / "lists" / "mix.m3u8", [Entry(song, "A song", 61.4)])
    assert read_playlist(tmp_path / "lists" / "mix.m3u8").paths == [song]


def test_playlist_that_replaces_a_link_lies_where_the_link_was(tmp_path: Path) -> None:
    song, target = tmp_path / "song.flac", tmp_path / "mix.m3u8"
    (tmp_path / "deep").mkdir()
    target.symlink_to(tmp_path / "deep" / "mix.m3u8")
    write_playlist(target, [Entry(song, "A song", 61.4)])
    assert read_playlist(target).paths == [song]


@pytest.mark.parametrize("name", ["two\nlines.flac", "two\rlines.flac", "two\u2028lines.flac", " blank.flac"])
def test_file_whose_name_is_no_line_of_a_playlist_reads_back(tmp_path: Path, name: str) -> None:
    target = tmp_path / "mix.m3u8"
    write_playlist(target, [Entry(tmp_path / name, "A song", 61.4)])
    assert read_playlist(target).paths == [tmp_path / name]


def test_command_writes_a_playlist_of_recordings(home: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "mix.m3u8"
    first, second = _indexed(home)[:2]
    arguments = ["similar", first, second, "--home", str(home.home), "-k", "4", "--out", str(target), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    listed = read_playlist(target).paths
    assert len(listed) == 4
    assert all(p.is_file() for p in listed)


@pytest.mark.parametrize(
    "arguments", [["path", "0", "-1", "-k", "3"], ["why", "0", "1"], ["about", "the sea at night"], ["never"]]
)
def test_commands_answer(home: Workspace, arguments: list[str]) -> None:
    ids = _indexed(home)
    places = {"0": ids[0], "1": ids[1], "-1": ids[-1]}
    result = CliRunner().invoke(app, [*[places.get(a, a) for a in arguments], "--home", str(home.home)])
    assert result.exit_code == 0, result.output


def test_restrictions_that_nothing_meets_say_so(home: Workspace) -> None:
    result = CliRunner().invoke(app, ["similar", _indexed(home)[0], "--home", str(home.home), "--since", "2999"])
    assert result.exit_code == 0
    assert "no song fits: --since 2999 leaves none" in result.output


def test_language_is_found_whatever_its_case(songs: Songs, home: Workspace) -> None:
    found = songs.similar([_indexed(home)[0]], Choice(5, Restriction(any_of={"language": ["EN"]}))).neighbours
    assert {n.payload["language"] for n in found} == {"en"}


def test_tag_is_found_whatever_its_case(songs: Songs, home: Workspace) -> None:
    first = _indexed(home)[0]
    tag = songs.similar([first], Choice(1)).neighbours[0].payload["tags"][0]
    assert tag.upper() != tag
    found = songs.similar([first], Choice(5, Restriction(any_of={"tags": [tag.upper()]}))).neighbours
    assert all(tag in n.payload["tags"] for n in found)
    assert found


@pytest.mark.parametrize("command", ["similar", "path", "about"])
def test_unknown_tag_is_an_error_that_names_the_nearest(home: Workspace, command: str) -> None:
    ids = _indexed(home)
    words = {"similar": [ids[0]], "path": ids[:2], "about": ["the sea"]}[command]
    result = CliRunner().invoke(app, [command, *words, "--tag", "style2", "--home", str(home.home)])
    assert isinstance(result.exception, UnknownTagError)
    assert "'style 2'" in str(result.exception)


@pytest.mark.parametrize(
    "options", [["--since", "2000", "--until", "1990"], ["--min-seconds", "200", "--max-seconds", "100.5"]]
)
def test_bounds_in_the_wrong_order_are_named(home: Workspace, options: list[str]) -> None:
    arguments = ["similar", _indexed(home)[0], *options, "--home", str(home.home)]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert f"{options[0]} {options[1]}" in result.output
    assert f"{options[2]} {options[3]}" in result.output


def test_path_takes_off_hubness_where_it_is_asked_to(home: Workspace) -> None:
    first, last = _indexed(home)[0], _indexed(home)[-1]
    arguments = ["path", first, last, "-k", "1", "--json", "--home", str(home.home), "--hubness"]
    printed = [CliRunner().invoke(app, [*arguments, h]).stdout.splitlines() for h in ("0", "2")]
    plain, corrected = (json.loads(lines[1])["score"] for lines in printed)
    assert plain > corrected


def test_paths_are_those_of_the_recordings(home: Workspace) -> None:
    found = paths_of(home, [_indexed(home)[0], "nobody"])
    assert Path(str(found[0])).is_file()
    assert found[1] is None


def test_weight_of_one_ranks_by_audio_alone(home: Workspace) -> None:
    frame = home.read("wns/track_vectors")
    audio = frame["audio"].to_numpy()
    with home.store(SMALL_CONFIG.store) as store:
        found = Songs(home, store, SMALL_CONFIG, audio_weight=1.0, hubness=0.0).similar(
            [frame["track_id"][2]], Choice(1)
        )
    scores = audio @ audio[2]
    scores[2] = -np.inf
    assert found.neighbours[0].track_id == frame["track_id"][int(scores.argmax())]
