"""`python -m train docs`: write the figures of README.md and assets/docs/*.md from what was measured.

A page keeps a figure between ``<!-- figures:NAME -->`` and ``<!-- /figures -->``; NAME is one of `BLOCKS`.
What was measured is kept in assets/docs/results. A block whose file is missing stays as it is, and is named.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scenepose.pose.kinds import KINDS
from train.judge import no_rooms

#: Between the markers of a block; the markers themselves stay.
BLOCK = re.compile(r"(<!-- figures:([\w-]+) -->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
#: Packages whose versions the documentation names.
PACKAGES = ("torch", "torchvision", "gradio", "numpy", "pillow")
#: Measures of one method: name in results.json, heading, digits.
MEASURES = (
    ("pck", "PCK@0.2", 3), ("pck_top3", "best of 3", 3), ("pck_top5", "best of 5", 3),
    ("pck_nearest_valid", "nearest valid pose", 3), ("posture", "right posture", 3),
    ("support", "right support", 3), ("size_error", "size error", 3), ("sinking", "sinks", 3),
)  # fmt: skip
#: Measures of all methods side by side.
COMPARED = (
    ("pck", "PCK@0.2", 3), ("pck_top3", "best of 3", 3), ("pck_top5", "best of 5", 3), ("mse", "MSE", 4),
    ("pck_nearest_valid", "nearest valid pose", 3), ("posture", "right posture", 3),
    ("diversity", "diversity", 3),
)  # fmt: skip
#: How points were weighed.
WEIGHED = {
    "prior": " Points weigh so that the kinds of pose are as frequent as among people.",
    "frozen": " All points weigh the same.",
}
#: What a judged click holds besides measures.
NOT_MEASURED = ("frame", "target", "point", "kind", "keypoints")
#: Rows of a table that are not methods.
BESIDE = {"constant": "constant answer", "truth": "another true pose"}


@dataclass
class DocsConfig:
    """Write the figures of the documentation; new measurements are taken over first."""

    photographs: Path | None = None
    """results.json of `python -m train evaluate --data nyu:DIR:test --methods all`"""
    rooms: Path | None = None
    """results.json of `python -m train evaluate --data rooms:test --methods all`"""
    clicks: Path | None = None
    """what `python -m train clicks --out FILE` wrote"""
    no_rooms: Path | None = None
    """what `python -m train no-rooms --out FILE` wrote"""
    bench: Path | None = None
    """what `scenepose bench` printed, as a file"""
    root: Path = Path()
    """the folder of README.md and assets"""


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def _cell(row: dict[str, Any], key: str, digits: int, interval: bool = True) -> str:
    if row.get(key) is None:
        return ""
    low, high = row.get(f"{key}_interval") or (None, None)
    text = f"{row[key]:.{digits}f}"
    return f"{text} ({low:.{digits}f}-{high:.{digits}f})" if interval and low is not None else text


def _measured(results: dict[str, Any]) -> str:
    weighed = WEIGHED.get(results.get("points", ""), "")
    return f"\n{results['count']:,} points in {results['places']} places.{weighed}\n"


def main_table(results: dict[str, Any]) -> str:
    """ScenePose beside the constant answer and another true pose, and its difference to the former."""
    methods = results["methods"]

    def rows() -> Iterator[list[str]]:
        for name, title in {"scenepose": "ScenePose", **BESIDE}.items():
            shown = MEASURES[: 3 if name == "truth" else None]  # from the fourth on it is right by definition
            cells = [_cell(methods[name], key, digits) for key, _, digits in shown]
            yield [title, *cells, *[""] * (len(MEASURES) - len(shown))]
        differences = [methods["scenepose"].get(f"{key}_minus_constant") for key, *_ in MEASURES]
        known = [d if d and None not in d else None for d in differences]
        yield ["difference to constant", *("" if d is None else f"{d[0]:+.3f} ({d[1]:+.3f} to {d[2]:+.3f})"
                                           for d in known)]  # fmt: skip

    return _table(["", *(heading for _, heading, _ in MEASURES)], rows()) + _measured(results)


def status_table(photographs: dict[str, Any], rooms: dict[str, Any]) -> str:
    """The README's three rows."""
    measures = (("posture", "posture"), ("pck", "PCK"), ("pck_top5", "best of 5"))

    def rows() -> Iterator[list[str]]:
        for name, title in {"scenepose": "**ScenePose**", **BESIDE}.items():
            cells = [_cell(one["methods"][name], key, 2, interval=False)
                     for one in (photographs, rooms) for key, _ in measures]  # fmt: skip
            yield [title, *cells]

    head = [f"{where}: {title}" for where in ("photographs", "rooms") for _, title in measures]
    return _table(["", *head], rows())


def kinds_table(photographs: dict[str, Any], rooms: dict[str, Any]) -> str:
    """ScenePose's PCK by the kind of the true pose."""
    columns = [
        (one["methods"]["scenepose"], key) for one in (photographs, rooms) for key in ("pck", "pck_top5")
    ]

    def rows() -> Iterator[list[str]]:
        for kind in KINDS:
            values = [row[f"{key}_by_kind"].get(kind) for row, key in columns]
            yield [kind, *("" if value is None else f"{value:.3f}" for value in values)]

    names = [f"{where}: {what}" for where in ("photographs", "rooms") for what in ("PCK@0.2", "best of 5")]
    return _table(["kind of the true pose", *names], rows())


def scores_table(photographs: dict[str, Any], rooms: dict[str, Any]) -> str:
    """What ScenePose's scores are worth."""
    columns = [one["methods"]["scenepose"] for one in (photographs, rooms)]
    keys = (
        ("average_precision", "average precision of the scores"),
        ("nobody_auc", "area under the curve: points for somebody against points for nobody"),
        ("nobody_below_half", "highest score below 0.5 where nobody fits"),
        ("somebody_below_half", "highest score below 0.5 where somebody fits"),
    )
    rows = (
        [title, *("" if row.get(key) is None else f"{row[key]:.2f}" for row in columns)]
        for key, title in keys
    )
    return _table(["", "photographs", "rooms"], rows)


def compared_table(results: dict[str, Any]) -> str:
    """All methods; bold is the best of those that ship."""
    methods = results["methods"]
    shipped = [name for name in methods if name not in BESIDE and name != "vae30" and "-" not in name]

    def best(key: str) -> str | None:
        values = {name: methods[name][key] for name in shipped if methods[name].get(key) is not None}
        if key == "diversity" or not values:
            return None
        return (min if key == "mse" else max)(values, key=lambda name: values[name])

    bold = {key: best(key) for key, *_ in COMPARED}

    def rows() -> Iterator[list[str]]:
        for name, row in methods.items():
            cells = []
            for key, _, digits in COMPARED:
                single = name not in BESIDE and key in ("pck_top3", "pck_top5") and row.get(key) == row["pck"]
                own = name == "truth" and key not in ("pck", "pck_top3", "pck_top5")
                text = "" if single or own else _cell(row, key, digits)
                cells.append(f"**{text}**" if text and bold[key] == name else text)
            size = f"{row['params'] / 1e6:.1f} M" if row.get("params") else ""
            time = f"{row['ms_per_click']:.0f}" if row.get("ms_per_click") else ""
            yield [BESIDE.get(name, f"`{name}`"), *cells, size, time]

    head = ["", *(heading for _, heading, _ in COMPARED), "parameters", "ms a click"]
    return _table(head, rows()) + _measured(results)


def clicks_table(rows: list[dict[str, Any]]) -> str:
    """What the answers to clicks that a person would make do right."""
    names = [key for key, value in rows[0].items() if key not in NOT_MEASURED and not isinstance(value, str)]

    def lines() -> Iterator[list[str]]:
        for target in dict.fromkeys(row["target"] for row in rows):
            here = [row for row in rows if row["target"] == target]
            columns = [[row[name] for row in here if row[name] is not None] for name in names]
            yield [target, str(len(here)), *(f"{sum(v) / len(v):.2f}" if v else "" for v in columns)]

    return _table(["clicks on", "number", *names], lines())


def verdicts_table(text: str) -> str:
    """The first table of what `python -m train verdicts` wrote, and how often the judges agree."""
    return "\n\n".join(text.split("\n\n")[:2]) + "\n"


def versions_line() -> str:
    """What this was tested with: what is installed here, without the last number."""
    names = ", ".join(f"{name} {'.'.join(version(name).split('.')[:2])}" for name in PACKAGES)
    return f"Tested with Python {'.'.join(platform.python_version_tuple()[:2])}, {names}.\n"


RESULTS, JUDGED = Path("assets/docs/results"), Path("assets/docs/judged/verdicts.md")
PHOTOGRAPHS, ROOMS = RESULTS / "photographs.json", RESULTS / "rooms.json"
CLICKS, NO_ROOMS, BENCH = RESULTS / "clicks.json", RESULTS / "no-rooms.json", RESULTS / "bench.txt"
#: Blocks by name: the files that they are made of, and how.
BLOCKS: dict[str, tuple[tuple[Path, ...], Callable[..., str]]] = {
    "status": ((PHOTOGRAPHS, ROOMS), status_table),
    "photographs": ((PHOTOGRAPHS,), main_table),
    "rooms": ((ROOMS,), main_table),
    "kinds": ((PHOTOGRAPHS, ROOMS), kinds_table),
    "scores": ((PHOTOGRAPHS, ROOMS), scores_table),
    "compare-photographs": ((PHOTOGRAPHS,), compared_table),
    "compare-rooms": ((ROOMS,), compared_table),
    "clicks": ((CLICKS,), clicks_table),
    "no-rooms": ((NO_ROOMS,), no_rooms.table),
    "verdicts": ((JUDGED,), verdicts_table),
    "speed": ((BENCH,), lambda text: f"```\n{text.strip()}\n```\n"),
    "versions": ((), versions_line),
}


def pages(root: Path) -> list[Path]:
    """The pages that may have blocks."""
    return [root / "README.md", *sorted((root / "assets/docs").glob("*.md"))]


def content(name: str, root: Path) -> str:
    """What belongs into a block.

    Raises:
        ValueError: there is no such block, or its file is damaged. FileNotFoundError: its file is missing.
    """
    if name not in BLOCKS:
        raise ValueError(f"there is no block {name!r}; there are {', '.join(BLOCKS)}")
    files, write = BLOCKS[name]
    for path in files:
        if not (root / path).is_file():
            raise FileNotFoundError(f"{path} is missing")
    texts = [(root / path).read_text(encoding="utf-8") for path in files]
    try:
        return write(*(json.loads(text) if path.suffix == ".json" else text
                       for path, text in zip(files, texts, strict=True)))  # fmt: skip
    except (IndexError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{' and '.join(map(str, files))} cannot be read: {error!r}") from error


def written(page: str, root: Path) -> tuple[str, dict[str, str]]:
    """A page with its blocks as they should be, and why some could not be written, by their names."""
    lacking: dict[str, str] = {}

    def block(found: re.Match[str]) -> str:
        start, name, before, end = found.groups()
        try:
            return start + content(name, root) + end
        except FileNotFoundError as error:
            lacking[name] = str(error)
            return start + before + end

    return BLOCK.sub(block, page), lacking


def taken_over(text: str) -> object:
    """Measurements as they are kept: without folders of this machine and what no figure shows."""
    measured = json.loads(text, parse_constant=lambda _: None)
    if isinstance(measured, list):  # clicks, pictures that are no rooms
        return [{key: value for key, value in row.items() if key != "keypoints"} for row in measured]
    measured["data"] = [f"{a}:{b}" for a, b in zip(measured["sources"], measured["splits"], strict=True)]
    for row in measured["methods"].values():
        for key in ("confusion", "template_names"):
            row.pop(key, None)
    return measured


def main(config: DocsConfig) -> None:
    """Take over, write, say what is missing."""
    given = {
        PHOTOGRAPHS: config.photographs, ROOMS: config.rooms, CLICKS: config.clicks,
        NO_ROOMS: config.no_rooms, BENCH: config.bench,
    }  # fmt: skip
    for kept, path in given.items():
        if path is not None:
            text = path.read_text(encoding="utf-8")
            (config.root / RESULTS).mkdir(parents=True, exist_ok=True)
            text = json.dumps(taken_over(text), indent=1) + "\n" if kept.suffix == ".json" else text
            (config.root / kept).write_text(text, encoding="utf-8")
    for page in pages(config.root):
        before = page.read_text(encoding="utf-8")
        after, lacking = written(before, config.root)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"{page}: written")
        for name, reason in lacking.items():
            print(f"{page}: {name} stays as it is: {reason}")
