"""Samples: points in scenes and the poses found to fit there, as columns.

There are three tables. A *frame* is a picture, a *point* lies in a frame, a *pose* fits at a point:

===============  ==================  ============================================================
column           shape, type         meaning
===============  ==================  ============================================================
frame_names      (F,) str            the picture's name within its source ("0003", "room-00012/v0")
frame_sizes      (F, 2) int32        width, height in pixels
frame_places     (F,) str            the room or place; splits never share one
point_frames     (P,) int32          row of the point's frame
points           (P, 2) float32      the point, pixels: the middle of the primary pose's box
tried            (P, 9) int16        how many poses of each kind were tried there (columns: `KINDS`)
pose_points      (N,) int32          row of the pose's point, ascending
keypoints        (N, 16, 2) float32  MPII joints, pixels; may lie outside the picture; NaN if unknown
visibility       (N, 16) uint8       0 unknown, 1 known but hidden or outside, 2 seen
kinds            (N,) uint8          index into `KINDS`
headings         (N,) float32        radians: 0 faces the camera, +pi/2 faces the picture's right side
heights          (N,) float32        body height, metres
primary          (N,) bool           exactly one per point that has poses: the one training uses
===============  ==================  ============================================================

A file holds these columns as they are, or in the compact form that `scenepose.data.compact` describes, in
which the placer's samples are kept; `Samples.load` reads both.

A point without poses is one where every kind was tried and nobody fits (a wall, a table top). The other
poses at a point are the ones that fit as well, their box middle within 0.02 H of it; within 0.04 H where
another of them was made the primary one later (`python -m train reprior`), because the point goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenepose.pose.kinds import KINDS

@dataclass(frozen=True)
class Samples:
    """The three tables of this module's docstring, one attribute a column."""

    frame_names: NDArray
    frame_sizes: NDArray
    frame_places: NDArray
    point_frames: NDArray
    points: NDArray
    tried: NDArray
    pose_points: NDArray
    keypoints: NDArray
    visibility: NDArray
    kinds: NDArray
    headings: NDArray
    heights: NDArray
    primary: NDArray

    def __len__(self) -> int:
        """The number of points."""
        return len(self.points)

    @property
    def primary_rows(self) -> NDArray:
        """(P,) int64: the pose row that training uses at each point, -1 where nobody fits."""
        rows = np.full(len(self.points), -1, np.int64)
        chosen = np.flatnonzero(self.primary)
        rows[self.pose_points[chosen]] = chosen
        return rows

    def pose_rows(self, point: int) -> NDArray:
        """The rows of all poses that fit at a point, the primary one among them."""
        first, last = np.searchsorted(self.pose_points, [point, point + 1])
        return np.arange(first, last)

    def normalised_unit(self, rows: NDArray) -> NDArray:
        """Poses relative to their point, in picture heights: (len(rows), 16, 2), NaN where unknown."""
        points = self.pose_points[rows]
        heights = self.frame_sizes[self.point_frames[points], 1]
        relative = self.keypoints[rows] - self.points[points][:, None]
        return relative / heights[:, None, None]

    def select(self, points: NDArray) -> Samples:
        """The samples of some points only (row numbers or booleans), frames kept as they are."""
        chosen = np.arange(len(self.points))[points]
        renumber = np.full(len(self.points), -1, np.int64)
        renumber[chosen] = np.arange(len(chosen))
        poses = np.flatnonzero(renumber[self.pose_points] >= 0)
        poses = poses[np.argsort(renumber[self.pose_points[poses]], kind="stable")]
        columns = {name: getattr(self, name)[chosen] for name in ("point_frames", "points", "tried")}
        for name in ("keypoints", "visibility", "kinds", "headings", "heights", "primary"):
            columns[name] = getattr(self, name)[poses]
        columns["pose_points"] = renumber[self.pose_points[poses]].astype(np.int32)
        for name in ("frame_names", "frame_sizes", "frame_places"):
            columns[name] = getattr(self, name)
        return Samples(**columns)

    def save(self, path: Path) -> None:
        """Write the columns as a compressed ``.npz``; keypoints are rounded to a hundredth of a pixel."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        columns["keypoints"] = np.round(columns["keypoints"], 2)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **columns)

    @classmethod
    def load(cls, path: Path) -> Samples:
        """Read a file that `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: a column is missing; the sentence names it.
        """
        if not path.is_file():
            raise FileNotFoundError(f"there are no samples at {path}; make them with `python -m train place`")
        from scenepose.data.compact import (is_compact, unpack)

        with np.load(path, allow_pickle=False) as file:
            if is_compact(file):
                try:
                    return unpack(file)
                except KeyError as error:
                    raise ValueError(f"{path} is no samples file: {error.args[0]}") from error
            missing = [field.name for field in fields(cls) if field.name not in file]
            if missing:
                raise ValueError(f"{path} is no samples file: it lacks the columns {', '.join(missing)}")
            return cls(**{field.name: file[field.name] for field in fields(cls)})
