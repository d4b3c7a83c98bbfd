"""A study's results as text for the shell and as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def text(result: dict[str, Any]) -> str:
    """The ranking as a table, and the numbers that say how far to trust it."""
    lines = [f"{result.get('title', '')} ({result.get('study', '')})", ""]
    width = max([6, *(len(place["source"]) for place in result["ranking"])])
    lines.append(f"rank  {'source':{width}}  strength  95 % interval     preferred  both bad  pairs")
    for place in result["ranking"]:
        bad, preferred = _percent(result["both_bad"][place["source"]]), _percent(place["win_rate"])
        lines.append(
            f"{place['rank']:>4}  {place['source']:{width}}  {place['strength']:>+8.2f}  "
            f"{interval(place['low'], place['high']):17} {preferred:>9}  {bad:>8}  "
            f"{place['comparisons']:>5}"
        )
    bias, agreement = result["side_bias"], result["agreement"]
    lines += [
        "",
        f"{result['votes']} votes of {result['joined']} raters, {result['finished']} finished",
        f"left side's bias {bias['value']:+.2f}  {interval(bias['low'], bias['high'])}",
        f"attention checks failed {_percent(result['checks']['share'])} of {result['checks']['answered']}, "
        f"repeats answered alike {_percent(result['repeats']['share'])} of {result['repeats']['answered']}",
        f"agreement: Krippendorff's alpha {_number(agreement['alpha'])}, same verdict "
        f"{_percent(agreement['same'])} ({agreement['units']} pairs judged more than once)",
    ]
    for rater in result["raters"]:
        if rater["flags"]:
            lines.append(f"flagged: {rater['participant']} {'; '.join(rater['flags'])}")
    if result["without_flagged"]:
        order = ", ".join(f"{place['source']} ({place['rank']})" for place in result["without_flagged"])
        lines.append(f"without the flagged: {order}")
    return "\n".join(lines)


def save(result: dict[str, Any], folder: Path, truth: dict[str, float] | None = None) -> list[Path]:
    """Write results.json and the plots; ``truth`` marks known strengths in the ranking."""
    from scenepose.study import plots

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    path.write_text(json.dumps(result, indent=1), encoding="utf-8")
    written = [path]
    drawn = {
        "ranking": plots.ranking(result, truth),
        "wins": plots.wins(result),
        "votes": plots.over_time(result),
    }
    for name, figure in drawn.items():
        path = folder / f"{name}.png"
        path.write_bytes(plots.png(figure))
        written.append(path)
    return written


def interval(low: float | None, high: float | None) -> str:
    """An interval as people read it; open ends are said so."""
    if low is None and high is None:
        return "unknown"
    left = "no lower bound" if low is None else f"{low:+.2f}"
    right = "no upper bound" if high is None else f"{high:+.2f}"
    return f"{left} to {right}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
