"""The figures of `evaluate`: PCK over its threshold, reliability of scores, confusion of templates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

#: Thresholds of PCK, in torso diameters.
THRESHOLDS = np.linspace(0.02, 0.5, 25)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110, bbox_inches="tight")


def pck_over_threshold(path: Path, curves: dict[str, NDArray]) -> None:
    """One line a method: mean PCK (T,) at `THRESHOLDS`."""
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    for name, values in curves.items():
        style = {"constant": (":", "#777777"), "truth": ("--", "#777777")}.get(name, ("-", None))
        axes.plot(THRESHOLDS, values, style[0], color=style[1], label=name)
    axes.axvline(0.2, color="#cccccc", linewidth=1, zorder=0)
    axes.set(xlabel="threshold, torso diameters", ylabel="PCK of the top pose", ylim=(0, 1))
    axes.legend(frameon=False)
    _save(figure, path)


def reliability(path: Path, bins: list[dict], name: str) -> None:
    """Scores against the share of templates that fit, and how many scores there are of each size."""
    figure = Figure(figsize=(4.6, 5))
    axes, below = figure.subplots(2, sharex=True, height_ratios=(4, 1))
    axes.plot([0, 1], [0, 1], ":", color="#777777")
    axes.plot([one["said"] for one in bins], [one["found"] for one in bins], "o-")
    axes.set(ylabel="share of templates that fit", xlim=(0, 1), ylim=(0, 1), title=name)
    below.bar([one["said"] for one in bins], [one["count"] for one in bins], width=0.06)
    below.set(xlabel="compatibility score", ylabel="count", yscale="log")
    _save(figure, path)


def confusion(path: Path, table: NDArray, names: tuple[str, ...], title: str) -> None:
    """Rows: the true pose's nearest template; columns: the template predicted; shares of each row."""
    figure = Figure(figsize=(0.42 * len(names) + 2.5, 0.42 * len(names) + 2))
    axes = figure.subplots()
    shares = table / table.sum(1, keepdims=True).clip(1)
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    for row, column in np.argwhere(table > 0):
        dark = shares[row, column] > 0.5
        axes.text(
            column, row, f"{table[row, column]:.0f}", ha="center", va="center", size=6,
            color="white" if dark else "black",
        )  # fmt: skip
    axes.set_xticks(range(len(names)), names, rotation=90, size=7)
    axes.set_yticks(range(len(names)), names, size=7)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    figure.colorbar(image, shrink=0.6)
    _save(figure, path)
