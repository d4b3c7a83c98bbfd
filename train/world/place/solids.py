"""What is solid in a room, as a grid that knows the nearest surface of every place.

From a mesh the solids are exact, hidden sides included: whatever free space the cameras cannot be reached
through is inside of something. From a depth image only the surfaces seen are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt, label, uniform_filter

#: Nobody reaches higher than this, metres.
TOP = 2.3
#: Distances beyond this are not told apart.
FAR = 0.5
#: The "distance" of places that are inside of something.
INSIDE = -0.1


@dataclass(frozen=True)
class Mesh:
    """A room's triangles: vertices (N, 3) world metres, faces (M, 3), labels (M,) of NYUv2's 40 classes."""

    vertices: NDArray
    faces: NDArray
    labels: NDArray

    def sample(self, spacing: float = 0.013, top: float = TOP) -> tuple[NDArray, NDArray]:
        """Points (K, 3) float32 about ``spacing`` apart on all faces below ``top``, and their labels (K,).

        Every face gets at least one; inside a face they follow a low-discrepancy sequence, so that no hole
        is left which a grid cell would fall through, and the same mesh gives the same points.
        """
        corners = self.vertices[self.faces]
        low = corners[..., 2].min(1) < top
        corners, labels = corners[low].astype(np.float32), self.labels[low]
        first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        area = np.linalg.norm(np.cross(first, second), axis=1) / 2
        number = np.ceil(area / spacing**2).astype(int).clip(1, None)
        face = np.repeat(np.arange(len(corners)), number)
        step = np.arange(len(face)) - np.repeat(np.cumsum(number) - number, number)
        u = ((0.5 + step * 0.7548776662466927) % 1).astype(np.float32)
        v = ((0.5 + step * 0.5698402909980532) % 1).astype(np.float32)
        fold = u + v > 1
        u, v = np.where(fold, 1 - u, u)[:, None], np.where(fold, 1 - v, v)[:, None]
        points = corners[face, 0] + u * first[face] + v * second[face]
        kept = points[:, 2] < top
        return points[kept], labels[face[kept]]


class Solids:
    """Distances to solid matter.

    Args:
        points: (N, 3) points on the surfaces of what is solid (not the floor), world metres.
        cell: side of the grid's cells, metres.
        cameras: (C, 3) places known to be free; if given, the points must be watertight and everything
            that cannot be reached from there is solid too.
    """

    def __init__(self, points: NDArray, cell: float, cameras: NDArray | None = None) -> None:
        self.cell = cell
        known = points if cameras is None else np.concatenate([points, cameras])
        self.low = np.array([*(known[:, :2].min(0) - 2 * cell), 0.0])
        high = np.array([*(known[:, :2].max(0) + 2 * cell), TOP])
        self.shape = tuple(np.ceil((high - self.low) / cell).astype(int))
        flat, inside = self._cells(points)
        kept = flat[inside]
        size = int(np.prod(self.shape))
        count = np.bincount(kept, minlength=size)
        occupied = (count > 0).reshape(self.shape)
        self._reached: NDArray | None = None
        if cameras is not None:
            self._reached = self._flood(~occupied, cameras)
            occupied = ~self._reached
        middles = [
            np.bincount(kept, points[inside, axis], size)[occupied.ravel()]
            / np.maximum(count[occupied.ravel()], 1)
            for axis in range(3)
        ]
        where = np.stack(np.nonzero(occupied), -1)
        filled = count[occupied.ravel()] == 0
        nearest = np.stack(middles, -1)
        nearest[filled] = self.low + (where[filled] + 0.5) * cell
        self._surface = nearest.astype(np.float32)
        self._filled = np.zeros(size, bool)
        self._filled[np.flatnonzero(occupied)[filled]] = True
        self._outward = np.zeros_like(self._surface)
        if self._reached is not None:
            # Which way free space lies; nothing for sheets, which have it on both sides.
            free = uniform_filter(np.pad(self._reached.astype(np.float32), 1, mode="edge"), 3)
            x, y, z = where.T + 1
            slope = np.stack(
                [
                    free[x + 1, y, z] - free[x - 1, y, z],
                    free[x, y + 1, z] - free[x, y - 1, z],
                    free[x, y, z + 1] - free[x, y, z - 1],
                ],
                -1,
            )
            self._outward[np.linalg.norm(slope, axis=1) > 0.3] = slope[np.linalg.norm(slope, axis=1) > 0.3]
        number = np.zeros(self.shape, np.int32)
        number[occupied] = np.arange(len(where))
        found = distance_transform_edt(~occupied, return_distances=False, return_indices=True)
        self._nearest = number[tuple(found)].ravel()  # pyright: ignore[reportArgumentType]

    def _cells(self, points: NDArray) -> tuple[NDArray, NDArray]:
        index = np.floor((np.nan_to_num(points, nan=-1e3) - self.low) / self.cell).astype(np.int64)
        shape = np.array(self.shape)
        inside = ((index >= 0) & (index < shape)).all(-1)
        index = index.clip(0, shape - 1)
        return (index[..., 0] * shape[1] + index[..., 1]) * shape[2] + index[..., 2], np.asarray(inside)

    def _flood(self, free: NDArray, cameras: NDArray) -> NDArray:
        """The free cells connected with a camera's."""
        parts = np.asarray(label(free)[0])  # pyright: ignore[reportIndexIssue]
        flat, inside = self._cells(cameras)
        names = np.unique(parts.ravel()[flat[inside]])
        names = names[names > 0]
        if len(names) == 0:
            raise ValueError("no camera stands in free space: is this the mesh of the same room?")
        return np.isin(parts, names)

    def exposed(self, points: NDArray) -> NDArray:
        """(N,) whether points on surfaces border on free space, not on the inside of things."""
        if self._reached is None:
            return np.ones(len(points), bool)
        border = binary_dilation(self._reached, np.ones((3, 3, 3), bool))
        flat, inside = self._cells(points)
        return inside & border.ravel()[flat]

    def distance(self, places: NDArray) -> NDArray:
        """Distances (...) from places (..., 3) to the nearest solid, metres, at most `FAR`.

        Just inside of a known solid they are negative, and `INSIDE` well inside of it. Beyond the grid they
        are `FAR`.
        """
        flat, inside = self._cells(places)
        nearest = self._nearest[flat]
        offset = places - self._surface[nearest]
        gap = np.linalg.norm(offset, axis=-1)
        under = (offset * self._outward[nearest]).sum(-1) < 0
        gap = np.where(under & (gap < 1.5 * self.cell), -gap, gap)
        gap = np.where(self._filled[flat], INSIDE, np.minimum(gap, FAR))
        return np.where(inside, gap, FAR)
