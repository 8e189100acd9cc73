"""The evaluation report: one HTML page that needs no other file."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
table { border-collapse: collapse; font-size: 14px; } th, td { padding: .25rem .7rem; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } tr:nth-child(even) { background: #f6f6f4; }
thead th { border-bottom: 2px solid #999; } img { max-width: 100%; } .lead { font-size: 17px; } .hit { color: #1d7a3e; }
.wide { overflow-x: auto; } audio { height: 1.6rem; vertical-align: middle; } dt { font-weight: 600; }
.map circle[tabindex]:hover, .map circle:focus { stroke: #000; stroke-width: 2; outline: none; r: 8px; }
.pointed { min-height: 1.5em; font-weight: 600; } .muted { color: #666; }
"""
# The name of the song that is pointed at, tapped, or reached with the arrow keys, below its map.
_SCRIPT = """
for (const map of document.querySelectorAll("svg.map")) {
  const songs = [...map.querySelectorAll("circle[tabindex]")], line = map.nextElementSibling;
  let at = -1;
  const show = (event) => {
    const number = songs.indexOf(event.target.closest("circle[tabindex]"));
    if (number >= 0) { at = number; line.textContent = songs[at].querySelector("title").textContent; }
  };
  for (const kind of ["pointerover", "focusin", "click"]) map.addEventListener(kind, show);
  map.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    songs[(Math.max(at, step < 0 ? 0 : -1) + step + songs.length) % songs.length].focus();
  });
}
"""


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it, as HTML."""

    title: str
    body: str


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole document.

    Args:
        lead: HTML.
    """
    body = "\n".join(f"<h2>{html.escape(s.title)}</h2>\n{s.body}" for s in sections)
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title><style>{_STYLE}</style>"
    return (
        f"<!doctype html><html lang='en'><head>{head}</head><body><h1>{html.escape(title)}</h1>"
        f"<p class='lead'>{lead}</p>{body}<script>{_SCRIPT}</script></body></html>\n"
    )


def paragraph(text: str) -> str:
    """Plain text as a paragraph."""
    return f"<p>{html.escape(text)}</p>"


def link(text: str, address: str) -> str:
    """A paragraph that leads to another file."""
    return f"<p><a href='{html.escape(address, quote=True)}'>{html.escape(text)}</a></p>"


def picture(png: bytes, description: str) -> str:
    """An image inside the page."""
    data = base64.b64encode(png).decode()
    return f"<p><img alt='{html.escape(description, quote=True)}' src='data:image/png;base64,{data}'></p>"


def table(frame: pl.DataFrame) -> str:
    """A frame as a table; numbers are right-aligned with four significant decimals."""
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in frame.columns)
    rows = "".join("<tr>" + "".join(_cell(v) for v in row) + "</tr>" for row in frame.rows())
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def _cell(value: object) -> str:
    if value is None:
        return "<td class='muted'>–</td>"
    if isinstance(value, float):
        return f"<td class='n'>{value:.4f}</td>"
    if isinstance(value, int):
        return f"<td class='n'>{value}</td>"
    return f"<td>{html.escape(str(value))}</td>"


# What the methods of the metrics frame are called on a page.
_METHODS = {
    "random": "random order",
    "mfcc": "timbre alone (Gaussians)",
    "lyrics": "lyrics alone",
    "start_audio": "untrained start, audio",
    "start_fused": "untrained start, audio and lyrics",
    "ns_audio": "NS, audio",
    "ns_fused": "NS, audio and lyrics",
    "wns_audio": "WNS, audio",
    "wns_fused": "WNS, audio and lyrics",
    "audio": "served model, audio",
    "fused": "served model, audio and lyrics",
}
# The report shows what the card does not: both models, and what may be an answer.
_OF_THE_REPORT = {
    "Unfiltered, artist filtered": "all songs may be answers; or only songs by other artists than the query's.",
    "NS, WNS": "two models, trained without and with weights from the lyrics; the served one is named above.",
}


def _terms(k: int) -> dict[str, str]:
    return {
        f"Recall@{k}": f"of the songs that belong to a query, the share among the first {k} answers.",
        f"Precision@{k}": f"of the first {k} answers, the share that belongs to the query.",
        f"nDCG@{k}": "as recall, but an answer counts more the higher it stands; 1 is the best order.",
        f"Hit rate@{k}": f"the share of queries with at least one song that belongs among the first {k} answers.",
        "Hub skew": "0 where all songs are recommended equally often; the larger, the more a few songs crowd in.",
        "Coverage": "the share of songs that are among the answers of at least one query.",
        "Chance": "what a random order scores; a method that is no better has learned nothing.",
        "Oracle": f"the most that any order could score, as some queries have more than {k} songs that belong to them.",
        "95 % interval": "asked on other songs of the kind, the value would lie in it 95 times in 100.",
        "Over timbre, over start": "what is gained on MFCC alone and on the untrained model, with its interval.",
        "Score": "audio and lyric cosine by their shares: it orders the answers to one query, and is no percentage.",
    }


def glossary(k: int, of_a_card: bool = False) -> str:
    """What the figures of a page mean, a sentence each.

    Args:
        k: how many answers were looked at.
    """
    terms = _terms(k) | ({} if of_a_card else _OF_THE_REPORT)
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in terms.items())
    return f"<dl>{rows}</dl>"


_METRICS = {"ndcg": "nDCG"}


def metric_name(name: str) -> str:
    """A metric of the metrics frame as the glossary calls it: "hit_rate_at_10" is "Hit rate@10"."""
    kind, _, k = name.partition("_at_")
    words = _METRICS.get(kind, kind.replace("_", " ").capitalize())
    return f"{words}@{k}" if k else words


def method_name(name: str) -> str:
    """A method of the metrics frame in words."""
    return _METHODS.get(name, name.replace("_", " "))


def figures(metrics: pl.DataFrame) -> str:
    """The metrics frame as a table with readable names."""
    named = metrics.with_columns(
        pl.col("variant").map_elements(method_name, return_dtype=pl.String),
        pl.col("protocol").str.replace_all("_", " "),
        pl.col("metric").map_elements(metric_name, return_dtype=pl.String),
    )
    return table(named.rename({"variant": "method"}))


@dataclass(frozen=True)
class Song:
    """A song's name, and the address of its recording, null where it is not at hand."""

    name: str
    recording: str | None


@dataclass(frozen=True)
class Answer:
    """A neighbour of a query, its score, and whether it is related."""

    song: Song
    score: float
    related: bool


@dataclass(frozen=True)
class Example:
    """A query song and its neighbours, the nearest first."""

    query: Song
    answers: Sequence[Answer]


def examples(items: Sequence[Example]) -> str:
    """Queries with their neighbours; related ones are marked."""
    parts = []
    for item in items:
        rows = "".join(
            f"<li class='{'hit' if answer.related else ''}'>{html.escape(answer.song.name)} "
            f"<span class='muted'>{answer.score:.3f}</span>{' ✓' if answer.related else ''}"
            f"{_player(answer.song)}</li>"
            for answer in item.answers
        )
        query = f"<strong>{html.escape(item.query.name)}</strong>{_player(item.query)}"
        parts.append(f"<p>{query}</p><ol>{rows}</ol>")
    return "".join(parts)


def _player(song: Song) -> str:
    if song.recording is None:
        return ""
    source, label = (html.escape(text, quote=True) for text in (song.recording, song.name))
    return f" <audio controls preload='none' aria-label='{label}' src='{source}'></audio>"
