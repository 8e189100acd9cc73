"""The evaluation report: one HTML page that needs no other file."""

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
table { border-collapse: collapse; font-size: 14px; } th, td { padding: .25rem .7rem; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } tr:nth-child(even) { background: #f6f6f4; }
thead th { border-bottom: 2px solid #999; } img { max-width: 100%; } .lead { font-size: 17px; } .hit { color: #1d7a3e; }
.wide { overflow-x: auto; } audio { height: 1.6rem; vertical-align: middle; } dt { font-weight: 600; }
svg circle:hover { stroke: #000; } .muted { color: #666; }
"""


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it, as HTML."""

    title: str
    body: str


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole document."""
    body = "\n".join(f"<h2>{html.escape(s.title)}</h2>\n{s.body}" for s in sections)
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title><style>{_STYLE}</style>"
    return (
        f"<!doctype html><html lang='en'><head>{head}</head><body><h1>{html.escape(title)}</h1>"
        f"<p class='lead'>{lead}</p>{body}</body></html>\n"
    )


def paragraph(text: str) -> str:
    """Plain text as a paragraph."""
    return f"<p>{html.escape(text)}</p>"


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
    "mfcc": "timbre alone (MFCC)",
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
GLOSSARY = {
    "Recall@10": "of the songs that belong to a query, the share among the first ten answers; averaged over queries.",
    "Precision@10": "of the first ten answers, the share that belongs to the query.",
    "nDCG@10": "as recall, but an answer counts more the higher it stands; 1 is the best order.",
    "Hit rate@10": "the share of queries with at least one song that belongs among the first ten answers.",
    "Hub skew": "0 where all songs are recommended equally often; the larger, the more a few songs crowd the answers.",
    "Coverage": "the share of songs that are among the answers of at least one query.",
    "Chance": "what a random order scores; a method that is no better has learned nothing.",
    "Oracle": "the most that any order could score, as some queries have more than ten songs that belong to them.",
    "95 % interval": "asked on other songs of the kind, the value would lie in it 95 times in 100.",
    "Over timbre, over start": "what is gained on MFCC alone and on the untrained model, with its interval.",
    "Unfiltered, artist filtered": "all songs may be answers; or only songs by other artists than the query's.",
    "NS, WNS": "two models, trained without and with weights from the lyrics; the served one is named above.",
    "Score": "audio cosine and lyric cosine by their shares: it orders the answers to one query, and is no percentage.",
}


def glossary() -> str:
    """What the figures mean, a sentence each."""
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in GLOSSARY.items())
    return f"<dl>{rows}</dl>"


def method_name(name: str) -> str:
    """A method of the metrics frame in words."""
    return _METHODS.get(name, name.replace("_", " "))


def figures(metrics: pl.DataFrame) -> str:
    """The metrics frame as a table with readable names."""
    named = metrics.with_columns(
        pl.col("variant").map_elements(method_name, return_dtype=pl.String),
        pl.col("protocol").str.replace_all("_", " "),
        pl.col("metric").str.replace("_at_", "@").str.replace_all("_", " "),
    )
    return table(named.rename({"variant": "method"}))


@dataclass(frozen=True)
class Example:
    """A query song and its neighbours: (name, score, whether it is related).

    Attributes:
        recordings: address of a song's recording by its name, where it is at hand.
    """

    query: str
    neighbours: Sequence[tuple[str, float, bool]]
    recordings: Mapping[str, str] = field(default_factory=dict)


def examples(items: Sequence[Example]) -> str:
    """Queries with their neighbours; related ones are marked."""
    parts = []
    for item in items:
        rows = "".join(
            f"<li class='{'hit' if hit else ''}'>{html.escape(name)} "
            f"<span class='muted'>{score:.3f}</span>{' ✓' if hit else ''}{_player(item.recordings.get(name))}</li>"
            for name, score, hit in item.neighbours
        )
        player = _player(item.recordings.get(item.query))
        parts.append(f"<p><strong>{html.escape(item.query)}</strong>{player}</p><ol>{rows}</ol>")
    return "".join(parts)


def _player(address: str | None) -> str:
    if address is None:
        return ""
    return f" <audio controls preload='none' src='{html.escape(address, quote=True)}'></audio>"
