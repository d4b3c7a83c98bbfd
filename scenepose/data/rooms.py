"""The bundled pictures of rendered rooms: a plain, uncompressed zip of WebP pictures per split,
``ROOM/VIEW.webp``, beside the split's samples.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image


class PicturePack:
    """The pictures of a zip file by name, read in place."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"there is no picture pack at {path}")
        self.path = path
        with zipfile.ZipFile(path) as pack:
            self._places = {
                one.filename.removesuffix(".webp"): (one.header_offset, one.file_size)
                for one in pack.infolist()
                if one.compress_type == zipfile.ZIP_STORED
            }

    def picture(self, name: str) -> Image.Image:
        """The RGB picture of a frame. Raises KeyError with its name where the pack lacks it."""
        if name not in self._places:
            raise KeyError(f"{self.path} has no picture {name!r}")
        start, size = self._places[name]
        # Opened each time: loading processes would share one open file's place in it.
        with self.path.open("rb") as file:
            file.seek(start + 26)  # the local header's last fields: lengths of the name and of what follows it
            name_length, extra_length = np.frombuffer(file.read(4), "<u2").tolist()
            file.seek(name_length + extra_length, io.SEEK_CUR)
            return Image.open(io.BytesIO(file.read(size))).convert("RGB")


def write_pack(path: Path, pictures: Iterator[tuple[str, bytes]]) -> None:
    """Write pictures (name, WebP bytes) as a zip with one and the same date: equal pictures, equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as pack:
        for name, content in pictures:
            pack.writestr(zipfile.ZipInfo(f"{name}.webp"), content)
