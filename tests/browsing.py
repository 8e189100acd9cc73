"""The page in the system's own browser: Chromium without a screen, drawing by software."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.page.browser import chromium, chromium_path

WAIT_MS = 20_000


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser; skips the test where there is none."""
    path = chromium_path()
    if path is None:
        pytest.skip("no chromium on the PATH (apt install chromium)")
    with chromium(path) as browser:
        yield browser


@dataclass
class Opened:
    """A page, and what went wrong in it: scripts that failed, and what its own policy refused."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)

    def go(self, view: str) -> None:
        """Show a view by its address, and wait for its heading."""
        self.page.evaluate("view => { document.querySelector('#main').replaceChildren(); location.hash = view; }", view)
        self.page.wait_for_selector("main h1, main .said")


@contextmanager
def opened(
    browser: Browser,
    url: str,
    width: int = 1280,
    height: int = 860,
    before: Callable[[Page], None] = lambda _: None,
    **options: object,
) -> Iterator[Opened]:
    """The page of a service in a window of its own, after `before`; any fault in it fails the test at the end."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    seen = Opened(page, url)
    page.on("pageerror", lambda error: seen.faults.append(str(error)))
    page.on("console", lambda said: seen.faults.append(said.text) if is_fault(said.type, said.text) else None)
    before(page)
    page.goto(url)
    page.wait_for_selector("html[data-ready], dialog[open], main .said")
    yield seen
    context.close()
    assert not seen.faults


def until_listed(page: Page, wanted: list[str]) -> None:
    """Wait until the page lists these songs, in this order."""
    page.wait_for_function(
        "wanted => JSON.stringify([...document.querySelectorAll('.songs > li')].map(r => r.dataset.id))"
        " === JSON.stringify(wanted)",
        arg=wanted,
    )


def is_fault(kind: str, text: str) -> bool:
    """Whether a line of the browser's console is one; an answer such as 404 is written there too, and is none."""
    return kind == "error" and not text.startswith("Failed to load resource")
