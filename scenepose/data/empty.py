"""Pictures where nobody fits: flowers, portraits, pages of text. Training learns from them to say so.

A folder of pictures, any mixture of formats that Pillow reads. Each is a frame with a grid of points where
every kind was tried and nobody fits. A picture belongs to the split that its name decides, so that adding
pictures moves none: four fifths to ``train``, a tenth each to ``val`` and ``test``.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from scenepose.pose.kinds import KINDS
from scenepose.data.samples import Samples

#: Columns and rows of points over a picture.
GRID = (8, 6)


def split_of(name: str) -> str:
    """The split of a picture by its name; what stands before "@" decides, for pictures made from one."""
    number = zlib.crc32(Path(name).stem.partition("@")[0].encode()) % 10
    return "val" if number == 8 else "test" if number == 9 else "train"


def open_empty(folder: Path, split: str) -> Samples:
    """The points of a split's pictures.

    Raises:
        FileNotFoundError: the folder holds no picture of that split.
    """
    names, sizes = [], []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file() and split_of(path.name) == split:
            try:
                with Image.open(path) as picture:
                    sizes.append(picture.size)
                names.append(path.name)
            except UnidentifiedImageError:
                continue
    if not names:
        raise FileNotFoundError(f"no pictures of the {split} split in {folder}")
    x, y = ((np.arange(count) + 0.5) / count for count in GRID)
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    size = np.array(sizes, np.int32)
    count = len(names) * len(grid)
    return Samples(
        frame_names=np.array(names),
        frame_sizes=size,
        frame_places=np.array([f"empty {name}" for name in names]),
        point_frames=np.repeat(np.arange(len(names), dtype=np.int32), len(grid)),
        points=(size[:, None] * grid).reshape(-1, 2).astype(np.float32),
        tried=np.ones((count, len(KINDS)), np.int16),
        pose_points=np.zeros(0, np.int32),
        keypoints=np.zeros((0, 16, 2), np.float32),
        visibility=np.zeros((0, 16), np.uint8),
        kinds=np.zeros(0, np.uint8),
        headings=np.zeros(0, np.float32),
        heights=np.zeros(0, np.float32),
        primary=np.zeros(0, bool),
    )
