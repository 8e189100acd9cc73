"""The system's Chromium without a screen and without a graphics card."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WITH_CARD = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required")
# What Chromium does by itself where there is no card: the processor lays the page together, and WebGL is there by
# SwiftShader.
ARGUMENTS = (*WITH_CARD, "--disable-gpu", "--enable-unsafe-swiftshader")
# SwiftShader is held to be a card, and lays the whole page together as well: nothing that a browser chooses by itself.
PLAYED_CARD = (*WITH_CARD, "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def chromium_path() -> str | None:
    """Where the system's browser is; null where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


@contextmanager
def chromium(path: str, arguments: tuple[str, ...] = ARGUMENTS) -> Iterator[Browser]:
    """The browser at a path."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(arguments))
        yield browser
        browser.close()


def needed_chromium() -> str:
    """Where the system's browser is; ends the process where there is none."""
    path = chromium_path()
    if path is None:
        raise SystemExit("no chromium on the PATH (apt install chromium)")
    return path
