"""People in a rendered kitchen (tests/data/room-00002), against its mesh; it has no bed or free seat."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import KDTree

from scenepose.data.compact import set_down
from scenepose.data.frames import FLOOR, FLOOR_MAT
from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import L_ANKLE, R_ANKLE
from train.world.place.bank import BodyBank
from train.world.place.frame_placer import FramePlacer, Room
from train.world.place.limbs import FOREARMS, HEAD, SHANKS, THIGHS, TORSO, UPPER_ARMS, spheres
from train.world.place.people import People
from train.world.place.rooms import read_mesh, room_frames
from train.world.place.sampler import ANKLE_HEIGHT, REFERENCE_HEIGHT
from train.world.place.space import mesh_space

ROOM = Path(__file__).parent / "data" / "room-00002"


@pytest.fixture(scope="module")
def placers(bank: BodyBank) -> list[FramePlacer]:
    views = room_frames(ROOM, json.loads((ROOM / "room.json").read_text()))
    room = Room.of(mesh_space(read_mesh(ROOM), np.array([view.camera_position for view in views])))
    return [FramePlacer(view, room, bank, np.random.default_rng(1)) for view in views]


@pytest.fixture(scope="module")
def surface() -> KDTree:
    """Points every 8 mm on all that is no floor: distances to the mesh, 4 mm too large at most."""
    points, labels = read_mesh(ROOM).sample(0.008, 2.1)
    return KDTree(points[~np.isin(labels, (FLOOR, FLOOR_MAT))])


def everybody(placers: list[FramePlacer], kind: str) -> tuple[People, np.ndarray]:
    """People of a kind who fit in either view, with their styles."""
    people, styles = [], []
    for placer in placers:
        found, bank = placer.wander(kind, 400), placer.bank
        bodies = set_down(bank.keypoints[found.bodies], found.heights, found.yaws, found.places)
        people.append(
            People(found.bodies, found.heights, found.yaws, found.places, np.zeros(len(found)), bodies)
        )
        styles.append(bank.styles[found.bodies])
    joined = [np.concatenate([getattr(p, n) for p in people]) for n in People.__dataclass_fields__]
    return People(*joined), np.concatenate(styles)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("sit", "lie")])
def test_bodies_keep_out_of_the_mesh(kind: str, placers: list[FramePlacer], surface: KDTree) -> None:
    people, _ = everybody(placers, kind)
    assert len(people) >= 10
    # Hands on a counter rest on it; they end at the wrist here.
    parts = TORSO[1:] + HEAD + UPPER_ARMS + [*FOREARMS[:5], *FOREARMS[7:12]] + SHANKS + THIGHS
    centres, radii = spheres(people.keypoints, parts, people.heights)
    distances, _ = surface.query(centres[:80], distance_upper_bound=0.2)
    assert (radii[:80] - distances).max() < 0.05


def test_leaners_touch_the_mesh(placers: list[FramePlacer], surface: KDTree) -> None:
    people, styles = everybody(placers, "lean")
    for style in set(styles):
        some = people[np.flatnonzero(styles == style)]
        centres, radii = spheres(some.keypoints, TORSO + UPPER_ARMS + FOREARMS, some.heights)
        assert (surface.query(centres[:40])[0] - radii[:40]).min(1).max() < 0.05, style


def test_feet_are_on_the_floor(placers: list[FramePlacer]) -> None:
    for kind in ("stand", "walk", "crouch", "lean"):
        people, _ = everybody(placers, kind)
        soles = people.keypoints[:, [R_ANKLE, L_ANKLE], 2].min(1)
        assert np.abs(soles - ANKLE_HEIGHT * people.heights / REFERENCE_HEIGHT).max() < 0.05, kind
