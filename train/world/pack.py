"""`python -m train pack`: a source as a small folder that can be carried to another machine."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from scenepose.data.rooms import write_pack
from scenepose.data.sources import SPLITS, Source, open_source, surfaces_path


@dataclass
class PackConfig:
    """Write a source's pictures and samples into a folder, which `--data pack:FOLDER` reads."""

    data: str
    """A source, e.g. nyu:DIR; it must allow its pictures to be copied."""
    out: Path
    """SPLIT.zip and SPLIT.npz go there."""
    height: int = 320
    """Higher pictures are made so high, pixels; training views are 224 wide."""
    quality: int = 85
    """Of the WebP files."""
    splits: list[str] = field(default_factory=lambda: list(SPLITS))
    """Which splits."""


def pictures(source: Source, height: int, quality: int) -> Iterator[tuple[str, bytes]]:
    """Name and WebP file of every frame that has points."""
    samples = source.samples
    for frame in np.unique(samples.point_frames):
        picture = source.picture(int(frame))
        if picture.height > height:
            width = round(picture.width * height / picture.height)
            picture = picture.resize((width, height), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        picture.save(file, "WEBP", quality=quality)
        yield str(samples.frame_names[frame]), file.getvalue()


def main(config: PackConfig) -> None:
    """Write the folder. The samples keep the frames' own pixels."""
    for split in config.splits:
        source = open_source(config.data, split)
        path = config.out / f"{split}.zip"
        write_pack(path, pictures(source, config.height, config.quality))
        samples = config.out / f"{split}.npz"
        source.samples.save(samples)
        if source.surfaces is not None:
            source.surfaces.save(surfaces_path(samples))
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(source.samples)} points")
