"""Genius: the song by its API, the lyrics by its page, and which of five things an answer was."""

import json
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.names import SongName, same_song
from simsong_pipeline.providers.web.genius_page import read_page
from simsong_pipeline.providers.web.polite_client import Answer, PoliteClient, origin_of

API, SITE = "https://api.genius.com", "https://genius.com"
LyricStatus = Literal["OK", "NOT_FOUND", "INSTRUMENTAL", "BLOCKED", "TRANSIENT"]
# Below, two names are not taken for one song.
SURE = 0.8


@dataclass(frozen=True)
class Found:
    """What is known after asking: the match with its likeness and the next best one's, and the lyrics' text."""

    status: LyricStatus
    text: str | None
    reason: str
    matched: str | None = None
    likeness: float | None = None
    runner_up: float | None = None
    url: str | None = None


@dataclass(frozen=True)
class Origins:
    """Where API and pages are asked; another pair for a server of one's own."""

    api: str = API
    site: str = SITE

    @property
    def allowed(self) -> frozenset[str]:
        """What the client may ask."""
        return frozenset({origin_of(self.api), origin_of(self.site)})


class Genius:
    """Asks for one song at a time.

    Args:
        token: for the API; kept here and sent to the API alone.
    """

    def __init__(self, client: PoliteClient, token: str, origins: Origins | None = None) -> None:
        self._client, self._origins = client, origins or Origins()
        self._authorisation = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def __repr__(self) -> str:
        return "Genius()"

    def lyrics(self, wanted: SongName) -> Found:
        """Search, choose the surest hit, read its page.

        Raises:
            ProviderStoppedError: Genius asks to be left alone.
            RawDataError: the token is not taken.
        """
        answer = self._client.get(
            f"{self._origins.api}/search?q={quote(f'{wanted.artist} {wanted.title}')}", self._authorisation
        )
        if answer.status == 401:
            raise RawDataError(
                "Genius does not take the token: check GENIUS_ACCESS_TOKEN (https://genius.com/api-clients)"
            )
        if answer.outcome == "not_found":
            # The search itself is not there: that says nothing of the song.
            return Found("TRANSIENT", None, f"the search answers with {answer.reason}")
        if answer.outcome != "ok":
            return _failed(answer)
        hits = _hits(answer.body)
        if hits is None:
            return self._not_lyrics(answer.body, "the search did not answer with hits")
        ranked = sorted(((same_song(wanted, name), name, hit) for name, hit in hits), key=lambda item: -item[0])
        runner_up = ranked[1][0] if len(ranked) > 1 else None
        if not ranked or ranked[0][0] < SURE:
            best = f"; the nearest is {ranked[0][1].artist} - {ranked[0][1].title}" if ranked else ""
            likeness = ranked[0][0] if ranked else None
            return Found("NOT_FOUND", None, f"no hit is this song{best}", None, likeness, runner_up)
        likeness, name, hit = ranked[0]
        matched = f"{name.artist} - {name.title}"
        if hit.get("instrumental") is True:
            return Found("INSTRUMENTAL", None, "instrumental", matched, likeness, runner_up, _url(hit))
        return self._page(hit, matched, likeness, runner_up)

    def _page(self, hit: dict[str, Any], matched: str, likeness: float, runner_up: float | None) -> Found:
        path = hit.get("path")
        url = f"{self._origins.site}{path}" if isinstance(path, str) else str(_url(hit))
        answer = self._client.get(url)
        if answer.outcome != "ok":
            failed = _failed(answer)
            return Found(failed.status, None, failed.reason, matched, likeness, runner_up, url)
        page = read_page(answer.body.decode("utf-8", errors="replace"))
        if page.kind in ("lyrics", "instrumental"):
            self._client.went_well()
        if page.kind == "lyrics":
            return Found("OK", page.text, "", matched, likeness, runner_up, url)
        if page.kind == "instrumental":
            return Found("INSTRUMENTAL", None, "instrumental", matched, likeness, runner_up, url)
        if page.kind == "unreleased":
            return Found("NOT_FOUND", None, "its lyrics are not transcribed yet", matched, likeness, runner_up, url)
        found = self._not_lyrics(answer.body, "the page has no lyrics")
        return Found(found.status, None, found.reason, matched, likeness, runner_up, url)

    def _not_lyrics(self, body: bytes, reason: str) -> Found:
        """A captcha with status 200 is a refusal; any other page without lyrics may be one of its changes."""
        if read_page(body.decode("utf-8", errors="replace")).kind == "captcha":
            self._client.block("a captcha page")
            return Found("BLOCKED", None, "a captcha page in place of an answer")
        return Found("TRANSIENT", None, reason)


def _failed(answer: Answer) -> Found:
    status: LyricStatus = "TRANSIENT"
    if answer.outcome == "not_found":
        status = "NOT_FOUND"
    elif answer.outcome in ("blocked", "refused"):
        status = "BLOCKED"
    return Found(status, None, answer.reason, url=answer.url)


def _hits(body: bytes) -> list[tuple[SongName, dict[str, Any]]] | None:
    """Artist and title of each hit, and the hit; null where the body is no search result."""
    try:
        hits = json.loads(body)["response"]["hits"]
        results = [hit["result"] for hit in hits if hit.get("type", "song") == "song"]
        return [(SongName(str(r["primary_artist"]["name"]), str(r["title"])), r) for r in results]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _url(hit: dict[str, Any]) -> str | None:
    url = hit.get("url")
    return url if isinstance(url, str) else None
