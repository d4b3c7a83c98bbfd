"""The renderer's folders of rooms with depth, as frames.

A folder holds one room: ``room.json`` (seed, type, split, views with intrinsics and world-to-camera), per
view ``NAME.webp`` and ``NAME.npz`` (depth in metres along the optical axis, labels of NYUv2's 40 classes),
and ``mesh.npz`` with all the room's triangles.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from scenepose.data.frames import Frame
from train.world.place.solids import Mesh


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
