"""The page for ears, keys and fingers: what axe-core finds in each view, and a map that is touched."""

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import Opened, browsing, opened
from playwright.sync_api import Browser, Page, expect
from serving import Served

VIEWS = ["#/", "#/map", "#/words?text=the%20sea", "#/path", "#/playlists", "#/likes", "#/report", "#/night"]
# The rules of WCAG 2.2 at levels A and AA, and those of good practice.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


def _first_song(running: Served) -> dict[str, Any]:
    with running.client() as client:
        song: dict[str, Any] = client.get("/api/v1/songs", params={"limit": 1}).json()["items"][0]
        return song


def _violations(page: Page) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # A list that is asked for is pale.
    page.wait_for_function("() => !document.querySelector('.busy, [aria-busy=true]')")
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished)).then(() => null)")
    found = axe.run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_breaks_a_rule_of_accessibility(browser: Browser, served_sample: Served, scheme: str) -> None:
    song = _first_song(served_sample)
    more = [f"#/song/{song['id']}", f"#/artist/{song['artist_id']}", f"#/mix?like={song['id']}", "#/search/the"]
    with opened(browser, served_sample.url, color_scheme=scheme, reduced_motion="reduce") as seen:
        for view in [*VIEWS, *more] if scheme == "light" else [more[0], "#/map"]:
            seen.go(view)
            seen.page.wait_for_load_state("networkidle")
            assert _violations(seen.page) == [], view
        seen.go(more[0])
        seen.page.locator("[data-part=why]").first.click()
        seen.page.locator(".pairs").wait_for()
        seen.page.locator("[data-part=more]").first.click()
        seen.page.get_by_role("menu").wait_for()
        assert _violations(seen.page) == []


@pytest.mark.slow
def test_fingers_move_the_map_name_a_song_and_open_it(browser: Browser, served_sample: Served) -> None:
    with opened(browser, served_sample.url, 360, 740, has_touch=True, is_mobile=True) as seen:
        page = seen.page
        seen.go("#/map")
        page.locator(".map-around a").first.wait_for()
        middle = page.locator(".map-around a").first.inner_text()
        _drag(seen, 120, 90)
        page.wait_for_function("was => document.querySelector('.map-around a').innerText !== was", arg=middle)
        assert page.evaluate("scrollY") == 0  # the map moved, and not the page
        left, top = _touch_a_point(page)
        name = page.locator(".map-tip strong").inner_text()
        page.touchscreen.tap(left, top)
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        page.locator(".songs .play").first.tap()
        expect(page.locator("#player .title")).not_to_be_empty()


def _drag(seen: Opened, across: float, down: float) -> None:
    """One finger over the map."""
    box = seen.page.locator("canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = seen.page.context.new_cdp_session(seen.page)
    for kind, share in (("touchStart", 0.0), ("touchMove", 0.5), ("touchMove", 1.0), ("touchEnd", None)):
        places = [] if share is None else [{"x": x + across * share, "y": y + down * share}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


def _touch_a_point(page: Page) -> tuple[float, float]:
    """Touch here and there until a song is named."""
    box = page.locator("canvas").bounding_box()
    assert box is not None
    for number in range(100):
        x = box["x"] + box["width"] * (0.2 + 0.06 * (number % 10))
        y = box["y"] + box["height"] * (0.2 + 0.06 * (number // 10))
        page.touchscreen.tap(x, y)
        if page.locator(".map-tip").is_visible():
            return x, y
    raise AssertionError("no song is named by a touch")
