"""The system's Chromium without a screen, drawing by software, and a service for it to ask."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


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


@contextmanager
def served_home(home: Path) -> Iterator[str]:
    """The address of `simsong serve` over a home, in a process of its own."""
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "serve", "--home", str(home), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process, home)
        finally:
            process.terminate()


def _address(process: "subprocess.Popen[str]", home: Path) -> str:
    """What the service says of itself once it listens."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"http://\S+/", said):
            return found[0]
    raise SystemExit(f"`simsong serve --home {home}` did not start:\n{said}")
