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
.wide { overflow-x: auto; } .muted { color: #666; }
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


@dataclass(frozen=True)
class Example:
    """A query song and its neighbours: (name, score, whether it is related)."""

    query: str
    neighbours: Sequence[tuple[str, float, bool]]


def examples(items: Sequence[Example]) -> str:
    """Queries with their neighbours; related ones are marked."""
    parts = []
    for item in items:
        rows = "".join(
            f"<li class='{'hit' if hit else ''}'>{html.escape(name)} "
            f"<span class='muted'>{score:.3f}</span>{' ✓' if hit else ''}</li>"
            for name, score, hit in item.neighbours
        )
        parts.append(f"<p><strong>{html.escape(item.query)}</strong></p><ol>{rows}</ol>")
    return "".join(parts)
