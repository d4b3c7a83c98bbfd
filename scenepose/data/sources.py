"""Data sources by name: where the pictures of samples come from.

``rooms`` and ``rooms:test`` are bundled. ``nyu:DIR`` reads the photographs from a folder that the user
names; ``nyu:DIR:test`` names its split. The NYUv2 samples for validation and test are bundled (points and
poses without pictures), those for training are made by `python -m train place`. ``sitcom:DIR`` reads the
Sitcom dataset's own files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from scenepose.assets import assets
from scenepose.data.nyu import open_nyu
from scenepose.data.rooms import PicturePack
from scenepose.data.samples import Samples
from scenepose.data.sitcom import open_sitcom, picture_path
from scenepose.data.surfaces import Surfaces

SPLITS = ("train", "val", "test")
#: Where `python -m train place` puts what is too big or not ours to bundle.
LOCAL_SAMPLES = Path("data/samples")


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


def parse_source(name: str, split: str) -> tuple[str, str, str]:
    """Split a source's name into its kind ("rooms", "nyu", ...), its folder ("" for rooms) and its split.

    A split in the name wins over the one given. Raises ValueError for any other name.
    """
    kind, _, rest = name.partition(":")
    if kind == "rooms" and rest in ("", *SPLITS):
        return kind, "", rest or split
    if kind in ("nyu", "sitcom", "pack") and rest:
        folder, _, last = rest.rpartition(":")
        return (kind, folder, last) if folder and last in SPLITS else (kind, rest, split)
    raise ValueError(
        f"{name!r} is no data source; write rooms, nyu:DIR, sitcom:DIR or pack:DIR, or with a split"
    )


def samples_path(kind: str, split: str) -> Path:
    """Where a source's samples lie: bundled if they are, else where `python -m train place` puts them."""
    bundled = (
        assets() / "rooms" / f"{split}.npz"
        if kind == "rooms"
        else assets() / "samples" / f"{kind}-{split}.npz"
    )
    return bundled if bundled.is_file() else LOCAL_SAMPLES / f"{kind}-{split}.npz"


def surfaces_path(samples: Path) -> Path:
    """Where the maps of surfaces lie that belong to a file of samples."""
    return samples.with_name(f"{samples.stem}-surfaces.npz")


def open_source(name: str, split: str) -> Source:
    """Open a source by name for one split.

    Args:
        name: ``rooms``, ``nyu:DIR``, ``sitcom:DIR`` or ``pack:DIR`` (of `python -m train pack`), all also
            with ``:SPLIT``, which wins.
        split: train, val or test.

    Raises:
        ValueError: the name is no source. FileNotFoundError: its samples or pictures are missing.
    """
    kind, folder, split = parse_source(name, split)
    if kind == "sitcom":
        found = open_sitcom(Path(folder), split)
        paths = [picture_path(Path(folder), str(frame)) for frame in found.frame_names]
        return Source(name, found, lambda row: Image.open(paths[row]).convert("RGB"))
    path = Path(folder) / f"{split}.npz" if kind == "pack" else samples_path(kind, split)
    samples = Samples.load(path)
    pictures = open_nyu(Path(folder)) if kind == "nyu" else PicturePack(path.with_suffix(".zip"))
    names = [str(frame) for frame in samples.frame_names]
    maps = surfaces_path(path)
    return Source(
        name,
        samples,
        lambda row: pictures.picture(names[row]),
        Surfaces.load(maps).of_frames(samples.frame_names) if maps.is_file() else None,
    )
