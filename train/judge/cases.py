"""The sheet of an evaluation's best, median and worst cases: the true pose beside the top answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.data.sources import Source
from scenepose.pose.kinds import KINDS
from train.judge.measure import Answers
from train.judge.sheet import PREDICTION, TRUTH, tile

#: Cases of each sort, and the side of a tile in pixels.
COUNT, SIDE = 6, 240


def pick(values: NDArray, count: int = COUNT) -> list[tuple[str, int]]:
    """("best", row) and so on: the best, median and worst of values (N,), NaN left out.

    Each row comes once, so few values give few cases.
    """
    order = np.argsort(-values, kind="stable")[: int((~np.isnan(values)).sum())].tolist()
    middle = max(0, len(order) // 2 - count // 2)
    wanted = {"best": order[:count], "worst": order[::-1][:count], "median": order[middle : middle + count]}
    seen: set[int] = set()
    cases = []
    for name in ("best", "worst", "median"):
        cases += [(name, row) for row in wanted[name] if row not in seen]
        seen |= set(wanted[name])
    return sorted(cases, key=lambda case: ("best", "median", "worst").index(case[0]))


def draw_cases(
    path: Path, judged: Sequence[tuple[Source, NDArray]], answers: Answers, pck: NDArray, count: int = COUNT
) -> None:
    """Write the sheet.

    Args:
        judged: sources and the points judged in them, in the answers' order. pck: (N,) of the top poses.
    """
    where = [(source, int(point)) for source, points in judged for point in points]
    tiles = []
    for name, row in pick(pck, count):
        source, point = where[row]
        shown = source.at(point)
        predicted = answers.poses[row, 0] * shown.picture.height + shown.point
        kind = KINDS[answers.kinds[row, 0]] if answers.kinds[row, 0] >= 0 else ""
        true_kind = KINDS[source.samples.kinds[source.samples.primary_rows[point]]]
        note = f"{name} {pck[row]:.2f} {true_kind}"
        tiles.append(tile(shown.picture, shown.point, shown.pose, TRUTH, SIDE, note))
        tiles.append(tile(shown.picture, shown.point, predicted, PREDICTION, SIDE, kind))
    columns = min(2 * count, 12)
    sheet = Image.new("RGB", (columns * SIDE, -(-len(tiles) // columns) * SIDE))
    for number, one in enumerate(tiles):
        sheet.paste(one, (number % columns * SIDE, number // columns * SIDE))
    sheet.save(path)
