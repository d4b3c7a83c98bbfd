"""Rendered rooms: the renderer's folders with depth, and the bundled pack of pictures with samples.

A folder holds one room: ``room.json`` (seed, type, split, views with intrinsics and world-to-camera), per
view ``NAME.webp`` and ``NAME.npz`` (depth in metres along the optical axis, labels of NYUv2's 40 classes),
and ``mesh.npz`` with all the room's triangles.
The pack is a plain, uncompressed zip of the WebP pictures per split, ``ROOM/VIEW.webp``, beside the split's
samples.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from scenepose.data.frames import Frame
from scenepose.placer.solids import Mesh


def room_folders(folder: Path, split: str) -> Iterator[tuple[Path, dict]]:
    """The finished rooms of a split, by name: their folder and ``room.json``."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder of rendered rooms at {folder}")
    for path in sorted(folder.glob("*/room.json")):
        room = json.loads(path.read_text())
        if room["split"] == split:
            yield path.parent, room


def frames(folder: Path, split: str) -> Iterator[Frame]:
    """The RGB-D frames of a split's rooms."""
    for path, room in room_folders(folder, split):
        yield from room_frames(path, room)


def room_frames(path: Path, room: dict) -> list[Frame]:
    """The RGB-D frames of one room from its folder and ``room.json``."""
    found = []
    for view in room["views"]:
        with np.load(path / f"{view['name']}.npz") as file:
            depth, labels = file["depth"].astype(np.float32), file["label"]
        found.append(
            Frame(
                name=f"{room['room']}/{view['name']}",
                place=room["room"],
                depth=depth,
                labels=labels,
                intrinsics=np.array(view["K"], float),
                world_to_camera=np.array(view["world_to_camera"], float),
                picture=_opener(path / f"{view['name']}.webp"),
            )
        )
    return found


def read_mesh(path: Path) -> Mesh:
    """The mesh of a room's folder. Raises FileNotFoundError with its path."""
    if not (path / "mesh.npz").is_file():
        raise FileNotFoundError(f"there is no mesh of the room at {path / 'mesh.npz'}")
    with np.load(path / "mesh.npz") as file:
        return Mesh(file["vertices"], file["faces"], file["label"])


def _opener(path: Path):
    return lambda: Image.open(path).convert("RGB")


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
