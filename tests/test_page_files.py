"""The page's files, without a browser: whole, its own, and readable in both themes."""

import re
import tomllib
from glob import glob
from html.parser import HTMLParser
from pathlib import Path

import pytest
from serving import Served

from simsong_pipeline.service.page_files import FOLDER

SCRIPTS, STYLES = sorted(FOLDER.rglob("*.js")), sorted(FOLDER.rglob("*.css"))
_IMPORT = re.compile(r'from "(\.[^"]+)"|^import "(\.[^"]+)"', re.MULTILINE)
# The least contrast of text that WCAG 2.2 asks for at level AA.
LEAST = 4.5
TEXT_ON = [
    *[(ink, ground) for ink in ("ink", "ink-soft", "accent", "lyrics") for ground in ("ground", "surface", "sunken")],
    ("accent-ink", "accent"),
    ("accent", "accent-wash"),
    ("lyrics", "lyrics-wash"),
    ("warn", "warn-wash"),
    ("bad", "bad-wash"),
    ("ink", "raised"),
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_what_a_script_imports_is_there(script: Path) -> None:
    for found in _IMPORT.finditer(script.read_text()):
        assert (script.parent / (found[1] or found[2])).resolve().is_file(), found[0]


def test_every_script_is_used() -> None:
    imported = {
        (script.parent / (found[1] or found[2])).resolve()
        for script in SCRIPTS
        for found in _IMPORT.finditer(script.read_text())
    }
    assert {script.resolve() for script in SCRIPTS} - imported == {(FOLDER / "js" / "main.js").resolve()}


@pytest.mark.parametrize("file", [*SCRIPTS, *STYLES, FOLDER / "index.html"], ids=lambda p: p.name)
def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup(file: Path) -> None:
    text = file.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//cdn|@import|\burl\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


class _Markup(HTMLParser):
    """Gathers what a strict policy would refuse, and what the markup loads."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.loaded: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._inside = tag
        self.refused += [name for name in named if name.startswith("on") or name == "style"]
        self.loaded += [named[name] or "" for name in ("src", "href") if name in named and tag != "a"]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.refused.append(self._inside)


def test_the_markup_holds_no_script_or_style_and_all_that_it_loads_is_there() -> None:
    markup = _Markup()
    markup.feed((FOLDER / "index.html").read_text())
    assert markup.refused == []
    assert markup.loaded
    assert [name for name in markup.loaded if not (FOLDER / name).is_file()] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT_ON, ids=str)
def test_text_can_be_read(theme: str, ink: str, ground: str) -> None:
    colours = _colours(theme)
    assert _contrast(colours[ink], colours[ground]) >= LEAST


def _colours(theme: str) -> dict[str, str]:
    text = (FOLDER / "css" / "tokens.css").read_text()
    light, dark = text.split(':root[data-theme="dark"]')
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light if theme == "light" else light + dark))


def _contrast(one: str, other: str) -> float:
    low, high = sorted(_luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb", as WCAG 2.2 defines it."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_service_sends_the_page_to_be_asked_for_again_and_under_a_policy(served_sample: Served) -> None:
    with served_sample.client() as client:
        page, script = client.get("/"), client.get("/js/main.js")
        again = client.get("/js/main.js", headers={"if-none-match": script.headers["etag"]})
        lost = client.get("/no/such/file.js")
    assert page.headers["content-type"].startswith("text/html")
    assert "javascript" in script.headers["content-type"]
    assert script.headers["cache-control"] == "no-cache"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert again.status_code == 304
    assert lost.status_code == 404


def test_no_file_outside_the_page_is_sent(served_sample: Served) -> None:
    with served_sample.client() as client:
        for path in (
            "/../service.py",
            "/..%2fservice.py",
            "/%2e%2e/service.py",
            "/js/..%2f..%2fkeys.py",
            "//etc/passwd",
        ):
            answer = client.get(path)
            assert answer.status_code in (400, 404), path
            assert "import" not in answer.text


def test_the_package_holds_the_page() -> None:
    package = FOLDER.parents[1]
    project = tomllib.loads((package.parent / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"][package.name]
    packaged = {package / name for pattern in patterns for name in glob(pattern, root_dir=package, recursive=True)}
    assert {file for file in FOLDER.rglob("*") if file.is_file()} <= packaged
