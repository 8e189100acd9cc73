"""The report's figures, each as the bytes of a PNG."""

import html
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simsong_pipeline.evaluation.ranking import Scores, rows_of, top_k
from simsong_pipeline.evaluation.report import method_name, metric_name
from simsong_pipeline.evaluation.retrieval import occurrences
from simsong_pipeline.evaluation.task import Task

_COLOURS = (
    "#4269d0",
    "#efb118",
    "#ff725c",
    "#6cc5b0",
    "#3ca951",
    "#ff8ab7",
    "#a463f2",
    "#97bbf5",
    "#9c6b4e",
    "#9498a0",
)
# Of a histogram of 50 bins, which more of them would not make another one.
_DRAWN_PAIRS = 1 << 22
_STYLE: dict[Any, Any] = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110}


def _figure(width: float, height: float, panels: int, draw: Callable[[Sequence[Axes]], None]) -> bytes:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = np.atleast_1d(figure.subplots(1, panels))
        draw(list(axes))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()


def training_curves(histories: Mapping[str, list[dict[str, float]]]) -> bytes:
    """Loss and validation recall over the steps, a line for each variant."""

    def draw(axes: Sequence[Axes]) -> None:
        for (variant, history), colour in zip(histories.items(), _COLOURS, strict=False):
            steps = [r["step"] for r in history]
            axes[0].plot(steps, [r["loss"] for r in history], color=colour, label=variant.upper())
            axes[1].plot(steps, [r.get("recall", float("nan")) for r in history], color=colour, label=variant.upper())
        axes[0].set(title="Training loss", xlabel="step", ylabel="InfoNCE")
        axes[1].set(title="Validation Recall@k, audio alone", xlabel="step")
        axes[1].legend(frameon=False, loc="lower right")

    return _figure(9, 3.2, 2, draw)


def metric_bars(metrics: pl.DataFrame, metric: str, protocols: Sequence[str]) -> bytes:
    """A bar with its interval for each method; dashed: chance, dotted: oracle."""

    def draw(axes: Sequence[Axes]) -> None:
        for axis, protocol in zip(axes, protocols, strict=True):
            rows = metrics.filter(pl.col("metric") == metric, pl.col("protocol") == protocol)
            names, values = rows["variant"].to_list(), rows["value"].to_numpy()
            errors = np.abs(np.stack([rows["ci_low"].to_numpy(), rows["ci_high"].to_numpy()]) - values)
            colours = [_COLOURS[0] if n.endswith("fused") else _COLOURS[9] for n in names]
            axis.barh([method_name(n) for n in names], values, xerr=errors, color=colours, ecolor="#333333", capsize=3)
            axis.axvline(rows["chance"][0], color="#c0392b", linestyle="--", label="chance")
            axis.axvline(rows["oracle"][0], color="#27ae60", linestyle=":", label="oracle")
            axis.set(title=f"{metric_name(metric)}, {protocol.replace('_', ' ')}", xlim=(0, None))
        axes[0].legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.08), ncols=2)

    methods = metrics.filter(pl.col("metric") == metric)["variant"].n_unique()
    return _figure(5 * len(protocols), max(3.6, 0.25 * methods), len(protocols), draw)


def score_histograms(scores: Mapping[str, Scores], task: Task) -> bytes:
    """Distribution of scores of related and unrelated pairs, a panel for each method; of many songs of some queries."""
    rows = _some_rows(task)
    is_candidate = task.candidates.of(task.asked[rows])
    is_relevant = task.relevant[rows].toarray()

    def draw(axes: Sequence[Axes]) -> None:
        for axis, (name, method) in zip(axes, scores.items(), strict=True):
            matrix = rows_of(method, task.asked[rows])
            low, high = _drawn_range(matrix[is_candidate])
            # Of a few songs all scores may be the same.
            edges = np.linspace(low, max(high, low + 1e-3), 50)
            pairs = ((is_relevant, "neighbours"), (~is_relevant & is_candidate, "others"))
            for (chosen, label), colour in zip(pairs, (_COLOURS[2], _COLOURS[9]), strict=True):
                counted = matrix[chosen & (matrix >= edges[0]) & (matrix <= edges[-1])]
                axis.hist(counted, bins=edges.tolist(), density=counted.size > 0, alpha=0.65, color=colour, label=label)
            axis.set(title=name, xlabel="score")
        axes[0].legend(frameon=False, loc="upper right")

    return _figure(4.2 * len(scores), 3, len(scores), draw)


def _some_rows(task: Task) -> NDArray[np.int64]:
    """All rows of a small gallery; of a large one as many as `_DRAWN_PAIRS` allow, evenly spread."""
    most = max(1, _DRAWN_PAIRS // task.candidates.songs)
    queries = np.flatnonzero(task.queries)
    if len(task.asked) <= most:
        return np.arange(len(task.asked))
    return queries[np.linspace(0, len(queries) - 1, min(most, len(queries))).astype(np.int64)]


def _drawn_range(scores: NDArray[np.float32]) -> tuple[float, float]:
    """Without the far low end: divergences of a few odd recordings can be thousands of times those of the others."""
    percent, low, high = np.quantile(scores.astype(np.float64), [0.01, 0.25, 0.75])
    return float(max(percent, low - 3 * (high - low))), float(scores.max())


def song_map(points: NDArray[np.float64], labels: Sequence[str], names: Sequence[str], title: str) -> str:
    """An SVG of songs in two dimensions [n, 2], coloured by label, each with its name for whoever points at it.

    From left to right, as the arrow keys go through them (`report.page`). Labels beyond the ninth share a grey.
    """
    common = [name for name, _ in sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0]))][:9]
    colours = dict(zip(common, _COLOURS, strict=False))
    low, high = points.min(axis=0), points.max(axis=0)
    placed = 12 + (points - low) / np.maximum(high - low, 1e-9) * np.array([560, 436])
    dots = "".join(
        f"<circle tabindex='-1' cx='{x:.1f}' cy='{y:.1f}' r='5' "
        f"fill='{colours.get(label, _COLOURS[9])}' fill-opacity='.85'>"
        f"<title>{html.escape(name)} ({html.escape(label)})</title></circle>"
        for (x, y), label, name in sorted(zip(placed.tolist(), labels, names, strict=True))
    )
    keys = [*colours.items(), *([("others", _COLOURS[9])] if len(set(labels)) > len(common) else [])]
    legend = "".join(
        f"<circle cx='610' cy='{20 + 22 * n}' r='5' fill='{colour}'/>"
        f"<text x='622' y='{25 + 22 * n}' font-size='13'>{html.escape(label)}</text>"
        for n, (label, colour) in enumerate(keys)
    )
    head = (
        "<svg class='map' tabindex='0' viewBox='0 0 820 460' role='img' style='max-width:100%' "
        f"aria-label='{html.escape(title, quote=True)}'>"
    )
    hint = "Point at a song or tap it, or go through them with the arrow keys: its name is shown here."
    return f"<p>{html.escape(title)}</p>{head}{dots}{legend}</svg><p class='pointed' aria-live='polite'>{hint}</p>"


def hub_distribution(scores: Mapping[str, Scores], task: Task, k: int) -> bytes:
    """How many songs are among the first k of how many others."""

    def draw(axes: Sequence[Axes]) -> None:
        for (name, matrix), colour in zip(scores.items(), _COLOURS, strict=False):
            counts = np.sort(occurrences(top_k(matrix, task, k), task.candidates.songs))[::-1]
            axes[0].plot(np.arange(1, len(counts) + 1), counts, color=colour, label=name)
        axes[0].axhline(k, color="#555555", linewidth=0.8, linestyle="--")
        axes[0].set(title=f"Times a song is among the first {k} of another", xlabel="songs, most recommended first")
        axes[0].legend(frameon=False, loc="upper right")

    return _figure(7.5, 3.2, 1, draw)
