"""Bodies of the bank, and the way they face."""

from __future__ import annotations

import numpy as np

from scenepose.data.compact import set_down
from scenepose.pose.skeleton import LIMBS, mirror
from tests.room import BOXES, make_mesh, make_room
from train.world.place.bank import BodyBank
from train.world.place.frame_placer import FramePlacer, Room
from train.world.place.headings import draw_headings, heading_to_yaw, yaw_to_heading
from train.world.place.sampler import bone_directions, mirror_body
from train.world.place.space import mesh_space


def test_headings_and_yaws_are_inverse() -> None:
    generator = np.random.default_rng(0)
    camera = np.array([0.3, -0.2, 1.5])
    ground, heading = generator.uniform(-3, 3, (50, 2)), generator.uniform(-3.1, 3.1, 50)
    np.testing.assert_allclose(
        yaw_to_heading(heading_to_yaw(heading, ground, camera), ground, camera), heading
    )


def test_two_thirds_face_the_camera() -> None:
    headings = (draw_headings(20000, np.random.default_rng(0)) + np.pi) % (2 * np.pi) - np.pi
    assert abs((np.abs(headings) < np.pi / 3 + 0.06).mean() - 0.66) < 0.02
    assert abs((np.abs(headings) > np.pi - 1.2).mean() - 0.21) < 0.02


def test_who_faces_the_camera_has_the_left_shoulder_on_the_right(bank: BodyBank) -> None:
    room = Room.of(mesh_space(make_mesh(BOXES), np.array([[0.0, 0.0, 1.4]])))
    placer = FramePlacer(make_room(), room, bank, np.random.default_rng(3))
    ground = np.repeat([[0.2, 2.6]], 20, 0)
    for heading, sign in ((0.0, 1.0), (np.pi, -1.0)):
        yaw = heading_to_yaw(np.full(20, heading), ground, placer.camera)
        pixels, _ = placer.frame.project(placer.on_floor("stand", ground, yaw).keypoints)
        assert (sign * (pixels[:, 13, 0] - pixels[:, 12, 0]) > 0).all()


def test_bodies_keep_their_bones_and_have_mirror_images(bank: BodyBank) -> None:
    bodies = bank.keypoints.astype(float)
    for parent, child in LIMBS:
        lengths = np.linalg.norm(bodies[:, parent] - bodies[:, child], axis=1)
        np.testing.assert_allclose(lengths, np.median(lengths), atol=0.003)
    assert np.isfinite(bone_directions(bodies)).all()
    np.testing.assert_allclose(mirror_body(mirror_body(bodies)), bodies)
    # A mirrored person in a mirrored room gives the mirrored picture.
    generator = np.random.default_rng(0)
    count, frame = 200, make_room()
    some = bodies[generator.integers(0, len(bodies), count)]
    heights, yaws = generator.uniform(1.5, 1.95, count), generator.uniform(-3, 3, count)
    places = np.concatenate([generator.uniform((-1, 3), (1, 5), (count, 2)), np.zeros((count, 1))], 1)
    pixels, _ = frame.project(set_down(some, heights, yaws, places))
    mirrored, _ = frame.project(set_down(mirror_body(some), heights, -yaws, places * [-1, 1, 1]))
    np.testing.assert_allclose(mirrored, mirror(pixels, frame.size[0]), atol=1e-6)
