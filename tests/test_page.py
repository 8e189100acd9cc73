"""The page as people use it: real clicks and keys in Chromium, over the real service and the sample's recordings."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import WAIT_MS, Opened, browsing, opened, until_listed
from playwright.sync_api import Browser, Locator, Page, Route, expect
from serving import Served, served

from simsong_pipeline.home.events import Events
from simsong_pipeline.home.night_note import noted
from simsong_pipeline.home.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
VIEWS = [
    "#/",
    "#/map",
    "#/words?text=the%20sea",
    "#/path",
    "#/playlists",
    "#/likes",
    "#/report",
    "#/night",
    "#/search/the",
]
BEYOND = "far => Number(document.querySelector('.player .seek input').value) >= far"
QUIET = Events(stage=lambda _: None, progress=lambda *_: None, note=lambda _: None)
HTML = '<img src=x onerror="window.broken=1"><b>Bold & Sons</b>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def at(browser: Browser, served_sample: Served) -> Iterator[Opened]:
    with opened(browser, served_sample.url) as seen:
        yield seen


@pytest.fixture
def writing(run_copy: Workspace) -> Iterator[Served]:
    """A service over a home of its own that may be written."""
    with served(run_copy) as running:
        yield running


def songs_of(running: Served, **values: object) -> list[dict[str, str]]:
    with running.client() as client:
        return client.get("/api/v1/songs", params=values or {"limit": 5}).json()["items"]  # type: ignore[no-any-return]


def asked(running: Served, question: str, **values: object) -> dict[str, object]:
    with running.client() as client:
        answer = client.get(f"/api/v1/{question}", params=values)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]


def ids(page: Page) -> list[str]:
    """Of the songs that are listed, in their order."""
    return page.locator(".songs > li").evaluate_all("rows => rows.map(row => row.dataset.id)")  # type: ignore[no-any-return]


def answer_ids(answer: dict[str, object]) -> list[str]:
    songs = answer["songs"]
    assert isinstance(songs, list)
    return [song["id"] for song in songs]


def set_slider(slider: Locator, value: float) -> None:
    slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", value)


def weight_of(page: Page) -> Locator:
    return page.get_by_role("slider", name="Weight of the sound beside the lyrics")


def seconds(page: Page) -> float:
    """How far the bar says that the song is."""
    return float(page.get_by_role("slider", name="Place in the song").input_value())


def test_a_song_is_searched_opened_and_has_its_neighbours(at: Opened, served_sample: Served) -> None:
    song = songs_of(served_sample)[2]
    field = at.page.get_by_role("combobox", name="Search songs, artists and albums")
    field.press_sequentially(song["title"][:9], delay=10)
    at.page.locator(f'[role=option][data-id="{song["id"]}"]').click()
    expect(at.page.get_by_role("heading", level=1)).to_have_text(song["title"])
    until_listed(at.page, answer_ids(asked(served_sample, "similar", like=song["id"], k=20)))


@pytest.mark.slow
def test_a_song_plays_is_sought_in_and_the_next_follows(at: Opened, served_sample: Served) -> None:
    song = songs_of(served_sample)[0]
    asks: list[tuple[int, str]] = []
    at.page.on("response", lambda a: asks.append((a.status, a.url)) if a.url.endswith("/stream") else None)
    at.go(f"#/song/{song['id']}")
    rows = at.page.locator(".songs .song")
    names = [rows.nth(i).locator(".title").inner_text() for i in range(2)]
    rows.nth(0).get_by_role("button", name=re.compile("^Play ")).click()
    at.page.wait_for_function(BEYOND, arg=0.6)
    expect(at.page.locator(".player .title")).to_have_text(names[0])
    expect(rows.nth(0)).to_have_class(re.compile("playing"))
    assert asks
    assert {status for status, _ in asks} <= {200, 206}
    set_slider(at.page.get_by_role("slider", name="Place in the song"), 3.5)
    at.page.wait_for_function(BEYOND, arg=3.5)
    assert at.page.evaluate("navigator.mediaSession.metadata.title") == names[0]
    at.page.get_by_role("button", name="Next song").click()
    expect(at.page.locator(".player .title")).to_have_text(names[1])
    assert at.page.title().startswith(names[1])
    at.page.get_by_role("button", name="Pause", exact=True).click()
    expect(at.page.get_by_role("button", name="Play", exact=True).last).to_be_visible()
    at.page.wait_for_timeout(400)
    stopped = seconds(at.page)
    at.page.wait_for_timeout(500)
    assert seconds(at.page) == pytest.approx(stopped, abs=0.15)


@pytest.mark.slow
def test_the_next_song_comes_by_itself(at: Opened, served_sample: Served) -> None:
    at.go(f"#/song/{songs_of(served_sample)[0]['id']}")
    rows = at.page.locator(".songs .song")
    second = rows.nth(1).locator(".title").inner_text()
    rows.nth(0).get_by_role("button", name=re.compile("^Play ")).click()
    at.page.wait_for_function(BEYOND, arg=0.1)
    end = float(at.page.get_by_role("slider", name="Place in the song").get_attribute("max") or 0)
    set_slider(at.page.get_by_role("slider", name="Place in the song"), end - 0.4)
    expect(at.page.locator(".player .title")).to_have_text(second)


@pytest.mark.slow
def test_the_weight_orders_anew_under_the_hand(at: Opened, served_sample: Served) -> None:
    song = songs_of(served_sample)[1]
    at.go(f"#/song/{song['id']}")
    sound, lyrics = (answer_ids(asked(served_sample, "similar", like=song["id"], k=20, audio_weight=w)) for w in (1, 0))
    assert sound != lyrics
    set_slider(weight_of(at.page), 100)
    until_listed(at.page, sound)
    for value in (80, 60, 40, 20, 10, 0):  # a hand that moves: only where it ends is shown in the end
        set_slider(weight_of(at.page), value)
        at.page.wait_for_timeout(30)
    until_listed(at.page, lyrics)
    assert weight_of(at.page).get_attribute("aria-valuetext") == "by lyrics alone"
    at.page.reload()
    until_listed(at.page, lyrics)
    at.page.get_by_role("button", name="model's own").click()
    until_listed(at.page, answer_ids(asked(served_sample, "similar", like=song["id"], k=20)))


@pytest.mark.slow
def test_filters_leave_what_fits_and_say_where_nothing_does(at: Opened, served_sample: Served) -> None:
    song = songs_of(served_sample)[1]
    at.go(f"#/song/{song['id']}")
    at.page.get_by_role("button", name="Other artists").click()
    until_listed(at.page, answer_ids(asked(served_sample, "similar", like=song["id"], k=20, exclude_artist=True)))
    at.page.get_by_role("button", name=re.compile("^Filters")).click()
    at.page.get_by_role("combobox", name="Songs of one artist").select_option("1")
    wanted = asked(served_sample, "similar", like=song["id"], k=20, exclude_artist=True, per_artist=1)
    until_listed(at.page, answer_ids(wanted))
    at.page.get_by_role("spinbutton", name="Years, from").fill("2999")
    expect(at.page.get_by_role("heading", name="No song fits")).to_be_visible()
    at.page.get_by_role("spinbutton", name="Years, to").fill("1999")
    expect(at.page.get_by_role("alert")).to_contain_text("no song is both")


@pytest.mark.slow
def test_why_marks_the_seconds_that_match_and_plays_them_in_both(at: Opened, served_sample: Served) -> None:
    song = songs_of(served_sample)[0]
    at.go(f"#/song/{song['id']}")
    row = at.page.locator(".songs .song").first
    other = row.get_attribute("data-id")
    row.get_by_role("button", name=re.compile("^Why ")).click()
    found = asked(served_sample, "why", first=song["id"], second=other, best=5)
    assert isinstance(found["segments"], list)
    marks = row.locator(".strip").nth(1).locator("button")
    expect(marks).to_have_count(len(found["segments"]))
    for side, name in ((0, "first_s"), (1, "second_s")):
        places = (
            row.locator(".strip").nth(side).locator("button").evaluate_all("m => m.map(e => parseFloat(e.style.left))")
        )
        whole = 100 / float(
            row.locator(".strip").nth(side).locator("button").first.evaluate("e => parseFloat(e.style.width)")
        )
        starts = [pair[name] / float(found["segment_s"]) / whole * 100 for pair in found["segments"]]  # type: ignore[arg-type]
        assert places == pytest.approx(starts, abs=0.1)
    at.page.evaluate(_FOLLOWED)
    row.get_by_role("button", name="Play both, one after the other").first.click()
    # Both songs sound for a while, each moves on, and no longer than its segment.
    at.page.wait_for_function("() => window.places.every((seen) => new Set(seen).size > 2)")
    expect(row.locator(".strip .head:visible")).to_have_count(0, timeout=WAIT_MS)
    for side, name in ((0, "first_s"), (1, "second_s")):
        seen = at.page.evaluate("side => window.places[side]", side)
        begin = row.locator(".strip").nth(side).locator("[data-pair='0']").evaluate("e => parseFloat(e.style.left)")
        width = row.locator(".strip").nth(side).locator("[data-pair='0']").evaluate("e => parseFloat(e.style.width)")
        assert seen == sorted(seen), name
        assert begin - 0.5 <= seen[0]
        assert seen[-1] <= begin + width + 15  # a browser tells the time four times a second


# Gathers where the marks of what sounds are, in percent of each song.
_FOLLOWED = """() => {
  window.places = [[], []];
  document.querySelectorAll('.songs .why .head').forEach((head, side) => {
    const look = () => { if (!head.hidden) window.places[side].push(parseFloat(head.style.left)); };
    new MutationObserver(look).observe(head, { attributeFilter: ['style'] });
  });
}"""


@pytest.mark.slow
def test_a_path_leads_from_one_song_to_the_other(at: Opened, served_sample: Served) -> None:
    start, *_, end = songs_of(served_sample)
    at.go(f"#/path?start={start['id']}")
    field = at.page.get_by_role("combobox", name="To: a song")
    field.press_sequentially(end["title"], delay=5)
    at.page.locator(f'[role=option][data-id="{end["id"]}"]').click()
    until_listed(at.page, answer_ids(asked(served_sample, "path", start=start["id"], end=end["id"], k=8)))
    assert ids(at.page)[0] == start["id"]
    assert ids(at.page)[-1] == end["id"]
    at.page.get_by_role("button", name="Swap both songs").click()
    at.page.wait_for_function("id => document.querySelector('.songs > li')?.dataset.id === id", arg=end["id"])


@pytest.mark.slow
def test_a_playlist_is_kept_as_a_question_ordered_exported_and_run_again(browser: Browser, writing: Served) -> None:
    song = songs_of(writing)[0]
    with opened(browser, writing.url) as seen:
        page = seen.page
        seen.go(f"#/song/{song['id']}")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("textbox", name="Name").fill("Evening")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(page.get_by_role("textbox", name="Name of the playlist")).to_have_value("Evening")
        first = answer_ids(asked(writing, "similar", like=song["id"], k=20))
        until_listed(page, first)
        page.locator('.songs [data-part="below"]').first.click()
        moved = [first[1], first[0], *first[2:]]
        until_listed(page, moved)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.activeElement.closest('li')?.dataset.id") == first[0]
        page.locator(".songs .grip").nth(3).drag_to(page.locator(".songs .song").nth(0))
        moved = [moved[3], *moved[:3], *moved[4:]]
        until_listed(page, moved)
        page.reload()
        until_listed(page, moved)
        with page.expect_download() as download:
            page.get_by_role("link", name="M3U8").click()
        assert download.value.suggested_filename == "Evening.m3u8"
        lines = [line for line in download.value.path().read_text().splitlines() if line and not line.startswith("#")]
        assert len(lines) == len(moved)
        with writing.client() as client:
            client.put("/api/v1/never", json={"what": "song", "id": first[0]}).raise_for_status()
        page.get_by_role("button", name="Run again").click()
        again = answer_ids(asked(writing, "similar", like=song["id"], k=20))
        assert first[0] not in again
        until_listed(page, again)
        seen.go("#/playlists")
        expect(page.get_by_role("link", name=re.compile("Evening"))).to_contain_text("20 songs")


def _press_hearts_of_one_song(page: Page, name: str) -> None:
    """Two hearts of a song that is liked, on its own page and in the player's bar, say what is pressed on either."""
    back = page.url
    page.locator(".songs .title").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.locator(".hero").get_by_role("button", name="Play", exact=True).click()
    hearts = page.locator(".hero [data-like]"), page.locator("#player [data-like]")
    for pressed, expected in ((hearts[0], "false"), (hearts[1], "true")):
        pressed.click()
        for heart in hearts:
            expect(heart).to_have_attribute("aria-pressed", expected)
    page.goto(back)
    page.locator(".songs .song").first.wait_for()


@pytest.mark.slow
def test_likes_are_kept_and_never_takes_a_song_away_until_it_is_undone(browser: Browser, writing: Served) -> None:
    song = songs_of(writing)[0]
    with opened(browser, writing.url) as seen:
        page = seen.page
        seen.go(f"#/song/{song['id']}")
        row = page.locator(".songs .song").first
        name, out = row.locator(".title").inner_text(), str(row.get_attribute("data-id"))
        row = page.locator(f".songs .song[data-id='{out}']")  # wherever a list that is asked for again has it
        row.locator("[data-part=like]").click()
        expect(row.locator("[data-part=like]")).to_have_attribute("aria-pressed", "true")
        assert asked(writing, "likes")["liked"] == [out]
        _press_hearts_of_one_song(page, name)
        row.locator("[data-part=more]").click()
        page.get_by_role("menuitem", name="Never suggest this song").click()
        expect(page.locator(".notices")).to_contain_text(f"{name} is never suggested again")
        until_listed(page, answer_ids(asked(writing, "similar", like=song["id"], k=20)))
        assert out not in ids(page)
        page.get_by_role("button", name="Undo").click()
        page.wait_for_function("id => document.querySelector('.songs > li')?.dataset.id === id", arg=out)
        seen.go("#/likes")
        expect(page.locator(".songs .title")).to_have_text([name])


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_small_phone(browser: Browser, served_sample: Served, scheme: str) -> None:
    song, other = songs_of(served_sample)[:2]
    longer = [f"#/song/{song['id']}", f"#/artist/{song['artist_id']}", f"#/path?start={song['id']}&end={other['id']}"]
    with opened(browser, served_sample.url, 360, 740, color_scheme=scheme) as seen:
        assert seen.page.evaluate("document.documentElement.dataset.theme") == scheme
        for view in [*VIEWS, *longer, f"#/mix?like={song['id']}&dislike={other['id']}"]:
            seen.go(view)
            seen.page.wait_for_load_state("networkidle")
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360, view
        seen.go(longer[0])
        seen.page.locator("[data-part=why]").first.click()
        seen.page.get_by_role("button", name=re.compile("^Filters")).click()
        seen.page.locator(".pairs").wait_for()
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.slow
def test_everything_goes_by_keys_alone(at: Opened, served_sample: Served) -> None:
    song, page = songs_of(served_sample)[3], at.page
    press = page.keyboard.press
    press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    press("/")
    page.keyboard.type(song["title"], delay=5)
    page.locator(f'[role=option][data-id="{song["id"]}"]').wait_for()
    options = page.locator("[role=option]").evaluate_all("o => o.map(e => e.dataset.id)")
    for _ in range(options.index(song["id"]) + 1):
        press("ArrowDown")
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(song["title"])
    assert page.evaluate("document.activeElement.id") == "main"
    _tab_to(page, "input[type=range][aria-label^=Weight]")
    press("End")
    until_listed(page, answer_ids(asked(served_sample, "similar", like=song["id"], k=20, audio_weight=1)))
    _tab_to(page, ".songs [data-part=play]")
    press("ArrowDown")
    second = page.locator(".songs .song").nth(1)
    assert page.evaluate("document.activeElement.closest('li').dataset.id") == second.get_attribute("data-id")
    press("Enter")
    page.wait_for_function(BEYOND, arg=0.2)
    _tab_to(page, ".songs [data-part=more]")
    press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    press("ArrowDown")
    expect(page.get_by_role("menuitem").nth(1)).to_be_focused()
    press("Escape")
    assert page.evaluate("document.activeElement.dataset.part") == "more"


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until a control has the focus, and see that each on the way shows it."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    raise AssertionError(f"no Tab leads to {selector}")


@pytest.mark.slow
def test_every_view_has_names_for_what_it_shows(at: Opened, served_sample: Served) -> None:
    song = songs_of(served_sample)[0]
    for view in [*VIEWS, f"#/song/{song['id']}", f"#/artist/{song['artist_id']}"]:
        at.go(view)
        at.page.wait_for_load_state("networkidle")
        assert at.page.evaluate(_NAMELESS) == [], view
        assert at.page.locator("main h1").count() == 1, view


# Controls without a name, pictures without a text, ids that are there twice.
_NAMELESS = """() => {
  const name = (e) => e.getAttribute('aria-label') || e.textContent.trim() || e.title || e.alt
    || (e.labels && [...e.labels].map((l) => l.textContent).join('')) || '';
  const all = document.querySelectorAll('button, a[href], input, select, textarea, canvas');
  const controls = [...all].filter((e) => !name(e).trim());
  const pictures = [...document.querySelectorAll('img:not([alt])')];
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
  return [...controls, ...pictures].map((e) => e.outerHTML.slice(0, 200)).concat(twice);
}"""


@pytest.mark.slow
def test_markup_in_names_stays_text_wherever_it_stands(browser: Browser, run_copy: Workspace) -> None:
    tracks = run_copy.read("tracks")
    named = tracks.with_columns(
        title=HTML + tracks["title"],
        artist_name=HTML + tracks["artist_name"],
        release=HTML + tracks["release"].fill_null(""),
    )
    run_copy.write("tracks", named)
    with served(run_copy) as running, opened(browser, running.url) as seen:
        page, song = seen.page, songs_of(running)[0]
        assert song["title"].startswith(HTML)
        with running.client() as client:
            body = {"name": HTML, "recipe": {"kind": "similar", "question": {"like": [song["id"]]}}}
            made = client.post("/api/v1/playlists", json=body).json()
            client.put("/api/v1/never", json={"what": "artist", "id": song["artist_id"]}).raise_for_status()
        for view in [
            *VIEWS,
            f"#/song/{song['id']}",
            f"#/artist/{song['artist_id']}",
            f"#/playlist/{made['id']}",
            f"#/mix?like={song['id']}",
        ]:
            seen.go(view)
            page.wait_for_load_state("networkidle")
            assert page.locator("main b:not(.label-ink), img[src=x]").count() == 0, view
        seen.go(f"#/song/{song['id']}")
        assert page.get_by_role("heading", level=1).inner_text() == song["title"]
        page.get_by_role("button", name="Play all").click()
        page.locator("[data-part=why]").first.click()
        page.locator("[data-part=more]").first.click()
        page.get_by_role("menuitem", name="Add to the queue").click()
        page.get_by_role("button", name="Queue", exact=True).click()
        page.get_by_role("combobox", name="Search songs, artists and albums").press_sequentially("bold", delay=5)
        page.locator("[role=option]").first.wait_for()
        assert page.locator("img[src=x], .queue b, .notices b, .player b").count() == 0
        assert page.evaluate("window.broken") is None


@pytest.mark.slow
def test_a_key_is_asked_for_and_then_all_is_heard(
    browser: Browser, run_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMSONG_API_KEY", "a-key-that-nobody-guesses")
    with served(run_copy) as running, opened(browser, running.url) as seen:
        page, box = seen.page, seen.page.get_by_role("dialog")
        box.get_by_label("Key").fill("another-key")
        box.get_by_role("button", name="Open").click()
        expect(box.get_by_role("alert")).to_contain_text("not the key")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        expect(box).to_be_visible()
        box.get_by_label("Key").fill("a-key-that-nobody-guesses")
        box.get_by_role("button", name="Open").click()
        page.wait_for_selector("html[data-ready]")
        page.locator(".card").first.click()
        page.locator(".hero").get_by_role("button", name="Play", exact=True).click()
        page.wait_for_function(BEYOND, arg=0.3)
        assert page.evaluate("document.querySelector('.hero img').naturalWidth") > 0
        page.reload()
        page.wait_for_selector("html[data-ready]")
        expect(box).to_have_count(0)


@pytest.mark.slow
def test_a_service_that_only_reads_offers_nothing_to_write(at: Opened, served_sample: Served) -> None:
    song = songs_of(served_sample)[0]
    at.go(f"#/song/{song['id']}")
    at.page.locator(".songs .song").first.wait_for()
    expect(at.page.locator("#nav")).to_contain_text("read only")
    assert at.page.locator("[data-part=like], .like").count() == 0
    expect(at.page.get_by_role("button", name="Save")).to_have_count(0)
    at.page.locator("[data-part=more]").first.click()
    expect(at.page.get_by_role("menuitem", name=re.compile("Never|Like|playlist"))).to_have_count(0)


@pytest.mark.slow
def test_the_map_names_songs_opens_them_and_is_moved_by_keys(at: Opened, served_sample: Served) -> None:
    page = at.page
    at.go("#/map")
    canvas = page.locator("canvas")
    page.locator(".map-around a").first.wait_for()
    assert page.evaluate(_PAINTED) > 100
    middle = page.locator(".map-around a").first.inner_text()
    canvas.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("was => document.querySelector('.map-around a').innerText !== was", arg=middle)
    page.keyboard.press("0")
    left, top, name = _a_point(page, asked(served_sample, "map"))
    page.mouse.move(left, top)
    expect(page.locator(".map-tip")).to_contain_text(name)
    page.get_by_role("button", name="Year").click()
    whole = page.evaluate(_PAINTED)
    page.locator(".legend-list button").first.click()
    expect(page.locator(".legend-list button").first).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(_PAINTED) < 0.7 * whole
    page.locator(".legend-list button").first.click()
    page.mouse.click(left, top)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()
    page.locator(".map-around a").first.wait_for()
    page.locator("canvas").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".hero")).to_be_visible()


# How many pixels of the map have another colour than the ground, which is that of its lower left corner.
_PAINTED = """() => new Promise((kept) => {
  const canvas = document.querySelector('canvas');
  canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: 0}));
  requestAnimationFrame(() => {
    const flat = document.createElement('canvas');
    [flat.width, flat.height] = [canvas.width, canvas.height];
    const pen = flat.getContext('2d');
    pen.drawImage(canvas, 0, 0);
    const {data} = pen.getImageData(0, 0, flat.width, flat.height);
    let painted = 0;
    const ground = data.subarray(data.length - 4 * flat.width);
    for (let i = 0; i < data.length; i += 4) {
      painted += [0, 1, 2].some((one) => Math.abs(data[i + one] - ground[one]) > 60);
    }
    kept(painted);
  });
})"""


def _a_point(page: Page, found: dict[str, object]) -> tuple[float, float, str]:
    """Where on the screen a song lies that has no other near it, and its title; the camera shows nearly all."""
    xs, ys, titles = found["x"], found["y"], found["titles"]
    assert isinstance(xs, list)
    assert isinstance(ys, list)
    assert isinstance(titles, list)
    apart = [
        min((x - u) ** 2 + (y - v) ** 2 for j, (u, v) in enumerate(zip(xs, ys, strict=True)) if j != i)
        for i, (x, y) in enumerate(zip(xs, ys, strict=True))
    ]
    box = page.locator("canvas").bounding_box()
    assert box is not None
    bounds = [(sorted(v)[int(0.005 * (len(v) - 1))], sorted(v)[int(0.995 * (len(v) - 1))]) for v in (xs, ys)]
    (left, right), (top, bottom) = bounds
    scale = 0.88 * min(box["width"] / (right - left), box["height"] / (bottom - top))
    inside = [i for i in range(len(xs)) if left <= xs[i] <= right and top <= ys[i] <= bottom]
    best = max(inside, key=lambda i: apart[i])
    x = box["x"] + box["width"] / 2 + (xs[best] - (left + right) / 2) * scale
    y = box["y"] + box["height"] / 2 + (ys[best] - (top + bottom) / 2) * scale
    return x, y, titles[best]


@pytest.mark.slow
def test_what_goes_wrong_is_said_in_words(browser: Browser, run_copy: Workspace) -> None:
    with served(run_copy) as running, opened(browser, running.url) as seen:
        seen.go("#/song/no-such-song")
        expect(seen.page.get_by_role("alert")).to_contain_text("no-such-song")
        seen.go("#/no-such-view")
        expect(seen.page.get_by_role("heading", name="There is no such page")).to_be_visible()
        seen.page.route("**/api/v1/genres", lambda route: route.abort())
        seen.go("#/")
        expect(seen.page.get_by_role("alert")).to_contain_text("does not answer")
        seen.page.unroute("**/api/v1/genres")
        seen.page.get_by_role("button", name="Try again").click()
        expect(seen.page.locator(".card").first).to_be_visible()


@pytest.mark.slow
def test_an_empty_library_says_what_to_do(browser: Browser, served_sample: Served) -> None:
    def emptied(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "songs": 0, "artists": 0, "albums": 0})

    with opened(browser, served_sample.url, before=lambda page: page.route("**/api/v1/library", emptied)) as seen:
        expect(seen.page.locator("main")).to_contain_text("simsong library ~/Music")


@pytest.mark.slow
def test_a_night_is_shown_while_it_works_and_when_it_is_done(browser: Browser, writing: Served) -> None:
    with noted(writing.service.workspace, "simsong refresh", QUIET) as noting:
        noting.events.stage("decoding audio")
        with opened(browser, writing.url) as seen:
            expect(seen.page.locator("#night")).to_contain_text("decoding audio")
            seen.go("#/night")
            expect(seen.page.locator("main")).to_contain_text("At work")
        noting.outcome = "3 new songs"
    with opened(browser, writing.url) as seen:
        seen.go("#/night")
        expect(seen.page.locator("main")).to_contain_text("3 new songs")
        expect(seen.page.locator("#night")).to_be_hidden()


@pytest.mark.slow
def test_the_report_says_how_good_it_is_beside_chance(at: Opened, served_sample: Served) -> None:
    at.go("#/report")
    expect(at.page.locator("main")).to_contain_text("Chance")
    expect(at.page.locator("main .figure").first).to_contain_text(re.compile(r"\d\.\d of 10 belong"))
    figures = asked(served_sample, "report")["metrics"]
    assert isinstance(figures, list)
    at.page.get_by_text("All figures").click()
    expect(at.page.locator("tbody tr")).to_have_count(len(figures))


@pytest.mark.slow
def test_the_colours_follow_the_system_until_somebody_chooses(browser: Browser, served_sample: Served) -> None:
    with opened(browser, served_sample.url, color_scheme="dark") as seen:
        assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
        seen.page.get_by_role("button", name="Light colours").click()
        seen.page.reload()
        seen.page.wait_for_selector("html[data-ready]")
        assert seen.page.evaluate("document.documentElement.dataset.theme") == "light"


@pytest.mark.slow
def test_words_find_songs_by_their_lyrics(at: Opened, served_sample: Served) -> None:
    at.go("#/words")
    at.page.get_by_role("textbox", name="What the lyrics are about").fill("the sea at night")
    until_listed(at.page, answer_ids(asked(served_sample, "about", text="the sea at night", k=20)))
    assert "the%20sea" in at.page.url or "the+sea" in at.page.url


@pytest.mark.slow
def test_the_maps_benchmark_comes_to_its_end(browser: Browser, run_copy: Workspace) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.page",
        "--home",
        str(run_copy.home),
        "--points",
        "300",
        "--seconds",
        "0.5",
    ]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120)
    figures = json.loads(done.stdout)
    assert figures["points"] == 300
    assert figures["moved_per_s"] > 0
    assert figures["zoomed_per_s"] > 0


@pytest.mark.slow
def test_pictures_of_the_page_are_taken(browser: Browser, run_copy: Workspace, tmp_path: Path) -> None:
    kept = run_copy.read("tracks").join(run_copy.read("exclusions"), on="track_id", how="anti")
    song = kept.sort("title")["title"][-1]
    command = [sys.executable, "-m", "benchmarks.page.pictures", "--home", str(run_copy.home), "--song", song]
    subprocess.run([*command, "--out", str(tmp_path / "taken")], cwd=ROOT, check=True, capture_output=True, timeout=240)
    taken = sorted((tmp_path / "taken").iterdir())
    assert [path.name for path in taken] == ["page-dark.png", "page-light.png", "page-map.png", "page-phone.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in taken)
