"""Samples placed in the made-up room, and its frames in NYUv2's layout, for several test files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose.assets import assets
from scenepose.data.samples import Samples
from tests.room import make_room
from train.world.place.bank import BodyBank, build_bank
from train.world.place.command import collect
from train.world.place.frame_placer import Room
from train.world.place.place import place
from train.world.place.sampler import PoseSampler
from train.world.place.space import depth_space


@pytest.fixture(scope="session")
def bank() -> BodyBank:
    return build_bank(PoseSampler.load(assets() / "poses" / "sampler.npz"))


@pytest.fixture(scope="session")
def placed(bank: BodyBank) -> list:
    """Two frames of the made-up room with people."""
    both = [make_room(name=name) for name in ("a", "b")]
    space = depth_space(both[0])
    assert space is not None
    room = Room.of(space)
    return [
        (frame, place(frame, room, bank, seed, points=6, nobody_share=0.4)) for seed, frame in enumerate(both)
    ]


@pytest.fixture(scope="session")
def samples(placed: list, bank: BodyBank, tmp_path_factory: pytest.TempPathFactory) -> Samples:
    path = tmp_path_factory.mktemp("samples") / "some.npz"
    collect(placed).save(path, bank.keypoints, bank.kinds, bank.facing)
    return Samples.load(path)


def write_nyu(folder: Path) -> None:
    """Three frames of the made-up room in NYUv2's folder layout."""
    frame = make_room()
    for name in ("images", "depth", "labels"):
        (folder / name).mkdir(parents=True)
    for number in ("0001", "0002"):
        Image.new("RGB", frame.size, "#a08060").save(folder / "images" / f"{number}.jpg")
        Image.fromarray((frame.depth * 25.5).round().clip(0, 255).astype(np.uint8)).save(
            folder / "depth" / f"{number}.png"
        )
        Image.fromarray(frame.labels).save(folder / "labels" / f"{number}.png")
    (folder / "index.csv").write_text("id,split,place\n0001,train,0\n0002,val,7\n")
