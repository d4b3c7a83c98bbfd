"""The Sitcom affordance dataset ("Binge Watching", Wang, Girdhar and Gupta, CVPR 2017), as it is distributed.

A folder holds ``trainlist.txt``, ``testlist.txt`` (one television show that training never sees),
``centers_30.txt`` and the frames under ``data/``. A line of a list is ``image x1 y1 ... x17 y17 class``: 16
MPII joints in pixels, a 17th point, which is the target point, and a 1-based class among the 30 centres.
Joints with a negative coordinate are missing. The dataset is fetched by the user and no part of this project.

There is no validation list: a tenth of the training list's episodes are ``val`` (see `is_validation`), the
others ``train``. Sitcom's classes say nothing of our kinds, so the kind of a pose is taken from its shape:
sitting or standing (see `kind_of`).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.pose.kinds import KINDS
from scenepose.data.samples import Samples
from scenepose.pose.skeleton import (HIDDEN, L_ANKLE, L_HIP, L_KNEE, PELVIS, R_ANKLE, R_HIP, R_KNEE, SEEN, THORAX, UNKNOWN)

#: Values on a line: the picture, 17 points, the class.
FIELDS = 1 + 34 + 1
CLASSES = 30


@dataclass(frozen=True)
class SitcomList:
    """A list file: images (N,) str, keypoints (N, 16, 2) with NaN where missing, points (N, 2), classes (N,)
    from 1."""

    images: NDArray
    keypoints: NDArray
    points: NDArray
    classes: NDArray

    def __len__(self) -> int:
        return len(self.images)


def read_list(path: Path) -> SitcomList:
    """Read a list file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed; the sentence names the file and the line's number.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no Sitcom list at {path}")
    images, numbers, classes = [], [], []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        values = line.split()
        if len(values) != FIELDS:
            raise ValueError(
                f"{path}, line {number}: expected {FIELDS} values (image, points, class), got {len(values)}"
            )
        try:
            row = [float(value) for value in values[1:-1]]
            kind = int(values[-1])
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        if not np.isfinite(row).all():
            raise ValueError(f"{path}, line {number}: a coordinate is not a finite number")
        if not 1 <= kind <= CLASSES:
            raise ValueError(f"{path}, line {number}: class {kind} is not between 1 and {CLASSES}")
        images.append(values[0])
        numbers.append(row)
        classes.append(kind)
    pairs = np.array(numbers, float).reshape(-1, 17, 2)
    keypoints = pairs[:, :16].copy()
    keypoints[(keypoints < 0).any(-1)] = np.nan
    return SitcomList(np.array(images, np.str_), keypoints, pairs[:, 16], np.array(classes, np.int64))


def write_list(path: Path, listed: SitcomList) -> None:
    """Write a list file; missing joints become -1 -1. Coordinates keep a hundredth of a pixel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for row in range(len(listed)):
            joints = np.where(np.isfinite(listed.keypoints[row]), listed.keypoints[row], -1.0)
            values = [*joints.ravel(), *listed.points[row]]
            text = " ".join(f"{value:.2f}".rstrip("0").rstrip(".") for value in values)
            file.write(f"{listed.images[row]} {text} {listed.classes[row]}\n")


def episode_of(image: str) -> str:
    """What must not be torn apart by a split: the frame's folder, or, without one, the frame itself."""
    return str(Path(image).parent) if len(Path(image).parts) > 1 else image


def is_validation(image: str) -> bool:
    """Whether a frame of the training list is kept for validation: a tenth of the episodes, by their name."""
    return zlib.crc32(episode_of(image).encode()) % 10 == 0


def kind_of(keypoints: NDArray) -> NDArray:
    """(N,) indices into KINDS from shape alone: sitting where a thigh is short or level, else standing.

    ``keypoints`` is (N, 16, 2), NaN where missing; with nothing to tell, standing.
    """
    torso = np.linalg.norm(keypoints[:, THORAX] - keypoints[:, PELVIS], axis=-1)
    drops = []
    for hip, knee, ankle in ((R_HIP, R_KNEE, R_ANKLE), (L_HIP, L_KNEE, L_ANKLE)):
        thigh = (keypoints[:, knee, 1] - keypoints[:, hip, 1]) / torso
        shank = (keypoints[:, ankle, 1] - keypoints[:, knee, 1]) / torso
        drops.append(np.where(np.isfinite(shank), np.minimum(thigh, shank + 0.15), thigh))
    known = np.isfinite(drops)
    drop = np.where(known, drops, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    sitting = (drop < 0.5) & known.any(0)
    return np.where(sitting, KINDS.index("sit"), KINDS.index("stand")).astype(np.uint8)


def list_path(folder: Path, split: str) -> Path:
    """The list that holds a split."""
    return folder / ("testlist.txt" if split == "test" else "trainlist.txt")


def open_list(folder: Path, split: str) -> SitcomList:
    """The lines of a split: ``test`` is testlist.txt, ``val`` a tenth of trainlist.txt's episodes, ``train``
    the rest."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no Sitcom folder at {folder}")
    listed = read_list(list_path(folder, split))
    if split == "test":
        return listed
    chosen = np.array([is_validation(str(image)) == (split == "val") for image in listed.images], bool)
    return SitcomList(
        listed.images[chosen], listed.keypoints[chosen], listed.points[chosen], listed.classes[chosen]
    )


def to_samples(listed: SitcomList, sizes: dict[str, tuple[int, int]]) -> Samples:
    """Samples with one pose a point, from a list and the (width, height) of every picture.

    Of other poses at a point nothing is known (`tried` is 0); nor of heading and body height (NaN).
    """
    names, frames = np.unique(listed.images, return_inverse=True)
    count = len(listed)
    size = np.array([sizes[str(name)] for name in names], np.int32).reshape(-1, 2)
    keypoints = listed.keypoints
    known = np.isfinite(keypoints).all(-1)
    inside = ((keypoints >= 0) & (keypoints <= size[frames][:, None])).all(-1)
    order = np.argsort(frames, kind="stable")
    visibility = np.where(known, np.where(inside, SEEN, HIDDEN), UNKNOWN).astype(np.uint8)
    return Samples(
        frame_names=names,
        frame_sizes=size,
        frame_places=np.array([episode_of(str(name)) for name in names], np.str_),
        point_frames=frames[order].astype(np.int32),
        points=listed.points[order].astype(np.float32),
        tried=np.zeros((count, len(KINDS)), np.int16),
        pose_points=np.arange(count, dtype=np.int32),
        keypoints=keypoints[order].astype(np.float32),
        visibility=visibility[order],
        kinds=kind_of(keypoints)[order],
        headings=np.full(count, np.nan, np.float32),
        heights=np.full(count, np.nan, np.float32),
        primary=np.ones(count, bool),
    )


def from_samples(samples: Samples, classes: NDArray | None = None) -> SitcomList:
    """The Sitcom form of samples: their primary poses, unknown joints missing.

    ``classes`` (P,) from 1 for each point, e.g. of the nearest template; by default 1 + the kind. A joint
    left of or above the picture has a negative coordinate, which Sitcom reads as missing.
    """
    rows = samples.primary_rows
    points = np.flatnonzero(rows >= 0)
    rows = rows[points]
    keypoints = samples.keypoints[rows].astype(float)
    keypoints[samples.visibility[rows] == UNKNOWN] = np.nan
    keypoints[(keypoints < 0).any(-1)] = np.nan
    return SitcomList(
        images=np.array([f"{samples.frame_names[f]}" for f in samples.point_frames[points]], np.str_),
        keypoints=keypoints,
        points=samples.points[points].astype(float),
        classes=samples.kinds[rows].astype(np.int64) + 1 if classes is None else classes[points],
    )


def picture_path(folder: Path, image: str) -> Path:
    """Where a frame lies: under ``data/``, or right under the folder."""
    inside = folder / "data" / image
    return inside if inside.is_file() else folder / image


def open_sitcom(folder: Path, split: str) -> Samples:
    """The samples of a split of a Sitcom folder; pictures are opened once for their size.

    Raises FileNotFoundError naming a picture that is missing, and what `read_list` raises.
    """
    listed = open_list(folder, split)
    sizes: dict[str, tuple[int, int]] = {}
    for image in np.unique(listed.images):
        path = picture_path(folder, str(image))
        if not path.is_file():
            raise FileNotFoundError(f"the Sitcom list names {image}, but there is no picture at {path}")
        with Image.open(path) as picture:
            sizes[str(image)] = picture.size
    return to_samples(listed, sizes)
