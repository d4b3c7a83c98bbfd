"""Answers on a grid over a picture, worked out in the background: what the ghost under the pointer shows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenepose.app.pictures import Pictures, Source

#: Cells that are answered together: few enough that a click in between does not wait for long.
BATCH = 12
#: Grids that are kept, each of some 70 kB; and seconds that a request waits for one.
KEPT, PATIENCE = 200, 4.0

Key = tuple[str, float, tuple[str, ...] | None]


class Grids:
    """The grids of all visitors' pictures, each made once, one after another, between the clicks."""

    def __init__(self, pictures: Pictures):
        self._pictures = pictures
        self._made: OrderedDict[Key, Future[dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "grid")

    def of(self, source: Source, near: float, kinds: list[str] | None) -> Future[dict[str, Any]]:
        """The grid of a picture with the page's switches; work on it begins now, if nobody asked before."""
        key = (source.key, near, tuple(kinds) if kinds else None)
        with self._lock:
            if key in self._made and not (self._made[key].done() and self._made[key].exception()):
                self._made.move_to_end(key)
                return self._made[key]
            future = self._made[key] = self._worker.submit(self._make, source, near, kinds)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)[1].cancel()
            return future

    def _make(self, source: Source, near: float, kinds: list[str] | None) -> dict[str, Any]:
        from scenepose.predict.near import ghosts

        scene = self._pictures.scene(source)
        cells = scene.cells
        for first in range(0, len(cells.points), BATCH):
            with self._pictures.turns.background():
                cells.at(np.arange(first, min(first + BATCH, len(cells.points))))
        found = ghosts(scene, near if scene.can_touch else 0.0, set(kinds) if kinds else None)
        return compact(cells.shape, *found)


def compact(
    shape: tuple[int, ...], scores: NDArray, templates: NDArray, keypoints: NDArray
) -> dict[str, Any]:
    """The best pose of each cell, row by row, in few letters: scores in thousandths, keypoints in pixels.

    Args:
        shape: (rows, columns). scores: (N,) in [0, 1]. templates: (N,). keypoints: (N, 16, 2), pixels.
    """
    return {
        "columns": int(shape[1]),
        "rows": int(shape[0]),
        "scores": (1000 * scores).round().astype(int).tolist(),
        "templates": templates.astype(int).tolist(),
        "keypoints": keypoints.round().astype(int).reshape(len(keypoints), -1).tolist(),
    }
