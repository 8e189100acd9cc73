"""Pictures of the page for the documentation: `python -m benchmarks.page.pictures --home simsong-data`.

Of the real page over the sample catalogue (`make demo`), by the system's Chromium: nothing is put in afterwards. The
service works on a copy of the home, so that nothing is changed in it.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks.page.browser import chromium, needed_chromium
from benchmarks.serving import served_home

OUT = Path(__file__).resolve().parents[2] / "docs" / "images"
SONG = "A Young Soldier"  # of the sample catalogue


def main() -> None:
    """Take all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("simsong-data"), help="after `simsong demo`")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--song", default=SONG, help="the song that is shown")
    arguments = parser.parse_args()
    path = needed_chromium()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(arguments.home, home)
        with served_home(home) as (url, _), chromium(path) as browser:
            for name, (width, height, scheme, steps) in PICTURES.items():
                shown = partial(steps, song=arguments.song)
                take(browser, url, arguments.out / f"{name}.png", (width, height), scheme, shown)


def take(
    browser: Browser, url: str, out: Path, size: tuple[int, int], scheme: str, steps: Callable[[Page], None]
) -> None:
    """One picture, after some steps."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("html[data-ready]")
    steps(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(600)
    page.screenshot(path=out)
    print(f"{out} ({out.stat().st_size // 1000} kB)")
    context.close()


def _song(page: Page, song: str) -> None:
    page.get_by_role("combobox", name="Search songs").fill(song)
    page.locator("[role=option]").first.click()
    page.get_by_role("button", name="Other artists").click()
    page.wait_for_url("**exclude_artist=true**")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)
    page.locator(".songs .play").nth(1).click()
    page.wait_for_timeout(3_000)
    page.mouse.move(5, 5)


def _why(page: Page, song: str) -> None:
    _song(page, song)
    page.locator("[data-part=why]").first.click()
    page.locator(".pairs").wait_for()
    page.mouse.wheel(0, 330)


def _map(page: Page, song: str) -> None:
    page.get_by_role("link", name="Map").click()
    page.locator(".map-around a").first.wait_for()
    box = page.locator("canvas").bounding_box()
    assert box is not None
    for across in range(30, 70):  # until a point is met
        page.mouse.move(box["x"] + box["width"] * across / 100, box["y"] + box["height"] * 0.55)
        if page.locator(".map-tip").is_visible():
            return


PICTURES: dict[str, tuple[int, int, str, Callable[..., None]]] = {
    "page-light": (1280, 860, "light", _song),
    "page-dark": (1280, 860, "dark", _why),
    "page-map": (1280, 860, "light", _map),
    "page-phone": (360, 740, "light", _song),
}


if __name__ == "__main__":
    main()
