"""`simsong link` and `simsong playlist push` against a music server: Supysonic over a copy of the sample's music."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import polars as pl
import pytest
from conftest import QUIET, SMALL_CONFIG
from mutagen import File
from serving import served
from subsonic_server import PASSWORD, USER, Supysonic, supysonic
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.links import links_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.linking.credentials import Credentials
from simsong_pipeline.linking.pushing import push
from simsong_pipeline.linking.server_songs import SONGS, all_songs
from simsong_pipeline.linking.subsonic import ServerError, SubsonicServer
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.sources.m3u import Entry, write_playlist
from simsong_pipeline.stages.card_stage import write_card

Finished = tuple[Workspace, RunSummary]
ASKER = Credentials(USER, PASSWORD)


@pytest.fixture(scope="module")
def server(finished_run: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supysonic]:
    """The sample's recordings below another root: three moved and named by tags, two gone, one of its own."""
    workspace = finished_run[0]
    music = tmp_path_factory.mktemp("server") / "music"
    shutil.copytree(workspace.raw / "audio", music)
    for n, row in enumerate(_usable(workspace).head(6).iter_rows(named=True)):
        file = music / Path(row["path"]).relative_to(workspace.raw / "audio")
        if n < 3:
            _name(file, row["artist_name"], row["title"], row["release"] or "")
            (music / "Moved").mkdir(exist_ok=True)
            file.rename(music / "Moved" / f"{n} elsewhere{file.suffix}")
        elif n < 5:
            file.unlink()
        else:
            other = music / "Unheard" / f"new{file.suffix}"
            other.parent.mkdir()
            shutil.copyfile(file, other)
            _name(other, "Nobody Knows", "This Song", "At All")
    with supysonic(music.parent / "supysonic", music) as running:
        yield running


def _usable(workspace: Workspace) -> pl.DataFrame:
    heard = workspace.read("audio").filter(pl.col("status") == "ok").select("track_id", "path", "duration_s")
    return workspace.read("tracks").drop("duration_s").join(heard, on="track_id").sort("track_id")


def _name(file: Path, artist: str, title: str, album: str) -> None:
    opened = File(file, easy=True)
    opened.update({"artist": artist, "title": title, "album": album})
    opened.save()


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    status: int
    stdout: str
    stderr: str


def _simsong(*words: object, **environment: str) -> Done:
    """A command in this process: `test_link_in_a_process` runs it as people do."""
    own = {"COLUMNS": "80", "SIMSONG_SUBSONIC_USER": USER, "SIMSONG_SUBSONIC_PASSWORD": PASSWORD, "QDRANT_URL": None}
    with warnings.catch_warnings():
        ran = CliRunner().invoke(app, [str(word) for word in words], env=own | environment)
    if ran.exception is not None and not isinstance(ran.exception, SimSongError | SystemExit):
        raise ran.exception
    failed = f"{ran.exception}" if isinstance(ran.exception, SimSongError) else ""
    done = Done(ran.exit_code, ran.stdout, ran.stderr + failed)
    _keeps_secrets(done.stdout + done.stderr)
    return done


def _keeps_secrets(said: str) -> None:
    for secret in (PASSWORD, PASSWORD.encode().hex()):
        assert secret not in said


def test_link_in_a_process(run_copy: Workspace, server: Supysonic) -> None:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("QDRANT_", "SIMSONG_"))}
    environment = {**inherited, "COLUMNS": "60", "SIMSONG_SUBSONIC_USER": USER, "SIMSONG_SUBSONIC_PASSWORD": PASSWORD}
    for password, status in (("wrong one", 1), (PASSWORD, 0)):
        command = [sys.executable, "-m", "simsong_pipeline.cli.main", "link", server.url, "--home", str(run_copy.home)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment | {"SIMSONG_SUBSONIC_PASSWORD": password},
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        _keeps_secrets(done.stdout + done.stderr)
        assert (links_of(run_copy).link is not None) is (status == 0)
    assert f"songs of {server.url}" in done.stdout
    assert "all of them, with the reason: " in done.stderr


def _linked(workspace: Workspace, server: Supysonic) -> list[dict[str, object]]:
    done = _simsong("link", server.url, "--home", workspace.home, "--json")
    assert done.status == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _by_track(workspace: Workspace) -> dict[str, str]:
    link = links_of(workspace).link
    assert link is not None
    ids = workspace.read(link.frame("external_ids")).filter("is_main")
    return dict(ids.select("track_id", "external_id").rows())


def test_songs_are_matched_by_path_and_by_name_and_the_rest_is_listed(run_copy: Workspace, server: Supysonic) -> None:
    counts, *unlinked = _linked(run_copy, server)
    songs, theirs = _usable(run_copy), server.songs()
    assert counts["songs"] == len(theirs)
    assert (counts["by_names"], counts["by_musicbrainz"]) == (3, 0)
    known = _by_track(run_copy)
    moved, gone = songs["track_id"].to_list()[:3], songs["track_id"].to_list()[3:5]
    assert {known[t] for t in moved} == {theirs[p] for p in theirs if p.startswith("Moved/")}
    assert {row["id"] for row in unlinked if row["side"] == "simsong"} == set(gone)
    not_here = {row["path"] for row in unlinked if row["side"] == "server"}
    assert any(path.startswith("Unheard/") for path in not_here)
    for row in songs[5:].iter_rows(named=True):
        end = "/".join(Path(row["path"]).parts[-2:])
        assert theirs[next(p for p in theirs if p.endswith(end))] == known[row["track_id"]]
    bad = (
        run_copy.read("audio").filter(pl.col("status") == "invalid").drop_nulls("path").select("path", "reason").rows()
    )
    reasons = {Path(str(row["path"])).name: row["reason"] for row in unlinked if row["side"] == "server"}
    assert bad
    for path, reason in bad:
        if Path(path).name in reasons:
            assert reasons[Path(path).name] == f"SimSong cannot use its recording: {reason}"
    assert any(str(reason).startswith("SimSong cannot use") for reason in reasons.values())
    table = pl.read_csv(str(counts["table"]))
    assert table.height == len(unlinked)
    assert table["reason"].null_count() == 0


def test_again_it_takes_what_changed(run_copy: Workspace, server: Supysonic) -> None:
    assert _simsong("link", f"{server.url}/rest/", "--home", run_copy.home).status == 0
    before = _by_track(run_copy)
    moved = server.music / "Moved"
    there = moved.rename(server.music / "Other")
    try:
        server.scan()
        again = _simsong("link", "--home", run_copy.home)
        assert again.status == 0, again.stderr
        assert set(_by_track(run_copy)) == set(before)
        assert _by_track(run_copy) != before  # the server has given what it moved other ids
        assert set(_by_track(run_copy).values()) <= set(server.songs().values())
    finally:
        there.rename(moved)
        server.scan()


def test_forgetting_leaves_nothing(run_copy: Workspace, server: Supysonic) -> None:
    _linked(run_copy, server)
    assert _simsong("link", "--forget", "--home", run_copy.home).status == 0
    assert links_of(run_copy).link is None
    assert not list((run_copy.home / "frames" / "linked").glob("**/*.[cp]*"))
    done = _simsong("link", "--home", run_copy.home)
    assert done.status == 1
    assert "no server is linked" in done.stderr


def test_a_linked_home_is_whole(run_copy: Workspace, server: Supysonic) -> None:
    _linked(run_copy, server)
    assert _simsong("verify", "--home", run_copy.home).status == 0
    link = links_of(run_copy).link
    assert link is not None
    path = run_copy.frame_path(link.frame("external_ids"))
    path.write_bytes(path.read_bytes()[:-9] + b"damaged!!")
    done = _simsong("verify", "--home", run_copy.home)
    assert done.status == 1
    assert "simsong link" in done.stdout + done.stderr


def test_playlists_are_pushed_once_in_order_and_replaced(
    run_copy: Workspace, server: Supysonic, tmp_path: Path
) -> None:
    _linked(run_copy, server)
    songs = _usable(run_copy)
    gone, there = songs["path"].to_list()[3], songs["path"].to_list()[5:11][::-1]
    mix = tmp_path / "A mix, of ä & ‘b’.m3u8"
    write_playlist(mix, [Entry(Path(p), "x", None) for p in [*there, gone, str(tmp_path / "unknown.ogg")]])
    known = _by_track(run_copy)
    wanted = [known[t] for t in songs["track_id"].to_list()[5:11][::-1]]
    for expected in (True, False):
        done = _simsong("playlist", "push", mix, "--home", run_copy.home, "--json")
        assert done.status == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["is_new"] is expected
        assert said["missing"] == [songs["track_id"].to_list()[3]]
        assert said["unknown"] == [str(tmp_path / "unknown.ogg")]
        assert _entries(server, said["playlist_id"]) == wanted
    write_playlist(mix, [Entry(Path(p), "x", None) for p in there[:2]])
    done = _simsong("playlist", "push", mix, "--home", run_copy.home)
    assert "2 songs" in done.stdout
    assert [p["name"] for p in _playlists(server)].count(mix.stem) == 1
    assert _entries(server, said["playlist_id"]) == wanted[:2]
    assert links_of(run_copy).servers[server.url].pushed == {mix.stem: said["playlist_id"]}
    server.ask("deletePlaylist", id=said["playlist_id"])


def test_somebodys_own_playlist_is_replaced_only_where_that_is_said(
    run_copy: Workspace, server: Supysonic, tmp_path: Path
) -> None:
    _linked(run_copy, server)
    song = next(iter(server.songs().values()))
    server.ask("createPlaylist", name="Mine", songId=song)
    mix = tmp_path / "Mine.m3u8"
    write_playlist(mix, [Entry(Path(p), "x", None) for p in _usable(run_copy)["path"].to_list()[5:8]])
    try:
        refused = _simsong("playlist", "push", mix, "--home", run_copy.home)
        assert refused.status == 1
        assert "SimSong did not put there" in refused.stderr
        assert _entries(server, _playlists(server)[0]["id"]) == [song]
        assert _simsong("playlist", "push", mix, "--replace", "--home", run_copy.home).status == 0
        assert len(_entries(server, _playlists(server)[0]["id"])) == 3
    finally:
        server.ask("deletePlaylist", id=_playlists(server)[0]["id"])


def _playlists(server: Supysonic) -> list[dict[str, str]]:
    found: list[dict[str, str]] = server.ask("getPlaylists")["playlists"].get("playlist", [])  # type: ignore[attr-defined]
    return found


def _entries(server: Supysonic, playlist_id: object) -> list[str]:
    held = server.ask("getPlaylist", id=playlist_id)["playlist"]
    return [song["id"] for song in held.get("entry", [])]  # type: ignore[attr-defined]


class _LosesAnswers(httpx.BaseTransport):
    """Passes all questions on, and loses the first answer to each that makes something."""

    def __init__(self) -> None:
        self._real = httpx.HTTPTransport()
        self.lost = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._real.handle_request(request)
        if request.url.path.endswith("/createPlaylist.view") and not self.lost:
            answer.read()
            self.lost += 1
            raise httpx.ReadError("the connection broke", request=request)
        return answer


def test_a_playlist_whose_answer_was_lost_is_there_once(run_copy: Workspace, server: Supysonic) -> None:
    _linked(run_copy, server)
    link = links_of(run_copy).link
    assert link is not None
    songs, transport = sorted(_by_track(run_copy))[:5], _LosesAnswers()
    with SubsonicServer(server.url, ASKER, print, transport=transport) as opened:
        pushed = push(run_copy, link, opened, "Lost", songs)
    assert transport.lost == 1
    try:
        assert [p["name"] for p in _playlists(server)] == ["Lost"]
        assert _entries(server, pushed.playlist_id) == [_by_track(run_copy)[t] for t in songs]
    finally:
        server.ask("deletePlaylist", id=pushed.playlist_id)


def test_playlists_and_stars_are_rows_of_the_report_card_and_what_was_pushed_is_none(
    run_copy: Workspace, server: Supysonic, tmp_path: Path
) -> None:
    _linked(run_copy, server)
    known = _by_track(run_copy)
    songs = sorted(known)
    mix = tmp_path / "pushed.m3u8"
    write_playlist(mix, [Entry(Path(p), "x", None) for p in _usable(run_copy)["path"].to_list()[5:30]])
    assert _simsong("playlist", "push", mix, "--home", run_copy.home).status == 0
    for name, part in (("one", songs[:12]), ("two", songs[12:20])):
        server.ask("createPlaylist", name=name, songId=[known[t] for t in part])
    server.ask("star", id=[known[t] for t in songs[20:32]])
    try:
        counts = _linked(run_copy, server)[0]
        assert (counts["playlists"], counts["starred"]) == (3, 12)
        card = write_card(run_copy, SMALL_CONFIG, [], 3_000, QUIET)
        assert {"server playlists", "server playlists, other artists", "server stars"} <= set(card.verdicts)
        rows = card.metrics.filter(protocol="server playlists", metric="recall_at_10", variant="fused")
        assert rows["chance"][0] > 0
        assert rows["ci_low"][0] <= rows["value"][0] <= rows["ci_high"][0]
        assert rows["queries"][0] <= 20  # those of the two playlists, not of the pushed one
        assert "Server playlists: 2 with 20 entries" in card.path.read_text()
    finally:
        server.ask("unstar", id=[known[t] for t in songs[20:32]])
        for playlist in _playlists(server):
            server.ask("deletePlaylist", id=playlist["id"])


class _FindsNothing(httpx.BaseTransport):
    """Passes all questions on, but those that search: these are answered as servers do that search for words alone."""

    def __init__(self) -> None:
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/search3.view"):
            found = {"status": "ok", "version": "1.12.0", "searchResult3": {}}
            return httpx.Response(200, json={"subsonic-response": found})
        return self._real.handle_request(request)


def test_where_a_search_for_nothing_finds_nothing_songs_come_by_albums(server: Supysonic) -> None:
    def asked(transport: httpx.BaseTransport | None) -> pl.DataFrame:
        with SubsonicServer(server.url, ASKER, print, transport=transport) as opened:
            return all_songs(opened, lambda *_: None).sort("external_id")

    by_albums, by_search = asked(_FindsNothing()), asked(None)
    assert by_albums.equals(by_search)
    assert by_albums.columns == list(SONGS)
    assert by_albums.height == len(server.songs())


def test_a_playlist_that_a_plugin_makes_is_put_onto_the_linked_server(
    run_copy: Workspace, server: Supysonic, monkeypatch: pytest.MonkeyPatch
) -> None:
    _linked(run_copy, server)
    ids = list(_by_track(run_copy).values())
    body = {"playlist_name": "Alchemy", "track_ids": ids[:4]}
    monkeypatch.setenv("SIMSONG_SUBSONIC_USER", USER)
    with served(run_copy) as running, running.client() as client:
        rows = client.get("/api/similar_tracks", params={"item_id": ids[0], "n": 5}).json()
        assert {row["item_id"] for row in rows} <= set(ids)
        monkeypatch.setenv("SIMSONG_SUBSONIC_PASSWORD", "wrong")
        refused = client.post("/api/create_playlist", json=body)
        assert refused.status_code == 502
        assert not _playlists(server)
        monkeypatch.setenv("SIMSONG_SUBSONIC_PASSWORD", PASSWORD)
        made = client.post("/api/create_playlist", json=body)
        assert made.status_code == 201, made.text
        assert _entries(server, made.json()["playlist_id"]) == ids[:4]
    _keeps_secrets(refused.text + made.text)
    kept = _simsong("playlist", "push", "Alchemy", "--home", run_copy.home)
    assert "4 songs" in kept.stdout
    assert [p["name"] for p in _playlists(server)] == ["Alchemy"]
    server.ask("deletePlaylist", id=made.json()["playlist_id"])


def test_a_server_without_tokens_is_not_shown_the_password_over_the_network(server: Supysonic) -> None:
    """By a name that is not this machine's own, which leads to it all the same."""

    seen: list[bytes] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        seen.append(request.read())
        path, headers = request.url.path, dict(request.headers)
        answer = httpx.post(f"{server.url}{path}", content=request.read(), headers=headers, trust_env=False)
        return httpx.Response(answer.status_code, content=answer.content)

    transport = httpx.MockTransport(elsewhere)
    with (
        pytest.raises(ServerError, match="no tokens"),
        SubsonicServer("http://music.example", ASKER, print, transport=transport),
    ):
        pass
    assert seen
    assert all(PASSWORD.encode().hex().encode() not in body for body in seen)
