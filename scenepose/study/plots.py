"""A study's results as pictures: the ranking, who beat whom, and votes over time.

Drawn with matplotlib's `Figure`, never pyplot, which keeps every figure of a server alive.
"""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BLUE, GREY, INK = "#2563eb", "#94a3b8", "#1e293b"
#: Losing, even, winning.
_SCALE = LinearSegmentedColormap.from_list("wins", ["#f59e0b", "#fdf3dc", "#ffffff", "#dbe7fd", "#2563eb"])


def ranking(result: dict[str, Any], truth: dict[str, float] | None = None) -> Figure:
    """Strengths with their intervals, strongest first; arrows where an interval is open.

    Args:
        result: as `results.results` gives it.
        truth: strengths known from a simulation, drawn as diamonds.
    """
    places = result["ranking"]
    figure = Figure(figsize=(7.2, 1.5 + 0.52 * len(places)), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    known = [
        end for place in places for end in (place["low"], place["high"], place["strength"]) if end is not None
    ]
    left, right = min([*known, -0.2]), max([*known, 0.2])
    margin = 0.08 * (right - left) + 0.05
    for row, place in enumerate(places):
        low, high = place["low"], place["high"]
        lonely = low is None and high is None
        if not lonely:
            ends = left - margin if low is None else low, right + margin if high is None else high
            axes.plot(ends, (row, row), color=BLUE, linewidth=2.4, solid_capstyle="round", alpha=0.75)
            for end, given, mark in ((ends[0], low, "<"), (ends[1], high, ">")):
                axes.plot(end, row, marker="|" if given is not None else mark, color=BLUE, markersize=9)
        axes.plot(place["strength"], row, "o", color=BLUE if not lonely else GREY, markersize=8, zorder=3)
    if truth:
        rows = range(len(places))
        known_strengths = [truth[place["source"]] for place in places]
        axes.plot(known_strengths, rows, "D", color="#f59e0b", markersize=5, zorder=4, label="true strength")
        axes.legend(frameon=False, loc="lower right", fontsize=9)
    axes.axvline(0, color=GREY, linewidth=1, linestyle=(0, (3, 3)), zorder=0)
    labels = [f"{place['source']}   {place['rank']}" for place in places]
    axes.set_yticks(range(len(places)), labels, color=INK, fontsize=11)
    axes.invert_yaxis()
    axes.set_xlim(left - 1.6 * margin, right + 1.6 * margin)
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set_xlabel("strength (logits; further right is preferred more often)", color=INK)
    title = f"{result['votes']} votes of {len(result['raters'])} raters, 95 % intervals"
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.annotate(
        "rank", (0, 1), (-6, 4), "axes fraction", "offset points", ha="right", color=GREY, fontsize=9
    )
    _bare(axes)
    return figure


def wins(result: dict[str, Any]) -> Figure:
    """The share of points that the row's source got from the column's, with the number of votes."""
    names = [place["source"] for place in result["ranking"]]
    size = len(names)
    shares, met = np.full((size, size), np.nan), np.zeros((size, size), int)
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            cell = result["wins"][first].get(second, {"points": 0, "met": 0})
            met[i, j] = cell["met"]
            shares[i, j] = cell["points"] / cell["met"] if cell["met"] else np.nan
    side = 2.2 + 0.72 * size
    figure = Figure(figsize=(side, side * 0.86), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap=_SCALE, vmin=0, vmax=1)
    for i, j in np.argwhere(met > 0):
        text = f"{100 * shares[i, j]:.0f} %\n"
        dark = abs(shares[i, j] - 0.5) > 0.35
        axes.text(j, i, text, ha="center", va="center", fontsize=10, color="white" if dark else INK)
        axes.text(
            j, i + 0.22, f"n = {met[i, j]}", ha="center", va="center", fontsize=7.5,
            color="white" if dark else "#64748b",
        )  # fmt: skip
    turned = max(map(len, names), default=0) > 9 and size > 3
    axes.set_xticks(range(size), names, rotation=30 if turned else 0, ha="right" if turned else "center")
    axes.set_yticks(range(size), names)
    axes.set_title("row preferred to column", loc="left", fontsize=11, color=INK)
    _bare(axes)
    return figure


def over_time(result: dict[str, Any]) -> Figure:
    """Answers by the hour."""
    hours = [datetime.fromisoformat(entry["hour"]) for entry in result["votes_over_time"]]
    counts = [entry["votes"] for entry in result["votes_over_time"]]
    figure = Figure(figsize=(7.2, 2.4), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    if hours:
        axes.bar(hours, counts, width=0.9 / 24, align="edge", color=BLUE, alpha=0.8)  # pyright: ignore
        first, last = hours[0].timestamp(), hours[-1].timestamp()
        if last - first < 12 * 3600:  # a bar alone would fill the whole width
            middle = (first + last) / 2
            zone = hours[0].tzinfo
            ends = [datetime.fromtimestamp(middle + hour * 3600, zone) for hour in (-7, 8)]
            axes.set_xlim(*ends)  # pyright: ignore[reportArgumentType]
        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.set_title("answers by the hour (UTC)", loc="left", fontsize=11, color=INK)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    _bare(axes)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white")
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    """The figure as an SVG file that scales with the page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", facecolor="white")
    return buffer.getvalue()


def _bare(axes: Axes) -> None:
    """No frame, no ticks: the marks speak."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, colors=INK)
