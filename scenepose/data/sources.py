"""Data sources by name: where the pictures of samples come from.

``rooms`` and ``rooms:test`` are bundled. ``nyu:DIR`` reads the photographs from a folder that the user
names; ``nyu:DIR:test`` names its split. The NYUv2 samples for validation and test are bundled (points and
poses without pictures), those for training are made by `python -m train place`. ``sitcom:DIR`` reads the
Sitcom dataset's own files, ``pack:DIR`` what `python -m train pack` wrote, ``empty:DIR`` pictures where
nobody fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.assets import assets
from scenepose.data.empty import open_empty
from scenepose.data.nyu import open_nyu
from scenepose.data.rooms import PicturePack
from scenepose.data.samples import Samples
from scenepose.data.sitcom import (list_path, open_sitcom, picture_path)
from scenepose.data.surfaces import Surfaces

SPLITS = ("train", "val", "test")
#: Where `python -m train place` puts what is too big or not ours to bundle.
LOCAL_SAMPLES = Path("data/samples")


class Shown(NamedTuple):
    """A point and its primary pose, in pixels of the picture as it is stored.

    A picture may be stored smaller than the frame in whose pixels the samples are kept.
    """

    picture: Image.Image  # RGB
    point: NDArray  # (2,)
    pose: NDArray  # (16, 2), NaN where nothing is known; all of it where nobody fits
    known: NDArray  # (16,) bool
    visibility: NDArray  # (16,) as in the samples


@dataclass(frozen=True)
class Source:
    """Samples with the pictures they lie in.

    Attributes:
        name: as the user wrote it, "rooms:val".
        samples: the points and poses.
        picture: gives the RGB picture of a frame by its row in the samples' frame table.
        surfaces: maps of what is seen in the frames, by their rows; None where nothing is known of that.
    """

    name: str
    samples: Samples
    picture: Callable[[int], Image.Image]
    surfaces: Surfaces | None = None

    def at(self, point: int) -> Shown:
        """A point by its row, with its picture and primary pose."""
        samples = self.samples
        frame, row = int(samples.point_frames[point]), int(samples.primary_rows[point])
        picture = self.picture(frame)
        scale = self.scale_to(frame, picture.size)
        place = samples.points[point].astype(np.float64) * scale
        if row < 0:
            nothing = np.zeros(16, np.uint8)
            return Shown(picture, place, np.full((16, 2), np.nan), nothing > 0, nothing)
        seen = samples.visibility[row]
        pose = np.where((seen >= 1)[:, None], samples.keypoints[row].astype(np.float64) * scale, np.nan)
        return Shown(picture, place, pose, seen >= 1, seen)

    def scale_to(self, frame: int, size: tuple[int, int]) -> NDArray:
        """(2,) by what a frame's pixels are multiplied in a picture of it of a size (width, height)."""
        return np.array(size) / self.samples.frame_sizes[frame]


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Attributes:
        folder: whether its name goes on with a folder.
        path: the file that a folder and a split have to have. samples: reads them.
        pictures: opens the pictures: a folder, a split and the samples to what gives a frame's picture.
        licence: what weights learnt from that learn from it, with its terms, as part of a sentence.
        card: the line in the model card.
    """

    folder: bool
    path: Callable[[Path, str], Path]
    samples: Callable[[Path, str], Samples]
    pictures: Callable[[Path, str, Samples], Callable[[int], Image.Image]]
    licence: str
    card: str


def _placed(kind: str) -> Callable[[Path, str], Path]:
    """Where samples of ours lie: bundled if they are, else where `python -m train place` puts them."""

    def path(folder: Path, split: str) -> Path:
        own = f"rooms/{split}.npz" if kind == "rooms" else f"samples/{kind}-{split}.npz"
        bundled = assets() / own
        return bundled if bundled.is_file() else LOCAL_SAMPLES / f"{kind}-{split}.npz"

    return path


def _by_name(picture: Callable[[str], Image.Image], samples: Samples) -> Callable[[int], Image.Image]:
    names = [str(frame) for frame in samples.frame_names]
    return lambda row: picture(names[row])


def _sitcom_pictures(folder: Path, split: str, samples: Samples) -> Callable[[int], Image.Image]:
    paths = [picture_path(folder, str(frame)) for frame in samples.frame_names]
    return lambda row: Image.open(paths[row]).convert("RGB")


def _empty_pictures(folder: Path, split: str, samples: Samples) -> Callable[[int], Image.Image]:
    return _by_name(lambda name: Image.open(folder / name).convert("RGB"), samples)


_ROOMS, _NYU = _placed("rooms"), _placed("nyu")
SOURCES = {
    "rooms": Kind(
        folder=False, path=_ROOMS,
        samples=lambda folder, split: Samples.load(_ROOMS(folder, split)),
        pictures=lambda folder, split, samples: _by_name(
            PicturePack(_ROOMS(folder, split).with_suffix(".zip")).picture, samples
        ),
        licence="rooms rendered for this project",
        card="rooms rendered for this project, poses by its placer; bundled, under the project's licence "
        "([datasheet](../rooms/README.md)).",
    ),
    "nyu": Kind(
        folder=True, path=_NYU,
        samples=lambda folder, split: Samples.load(_NYU(folder, split)),
        pictures=lambda folder, split, samples: _by_name(open_nyu(folder).picture, samples),
        licence="NYUv2 photographs, which are for research",
        card="NYUv2 (Silberman, Hoiem, Kohli, Fergus, ECCV 2012): photographs without people of the official "
        "training split, for research only, divided by place into those to learn from, to validate and to "
        "test; poses by this project's placer. The photographs are not bundled.",
    ),
    "sitcom": Kind(
        folder=True, path=list_path, samples=open_sitcom, pictures=_sitcom_pictures,
        licence="the Sitcom data set, which is for research",
        card="the Sitcom affordance dataset (Wang, Girdhar, Gupta, CVPR 2017). Not bundled.",
    ),
    "pack": Kind(
        folder=True,
        path=lambda folder, split: folder / f"{split}.npz",
        samples=lambda folder, split: Samples.load(folder / f"{split}.npz"),
        pictures=lambda folder, split, samples: _by_name(
            PicturePack(folder / f"{split}.zip").picture, samples
        ),
        licence="photographs carried as a pack, whose terms they share",
        card="photographs carried as a pack; poses by this project's placer. Not bundled.",
    ),
    "empty": Kind(
        folder=True, path=lambda folder, split: folder, samples=open_empty, pictures=_empty_pictures,
        licence="pictures where nobody fits, whose terms they share",
        card="pictures that are no rooms, where nobody fits: pages, charts and patterns drawn by `python -m train "
        "empty`, and photographs and cut-outs of things, animals and flowers. Not bundled.",
    ),
}  # fmt: skip


def parse_source(name: str, split: str) -> tuple[str, str, str]:
    """Split a source's name into its kind ("rooms", "nyu", ...), its folder ("" for rooms) and its split.

    A split in the name wins over the one given. Raises ValueError for any other name.
    """
    kind, _, rest = name.partition(":")
    if kind in SOURCES and not SOURCES[kind].folder and rest in ("", *SPLITS):
        return kind, "", rest or split
    if kind in SOURCES and SOURCES[kind].folder and rest:
        folder, _, last = rest.rpartition(":")
        return (kind, folder, last) if folder and last in SPLITS else (kind, rest, split)
    known = ", ".join(f"{kind}:DIR" if row.folder else kind for kind, row in SOURCES.items())
    raise ValueError(f"{name!r} is not a data source; write {known}, or with a split")


def surfaces_path(samples: Path) -> Path:
    """Where the maps of surfaces lie that belong to a file of samples."""
    return samples.with_name(f"{samples.stem}-surfaces.npz")


def samples_of(name: str, split: str = "") -> list[Samples]:
    """The samples of a source, without its pictures: of one split, or of all that are there.

    Raises:
        ValueError: the name is not a source. FileNotFoundError: it has no samples.
    """
    kind, folder, chosen = parse_source(name, split)
    row, splits = SOURCES[kind], [chosen] if chosen else SPLITS
    there = [one for one in splits if row.path(Path(folder), one).exists()]
    if not there:
        path = row.path(Path(folder), splits[0])
        raise FileNotFoundError(f"{name} has no samples: there is no file {path}")
    return [row.samples(Path(folder), one) for one in there]


def open_source(name: str, split: str) -> Source:
    """Open a source by name for one split.

    Args:
        name: a kind of `SOURCES`, with its folder: ``rooms``, ``nyu:DIR``; with ``:SPLIT``, which wins.
        split: train, val or test.

    Raises:
        ValueError: the name is not a source. FileNotFoundError: its samples or pictures are missing.
    """
    kind, folder, split = parse_source(name, split)
    row, where = SOURCES[kind], Path(folder)
    samples = row.samples(where, split)
    maps = surfaces_path(row.path(where, split))
    seen = Surfaces.load(maps).of_frames(samples.frame_names) if maps.is_file() else None
    return Source(name, samples, row.pictures(where, split, samples), seen)
