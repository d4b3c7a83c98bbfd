"""NYUv2: labelled RGB-D photographs (Silberman et al., ECCV 2012), read from where the user keeps them.

Two layouts: a folder with ``images/ID.jpg``, ``depth/ID.png`` (8 bit, metres = value * 10 / 255),
``labels/ID.png`` (40 classes) and ``index.csv`` (id, split, place), frames without their white border, so
624 x 464; or the official ``nyu_depth_v2_labeled.mat``, whose frames are cropped alike. The photographs are
for research and never part of this project.

The floor's plane, fitted to the pixels labelled floor, says which way is up and how high the camera is. A
folder may hold ``gravity.csv`` besides (id, up_x, up_y, up_z: the direction of up in the camera's frame, x
right, y down, z forward): then frames that show little floor, or furniture alone, are of use, too.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.data.frames import Frame
from scenepose.data.furniture import ground_from_furniture
from scenepose.data.ground import (FEW_FLOOR_PIXELS, floor_points, ground_from_floor)

#: Official Kinect intrinsics of the colour camera, moved by the border of 8 pixels that is cropped.
BORDER = 8
INTRINSICS = np.array([[518.86, 0, 325.58 - BORDER], [0, 519.47, 253.74 - BORDER], [0, 0, 1]])
#: Half a pixel between the data's convention (0 = centre of the first pixel) and ours (0 = its corner).
INTRINSICS[:2, 2] += 0.5


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


def read_gravity(path: Path) -> dict[str, NDArray]:
    """Read ``gravity.csv`` (columns id, up_x, up_y, up_z): the direction of up (3,), a unit vector in the
    camera's frame, by the frame's id.

    Raises ValueError where a row is not a direction.
    """
    directions = {}
    with path.open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                up = np.array([float(row[name]) for name in ("up_x", "up_y", "up_z")])
            except (KeyError, TypeError, ValueError):
                up = np.zeros(3)
            length = float(np.linalg.norm(up))
            if not 0.9 < length < 1.1:
                values = ",".join(map(str, row.values()))
                raise ValueError(
                    f"{path}, line {number}: expected id,up_x,up_y,up_z of length 1, got {values}"
                )
            directions[row["id"]] = up / length
    return directions


class NYUFolder:
    """The folder layout; iterate `frames` for the frames of a split whose floor could be found."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no NYUv2 folder at {folder}")
        self.folder = folder
        self.entries = read_index(folder / "index.csv")
        gravity = folder / "gravity.csv"
        self.ups = read_gravity(gravity) if gravity.is_file() else {}

    def picture(self, name: str) -> Image.Image:
        """The RGB photograph of a frame."""
        return Image.open(self.folder / "images" / f"{name}.jpg").convert("RGB")

    def frame(self, entry: Entry) -> Frame | None:
        """One frame; None where gravity cannot be found."""
        metres = np.asarray(Image.open(self.folder / "depth" / f"{entry.name}.png"), np.float32) * (10 / 255)
        labels = np.asarray(Image.open(self.folder / "labels" / f"{entry.name}.png"))
        return make_frame(entry, metres, labels, lambda: self.picture(entry.name), self.ups.get(entry.name))

    def frames(self, split: str) -> Iterator[Frame]:
        """The frames of a split, in the index's order."""
        for entry in self.entries:
            if entry.split == split and (frame := self.frame(entry)) is not None:
                yield frame


def make_frame(
    entry: Entry,
    depth: NDArray,
    labels: NDArray,
    picture: Callable[[], Image.Image],
    up: NDArray | None = None,
) -> Frame | None:
    """A frame with its ground, from the floor or, where ``up`` (3,) is known, from furniture; or None."""
    if up is None or len(floor_points(depth, labels, INTRINSICS)) >= FEW_FLOOR_PIXELS:
        transform = ground_from_floor(depth, labels, INTRINSICS, up)
    else:
        transform = ground_from_furniture(depth, labels, INTRINSICS, up)
    if transform is None:
        return None
    return Frame(entry.name, entry.place, depth, labels, INTRINSICS, transform, picture)


def open_nyu(path: Path):
    """The reader for a path: a folder, or the official ``.mat`` file."""
    if path.suffix == ".mat":
        from scenepose.data.nyu_mat import NYUMat

        return NYUMat(path)
    return NYUFolder(path)
