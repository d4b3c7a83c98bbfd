"""NYUv2: labelled RGB-D photographs (Silberman et al., ECCV 2012), read from where the user keeps them.

Two layouts: a folder with ``images/ID.jpg``, ``depth/ID.png`` (8 bit, metres = value * 10 / 255),
``labels/ID.png`` (40 classes) and ``index.csv`` (id, split, place), frames without their white border, so
624 x 464; or the official ``nyu_depth_v2_labeled.mat``, whose frames are cropped alike. The photographs are
for research and never part of this project.

Gravity is not given: the floor's plane, fitted to the pixels labelled floor, defines it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.data.frames import FLOOR, FLOOR_MAT, Frame

#: Official Kinect intrinsics of the colour camera, moved by the border of 8 pixels that is cropped.
BORDER = 8
INTRINSICS = np.array([[518.86, 0, 325.58 - BORDER], [0, 519.47, 253.74 - BORDER], [0, 0, 1]])
#: Half a pixel between the data's convention (0 = centre of the first pixel) and ours (0 = its corner).
INTRINSICS[:2, 2] += 0.5

MIN_FLOOR_PIXELS = 1500
MAX_TILT_DEGREES = 50


@dataclass(frozen=True)
class Entry:
    """A row of the index: which split and place a frame belongs to."""

    name: str
    split: str
    place: str


def read_index(path: Path) -> list[Entry]:
    """Read ``index.csv`` (columns id, split, place).

    Raises:
        FileNotFoundError: no such file. ValueError: a row has no such columns, or an unknown split.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no NYUv2 index at {path}")
    entries = []
    with path.open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            if not {"id", "split", "place"} <= row.keys() or row["split"] not in ("train", "val", "test"):
                raise ValueError(
                    f"{path}, line {number}: expected id,split,place, got {','.join(map(str, row.values()))}"
                )
            entries.append(Entry(row["id"], row["split"], "nyu-" + row["place"]))
    return entries


def fit_plane(
    points: NDArray, generator: np.random.Generator, tolerance: float = 0.03
) -> tuple[NDArray, float, int]:
    """The plane n . x + d = 0 that most points (N, 3) lie on: RANSAC, then least squares on its inliers.

    Returns the unit normal (3,), d, and the number of inliers.
    """
    triples = points[generator.integers(0, len(points), (200, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    triples, normals = triples[lengths > 1e-6], normals[lengths > 1e-6] / lengths[lengths > 1e-6, None]
    offsets = -(normals * triples[:, 0]).sum(1)
    sample = points[generator.integers(0, len(points), min(len(points), 2000))]
    counts = (np.abs(sample @ normals.T + offsets) < tolerance).sum(0)
    normal, offset = normals[counts.argmax()], offsets[counts.argmax()]
    for _ in range(3):
        inliers = points[np.abs(points @ normal + offset) < tolerance]
        centre = inliers.mean(0)
        normal = np.linalg.svd((inliers - centre)[:: max(1, len(inliers) // 4000)], full_matrices=False)[2][2]
        offset = -float(normal @ centre)
    return normal, offset, int((np.abs(points @ normal + offset) < tolerance).sum())


def gravity_from_floor(depth: NDArray, labels: NDArray, intrinsics: NDArray) -> NDArray | None:
    """(4, 4) world-to-camera transform with the seen floor at z = 0; None where too little of it is seen."""
    on_floor = np.isin(labels, (FLOOR, FLOOR_MAT)) & (depth > 0)
    if on_floor.sum() < MIN_FLOOR_PIXELS:
        return None
    y, x = np.nonzero(on_floor)
    pixels = np.stack([x + 0.5, y + 0.5, np.ones(len(x))], 1)
    points = pixels @ np.linalg.inv(intrinsics).T * depth[y, x, None]
    up, offset, inliers = fit_plane(points, np.random.default_rng(0))
    if up[1] > 0:
        up, offset = -up, -offset
    tilt = np.degrees(np.arccos(-up[1]))
    if inliers < 0.5 * len(points) or tilt > MAX_TILT_DEGREES or not 0.4 < offset < 3.0:
        return None
    return transform_from_up(up, offset)


def transform_from_up(up: NDArray, camera_height: float) -> NDArray:
    """World-to-camera (4, 4) for an up vector in the camera frame.

    The origin is on the floor below the camera; y is the horizontal part of the viewing direction.
    """
    forward = np.array([0.0, 0.0, 1.0]) - up[2] * up
    forward /= np.linalg.norm(forward)
    rotation = np.stack([np.cross(forward, up), forward, up], 1)
    transform = np.eye(4)
    transform[:3, :3] = rotation
    transform[:3, 3] = -rotation @ np.array([0.0, 0.0, camera_height])
    return transform


class NYUFolder:
    """The folder layout; iterate `frames` for the frames of a split whose floor could be found."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no NYUv2 folder at {folder}")
        self.folder = folder
        self.entries = read_index(folder / "index.csv")

    def picture(self, name: str) -> Image.Image:
        """The RGB photograph of a frame."""
        return Image.open(self.folder / "images" / f"{name}.jpg").convert("RGB")

    def frame(self, entry: Entry) -> Frame | None:
        """One frame; None where gravity cannot be found."""
        metres = np.asarray(Image.open(self.folder / "depth" / f"{entry.name}.png"), np.float32) * (10 / 255)
        labels = np.asarray(Image.open(self.folder / "labels" / f"{entry.name}.png"))
        return make_frame(entry, metres, labels, lambda: self.picture(entry.name))

    def frames(self, split: str) -> Iterator[Frame]:
        """The frames of a split, in the index's order."""
        for entry in self.entries:
            if entry.split == split and (frame := self.frame(entry)) is not None:
                yield frame


def make_frame(entry: Entry, depth: NDArray, labels: NDArray, picture) -> Frame | None:
    """A frame with gravity from its floor, or None."""
    transform = gravity_from_floor(depth, labels, INTRINSICS)
    if transform is None:
        return None
    return Frame(entry.name, entry.place, depth, labels, INTRINSICS, transform, picture)


def open_nyu(path: Path):
    """The reader for a path: a folder, or the official ``.mat`` file."""
    if path.suffix == ".mat":
        from scenepose.data.nyu_mat import NYUMat

        return NYUMat(path)
    return NYUFolder(path)
