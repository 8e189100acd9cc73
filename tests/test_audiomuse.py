"""The routes that AudioMuse-AI's plugins call, over a running service: shapes, ids, distances, errors."""

import asyncio
import math
from collections.abc import Iterator

import httpx
import polars as pl
import pytest
from serving import Served, served

from simsong_pipeline.home.links import STARRED, Link, keep_link
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import EXTERNAL_IDS, SERVER_LISTS, conform
from simsong_pipeline.service.audiomuse.parameters import BadAskError, count, flag, identities, text

KEY = "correct-horse-battery"
LINK = Link(address="http://music.example:4533", user="alice")


@pytest.fixture
def plain(served_sample: Served) -> Iterator[httpx.Client]:
    with served_sample.client() as client:
        yield client


@pytest.fixture
def songs(served_sample: Served) -> pl.DataFrame:
    """id, title, artist, artist_id of what is served."""
    return served_sample.service.snapshots.present.library.songs


def _link(workspace: Workspace, ids: pl.DataFrame) -> None:
    """Songs with ids of a server: `nav-<id>`, artists `nar-<id>`."""
    known = ids.select(
        pl.concat_str(pl.lit("nav-"), "id").alias("external_id"),
        pl.col("id").alias("track_id"),
        pl.lit("path").alias("how"),
        pl.lit(True).alias("is_main"),
        pl.concat_str(pl.lit("nar-"), "artist_id").alias("artist_id"),
    )
    workspace.write(LINK.frame(EXTERNAL_IDS.name), conform(known, EXTERNAL_IDS))
    keep_link(workspace, LINK)


def _distances(rows: list[dict[str, float]]) -> list[float]:
    return [row["distance"] for row in rows]


def test_similar_tracks_are_those_of_the_index_with_the_score_as_likeness(
    plain: httpx.Client, served_sample: Served, songs: pl.DataFrame
) -> None:
    seed = songs["id"][0]
    rows = plain.get("/api/similar_tracks", params={"item_id": seed, "n": 7}).json()
    own = plain.get("/api/v1/similar", params={"like": seed, "k": 7}).json()["songs"]
    assert [row["item_id"] for row in rows] == [song["id"] for song in own]
    assert _distances(rows) == sorted(_distances(rows))
    for row, song in zip(rows, own, strict=True):
        assert set(row) == {"item_id", "title", "author", "album", "album_artist", "distance"}
        assert (row["title"], row["author"]) == (song["title"], song["artist"])
        likeness = min(max(1 - row["distance"], 0.0), 1.0)
        assert math.isclose(likeness, min(max(song["score"], 0.0), 1.0), abs_tol=1e-9)


def test_a_song_is_named_by_title_and_artist_as_well(plain: httpx.Client, songs: pl.DataFrame) -> None:
    names = songs.select("id", "title", "artist").unique(["title", "artist"], keep="none").row(0, named=True)
    by_name = plain.get("/api/similar_tracks", params={"title": names["title"], "artist": names["artist"], "n": 3})
    by_id = plain.get("/api/similar_tracks", params={"item_id": names["id"], "n": 3})
    assert by_name.json() == by_id.json()


def test_without_duplicates_an_artist_has_three_songs_at_most(plain: httpx.Client, songs: pl.DataFrame) -> None:
    asked = {"item_id": songs["id"][0], "n": 40}
    few = plain.get("/api/similar_tracks", params={**asked, "eliminate_duplicates": "true"}).json()
    every = plain.get("/api/similar_tracks", params={**asked, "eliminate_duplicates": "false"}).json()
    counts = pl.Series([row["author"] for row in few]).value_counts()["count"]
    assert counts.max() == 3
    assert len(few) < len(every)


@pytest.mark.parametrize("n", [1, 10_000, -5])
def test_any_number_of_songs_may_be_asked_for(plain: httpx.Client, songs: pl.DataFrame, n: int) -> None:
    rows = plain.get("/api/similar_tracks", params={"item_id": songs["id"][0], "n": n}).json()
    assert len(rows) == max(1, min(n, songs.height - 1))


@pytest.mark.parametrize("steps", [2, 3, 6])
def test_a_path_begins_and_ends_with_its_ends(plain: httpx.Client, songs: pl.DataFrame, steps: int) -> None:
    first, last = songs["id"][0], songs["id"][-1]
    asked = {"start_song_id": first, "end_song_id": last, "max_steps": steps, "path_fix_size": "false", "mood_pct": 100}
    path = plain.get("/api/find_path", params=asked).json()["path"]
    ids = [row["item_id"] for row in path]
    assert (ids[0], ids[-1], len(ids)) == (first, last, steps)
    assert len(set(ids)) == steps


def test_the_farthest_song_is_the_last_of_all(plain: httpx.Client, songs: pl.DataFrame) -> None:
    seed = songs["id"][0]
    everything = plain.get("/api/similar_tracks", params={"item_id": seed, "n": 500}).json()
    found = plain.get("/api/max_distance", params={"item_id": seed}).json()
    assert found["farthest_item_id"] == everything[-1]["item_id"]
    assert math.isclose(found["max_distance"], everything[-1]["distance"], abs_tol=1e-6)


def test_both_forms_of_alchemy_are_one_question(plain: httpx.Client, songs: pl.DataFrame) -> None:
    add, sub = songs["id"].to_list()[:2], songs["id"].to_list()[-1:]
    items = [{"id": i, "op": "ADD"} for i in add] + [{"id": i, "op": "SUBTRACT", "type": "song"} for i in sub]
    by_items = plain.post("/api/alchemy", json={"items": items, "n": 6, "temperature": 0}).json()["results"]
    by_lists = plain.post("/api/alchemy", json={"add": add, "sub": sub, "n": 6}).json()["results"]
    own = plain.post("/api/v1/similar", json={"like": add, "dislike": sub, "k": 6}).json()["songs"]
    assert [row["item_id"] for row in by_items] == [song["id"] for song in own]
    assert by_items == by_lists


def test_alchemy_adds_all_songs_of_an_artist(plain: httpx.Client, songs: pl.DataFrame) -> None:
    artist = songs["artist_id"][0]
    own = songs.filter(artist_id=artist)["id"].to_list()
    found = plain.post("/api/alchemy", json={"items": [{"id": artist, "op": "ADD", "type": "artist"}], "n": 5}).json()
    assert not {row["item_id"] for row in found["results"]} & set(own)
    assert [row["item_id"] for row in found["results"]] == [
        song["id"] for song in plain.post("/api/v1/similar", json={"like": own, "k": 5}).json()["songs"]
    ]


def test_artists_are_alike_whose_songs_are(plain: httpx.Client, songs: pl.DataFrame) -> None:
    seed = songs["artist_id"][0]
    own = songs.filter(artist_id=seed)
    asked = {"artist": seed, "n": 4, "include_component_matches": "true"}
    rows = plain.get("/api/similar_artists", params=asked).json()
    assert [row["divergence"] for row in rows] == sorted(row["divergence"] for row in rows)
    assert len({row["artist_id"] for row in rows}) == 4
    assert seed not in {row["artist_id"] for row in rows}
    nearest = plain.post(
        "/api/v1/similar", json={"artist": [seed], "k": 1, "exclude_artist": True, "per_artist": 3}
    ).json()["songs"][0]
    assert (rows[0]["artist_id"], rows[0]["artist"]) == (nearest["artist_id"], nearest["artist"])
    for row in rows:
        (match,) = row["component_matches"]
        assert {s["item_id"] for s in match["artist1_representative_songs"]} <= set(own["id"])
        theirs = {s["item_id"] for s in match["artist2_representative_songs"]}
        assert theirs <= set(songs.filter(artist_id=row["artist_id"])["id"])
        assert theirs
    by_name = plain.get("/api/similar_artists", params={**asked, "artist": own["artist"][0].upper()}).json()
    assert by_name == rows


def test_search_is_by_words_and_pages(plain: httpx.Client, songs: pl.DataFrame) -> None:
    artist = songs["artist"][0]
    whole = plain.get("/api/search_tracks", params={"artist": artist, "end": 500}).json()
    assert {row["author"] for row in whole} == {artist}
    parts = [plain.get("/api/search_tracks", params={"search_query": artist, "start": n, "end": n + 1}) for n in (0, 1)]
    assert [part.json()[0] for part in parts] == whole[:2]
    assert plain.get("/api/search_tracks").json() == []
    assert plain.get("/api/search_artists", params={"query": artist[:4]}).json()[0]["track_count"] > 0
    assert plain.get("/api/track", params={"item_id": songs["id"][0]}).json()["title"] == songs["title"][0]


def test_what_runs_on_demand_there_is_answered(plain: httpx.Client) -> None:
    assert plain.get("/api/active_tasks").json() == {}
    assert plain.get("/api/last_task").json()["status"] == "NO_PREVIOUS_MAIN_TASK"
    assert plain.get("/api/playlists").json() == {}
    assert plain.get("/api/health").json() == {"status": "ok"}
    unknown = plain.get("/api/status/../../etc")
    assert unknown.status_code == 404
    for path in ("/api/status/abc", "/api/status/%3Cb%3E"):
        said = plain.get(path)
        assert (said.status_code, said.json()["state"]) == (404, "UNKNOWN")
    refused = plain.post("/api/analysis/start", json={})
    assert (refused.status_code, "simsong refresh" in refused.json()["error"]) == (409, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/similar_tracks", 400),
        ("/api/similar_tracks?title=x", 400),
        ("/api/similar_tracks?item_id=nope", 404),
        ("/api/similar_tracks?item_id=../../etc/passwd", 404),
        ("/api/similar_tracks?item_id=%00", 404),
        ("/api/similar_tracks?item_id=nope'%20OR%201=1--", 404),
        ("/api/similar_tracks?title=%3Cscript%3E&artist=%3Cb%3E", 404),
        ("/api/similar_tracks?item_id={id}&n=ten", 400),
        ("/api/similar_tracks?item_id={id}&n=1e9", 400),
        (f"/api/similar_tracks?item_id={'x' * 1_001}", 400),
        ("/api/find_path?start_song_id={id}", 400),
        ("/api/find_path?start_song_id={id}&end_song_id={id}", 400),
        ("/api/find_path?start_song_id={id}&end_song_id=nope", 404),
        ("/api/similar_artists", 400),
        ("/api/similar_artists?artist=Nobody%20At%20All", 404),
        ("/api/similar_artists?artist=%F0%9F%92%A9", 404),
        ("/api/max_distance", 400),
        ("/api/max_distance?item_id=nope", 404),
        ("/api/sonic_fingerprint/generate", 404),
        ("/api/search_tracks?start=x&search_query=a", 400),
    ],
)
def test_bad_questions_are_told_what_is_wrong(plain: httpx.Client, songs: pl.DataFrame, path: str, status: int) -> None:
    answer = plain.get(path.replace("{id}", songs["id"][0]))
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/alchemy", b"{", 400),
        ("/api/alchemy", b"[]", 400),
        ("/api/alchemy", b"[" * 20_000, 400),
        ("/api/alchemy", b"", 400),
        ("/api/alchemy", b'{"items": "x"}', 400),
        ("/api/alchemy", b'{"items": [1]}', 400),
        ("/api/alchemy", b'{"items": [{"op": "ADD"}]}', 400),
        ("/api/alchemy", b'{"items": [{"op": "ADD", "id": {"a": 1}}]}', 400),
        ("/api/alchemy", b'{"items": [{"op": "ADD", "id": "1", "type": "mood"}]}', 400),
        ("/api/alchemy", b'{"add": ["nope"]}', 404),
        ("/api/alchemy", b'{"add": {"a": "b"}}', 400),
        ("/api/alchemy", b'{"add": ["\\ud800"]}', 400),
        ("/api/create_playlist", b'{"playlist_name": "\\udfff", "track_ids": []}', 403),
        ("/api/clap/search", b"{}", 400),
        ("/api/clap/search", b'{"query": "calm piano"}', 409),
        ("/api/sem_grove/search", b'{"item_id": "nope"}', 404),
        ("/api/create_playlist", b'{"playlist_name": "x", "track_ids": ["1"]}', 403),
    ],
)
def test_bad_bodies_are_told_what_is_wrong(plain: httpx.Client, path: str, body: bytes, status: int) -> None:
    answer = plain.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]


def test_lyrics_alone_can_be_asked_for(plain: httpx.Client, songs: pl.DataFrame) -> None:
    seed = songs["id"][0]
    rows = plain.post("/api/sem_grove/search", json={"item_id": seed, "limit": 5}).json()["results"]
    own = plain.get("/api/v1/similar", params={"like": seed, "k": 4, "audio_weight": 0}).json()["songs"]
    assert (rows[0]["item_id"], rows[0]["is_seed"]) == (seed, True)
    assert [row["item_id"] for row in rows[1:]] == [song["id"] for song in own]


@pytest.mark.slow
def test_two_hundred_plugins_at_once_are_all_answered(served_sample: Served, songs: pl.DataFrame) -> None:
    ids = songs["id"].to_list()

    async def ask(client: httpx.AsyncClient, n: int) -> int:
        answer = await client.get("/api/similar_tracks", params={"item_id": ids[n % len(ids)], "n": 10_000})
        return answer.status_code

    async def ask_all() -> list[int]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=served_sample.url, trust_env=False, timeout=120, limits=limits) as client:
            return await asyncio.gather(*(ask(client, n) for n in range(200)))

    assert set(asyncio.run(ask_all())) == {200}


def test_servers_of_alike_addresses_have_folders_of_their_own() -> None:
    addresses = ["http://h:1/a-b", "http://h:1/a/b", "https://h:1/a/b", f"http://{'x' * 300}"]
    names = {Link(address=address).name for address in addresses}
    assert len(names) == len(addresses)
    assert max(map(len, names)) < 100


def test_with_a_server_linked_its_ids_are_asked_and_answered_at_once(run_copy: Workspace) -> None:
    with served(run_copy) as running, running.client() as client:
        songs = running.service.snapshots.present.library.songs
        seed, kept = songs["id"][0], songs.filter(pl.int_range(pl.len()) % 3 != 1)
        before = client.get("/api/similar_tracks", params={"item_id": seed, "n": 500}).json()
        _link(run_copy, kept)
        rows = client.get("/api/similar_tracks", params={"item_id": f"nav-{seed}", "n": 500}).json()
        assert [row["item_id"] for row in rows] == [
            f"nav-{row['item_id']}" for row in before if row["item_id"] in set(kept["id"])
        ]
        assert len(client.get("/api/similar_tracks", params={"item_id": f"nav-{seed}", "n": 12}).json()) == 12
        path = client.get(
            "/api/find_path", params={"start_song_id": f"nav-{seed}", "end_song_id": f"nav-{kept['id'][-1]}"}
        )
        assert {row["item_id"] for row in path.json()["path"]} <= {f"nav-{i}" for i in kept["id"]}
        artists = client.get("/api/similar_artists", params={"artist": f"nar-{songs['artist_id'][0]}", "n": 3}).json()
        assert {row["artist_id"] for row in artists} <= {f"nar-{i}" for i in kept["artist_id"]}
        found = client.get("/api/search_tracks", params={"search_query": songs["title"][0][:3], "end": 500}).json()
        assert all(row["item_id"].startswith("nav-") for row in found)
        _link(run_copy, kept.filter(pl.col("id") != seed))  # linked again: it is not there any more
        assert client.get("/api/similar_tracks", params={"item_id": f"nav-{seed}"}).status_code == 404


def test_taste_is_what_is_starred_there_and_liked_here(run_copy: Workspace) -> None:
    with served(run_copy) as running, running.client() as client:
        songs = running.service.snapshots.present.library.songs
        assert client.get("/api/sonic_fingerprint/generate").status_code == 404
        _link(run_copy, songs)
        stars = [(STARRED, STARRED, STARRED, n, f"nav-{i}") for n, i in enumerate(songs["id"].to_list()[:2])]
        lists = pl.DataFrame(stars, schema=list(SERVER_LISTS.columns), orient="row")
        run_copy.write(LINK.frame(SERVER_LISTS.name), conform(lists, SERVER_LISTS))
        liked = songs["id"].to_list()[:3]
        assert client.put("/api/v1/likes", json={"id": liked[2], "likes": True}).status_code == 200
        rows = client.get("/api/sonic_fingerprint/generate", params={"n": 5}).json()
        own = client.post("/api/v1/similar", json={"like": liked, "k": 5, "per_artist": 3}).json()["songs"]
        assert [row["item_id"] for row in rows] == [f"nav-{song['id']}" for song in own]


def test_a_playlist_is_kept_and_replaced_by_its_name(run_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMSONG_SUBSONIC_USER", raising=False)
    with served(run_copy) as running, running.client() as client:
        ids = running.service.snapshots.present.library.songs["id"].to_list()
        body = {"playlist_name": "<b>Mix</b>", "track_ids": [ids[1], {"item_id": ids[0]}, ids[1], "nope"]}
        made = client.post("/api/create_playlist", json=body)
        assert made.status_code == 201
        assert (made.json()["mapped"], made.json()["skipped"]) == (2, 1)
        again = client.post("/api/create_playlist", json={**body, "track_ids": ids[2:5]}).json()
        assert again["playlist_id"] == made.json()["playlist_id"]
        kept = client.get(f"/api/v1/playlists/{again['playlist_id']}").json()
        assert kept["name"] == "<b>Mix</b>"
        assert [song["id"] for song in kept["songs"]] == ids[2:5]
        long = [client.post("/api/create_playlist", json={**body, "playlist_name": "ü" * 700}).json() for _ in range(2)]
        assert long[0]["playlist_id"] == long[1]["playlist_id"] != again["playlist_id"]
        for bad in ({"track_ids": ids[:1]}, {"playlist_name": "x"}, {"playlist_name": "x", "track_ids": ["nope"]}):
            assert client.post("/api/create_playlist", json=bad).status_code == 400


def test_the_bearer_token_is_the_services_key(run_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMSONG_API_KEY", KEY)
    with served(run_copy) as running, running.client() as client:
        song = running.service.snapshots.present.library.songs["id"][0]
        for path in (f"/api/similar_tracks?item_id={song}", "/api/active_tasks", "/api/status/1"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
            assert client.get(path, headers={"Authorization": f"Bearer {KEY}"}).status_code in (200, 404)


@pytest.mark.parametrize(
    ("value", "expected"), [("7", 7), (7, 7), (" 7 ", 7), ("99999999999999999999999", 500), ("-3", 1)]
)
def test_numbers_are_kept_within_their_bounds(value: object, expected: int) -> None:
    assert count({"n": value}, "n", 10, 1, 500) == expected


@pytest.mark.parametrize("value", ["", None])
def test_what_is_missing_is_what_it_is_otherwise(value: object) -> None:
    assert count({"n": value}, "n", 10, 1, 500) == 10
    assert text({"n": value}, "n") is None
    assert not flag({"n": value}, "n")


@pytest.mark.parametrize("value", ["x", "1.5", "0x10", True, 1.5, [], {}])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(BadAskError, match="n is no"):
        count({"n": value}, "n", 10, 1, 500)


def test_ids_come_once_each_in_order() -> None:
    assert identities({"ids": ["b", {"item_id": "a"}, 3, {"id": "b"}]}, "ids") == ["b", "a", "3"]
    with pytest.raises(BadAskError, match="no list"):
        identities({"ids": ["x"] * 10_001}, "ids")
