"""Answers on a grid over a picture, worked out in the background: what the ghost under the pointer shows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from scenepose.app.pictures import Pictures, Source

if TYPE_CHECKING:
    from scenepose.predict.generator import Scene
    from scenepose.predict.near import Ghosts

#: Cells that are answered together: few enough that a click in between does not wait for long.
BATCH = 12
#: Grids that are kept, each of some 300 kB; and seconds that a request waits for one.
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
        return compact(found, scene)


def compact(found: Ghosts, scene: Scene) -> dict[str, Any]:
    """The best at each place, row by row, in few letters.

    Returns:
        {"columns", "rows", "most", "poses", "templates", "scores", "which", "shifts"}: a place has ``most``
        entries one after another, best first. An entry is a score in thousandths, the number of its pose, and
        pixels (right, down) by which that is moved. A pose is x, y of each joint in whole pixels.
    """
    keys = found.cells * scene.generator.num_templates + found.templates
    unique, which = np.unique(keys, return_inverse=True)
    cells, templates = np.divmod(unique, scene.generator.num_templates)
    _, poses = scene.cells.at(cells)
    keypoints = poses[np.arange(len(cells)), templates] * scene.height + scene.cells.points[cells, None]
    return {
        "columns": int(found.shape[1]),
        "rows": int(found.shape[0]),
        "most": int(found.scores.shape[1]),
        "poses": keypoints.round().astype(int).reshape(len(cells), -1).tolist(),
        "templates": templates.astype(int).tolist(),
        "scores": (1000 * found.scores).round().astype(int).ravel().tolist(),
        "which": which.ravel().tolist(),
        "shifts": found.shifts.round().astype(int).ravel().tolist(),
    }
