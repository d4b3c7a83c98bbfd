"""The placer on a made-up room whose geometry is known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from scenepose.assets import assets
from scenepose.data.samples import KINDS
from scenepose.placer import checks
from scenepose.placer.bodies import heading_to_yaw, seat_places, upright, yaw_to_heading
from scenepose.placer.place import AT_POINT, FramePlacer, fit_people, place
from scenepose.placer.space import Space, read_space
from scenepose.poses import ANKLE_HEIGHT, REFERENCE_HEIGHT, PoseSampler
from scenepose.skeleton import L_ANKLE, L_HIP, PELVIS, R_ANKLE, R_HIP
from tests.room import HEIGHT, SOFA_SEAT, TABLE, WALL, make_room

SIT = KINDS.index("sit")


@pytest.fixture(scope="module")
def sampler() -> PoseSampler:
    return PoseSampler.load(assets() / "poses" / "sampler.npz")


@pytest.fixture(scope="module")
def space() -> Space:
    found = read_space(make_room())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def placer(space: Space, sampler: PoseSampler) -> FramePlacer:
    return FramePlacer(space, sampler, np.random.default_rng(3))


def test_projection_and_lifting_are_inverse() -> None:
    frame = make_room()
    points = frame.lift()
    pixels, depth = frame.project(points[frame.depth > 0])
    y, x = np.nonzero(frame.depth > 0)
    np.testing.assert_allclose(pixels, np.stack([x + 0.5, y + 0.5], 1), atol=1e-6)
    np.testing.assert_allclose(depth, frame.depth[frame.depth > 0], rtol=1e-5)


def test_the_floor_is_level_and_at_zero() -> None:
    frame = make_room()
    heights = frame.lift()[..., 2][frame.labels == 1]
    assert np.nanmax(np.abs(heights)) < 1e-4


def test_seats_are_found_on_the_sofa_and_nowhere_else(space: Space) -> None:
    rows, columns = np.nonzero(np.isfinite(space.seat))
    ground = space.centres(rows, columns)
    low, high, _ = SOFA_SEAT
    assert len(ground) > 100
    assert (ground[:, 0] > low[0] - 0.05).all()
    assert (ground[:, 0] < high[0] + 0.05).all()
    assert (ground[:, 1] > low[1] - 0.05).all()
    assert (ground[:, 1] < high[1] + 0.05).all()
    np.testing.assert_allclose(space.seat[rows, columns], 0.45, atol=0.03)


def test_sitters_turn_their_back_to_the_backrest(space: Space) -> None:
    _, yaws, _, backed = seat_places(space)
    assert backed.any()
    # The sofa's back is on its far side, so everybody faces the camera, along -y.
    assert (-np.cos(yaws) > np.cos(np.radians(50))).all()


def test_a_sitter_rests_on_the_seat_with_feet_on_the_floor(placer: FramePlacer, space: Space) -> None:
    people = placer.sit_at(np.random.default_rng(0).integers(0, len(placer.seat_headings), 400))
    rows, _ = fit_people("sit", people, space)
    assert len(rows) > 40
    fitting = people[rows]
    unit = fitting.heights / REFERENCE_HEIGHT
    gap = fitting.keypoints[:, [R_HIP, L_HIP], 2].mean(1) - 0.45
    assert (gap > 0.05).all()
    assert (gap < 0.15).all()
    soles = fitting.keypoints[:, [R_ANKLE, L_ANKLE], 2] - (ANKLE_HEIGHT * unit)[:, None]
    assert np.abs(soles).max() < 0.12
    assert np.quantile(np.abs(soles), 0.9) < 0.05
    # Feet stand before or beside the sofa, not inside it; its far side is not seen, so a few may.
    feet = fitting.keypoints[:, [R_ANKLE, L_ANKLE], :2]
    low, high = np.array(SOFA_SEAT[0][:2]) + 0.05, np.array(SOFA_SEAT[1][:2]) - 0.05
    assert ((feet > low) & (feet < high)).all(-1).mean() < 0.01


def test_nobody_stands_in_furniture_or_behind_the_wall(placer: FramePlacer, space: Space) -> None:
    generator = np.random.default_rng(1)
    grounds = generator.uniform((-2.5, 1.0), (2.5, 6.0), (3000, 2))
    yaws = generator.uniform(-np.pi, np.pi, 3000)
    people = upright("stand", placer.sampler, grounds, yaws, generator)
    rows, fitting = fit_people("stand", people, space)
    assert len(rows) > 100
    feet = people[rows].keypoints[:, [R_ANKLE, L_ANKLE]]
    for low, high, _ in (SOFA_SEAT, TABLE, WALL):
        inside = (feet[..., :2] > np.array(low[:2]) + 0.04) & (feet[..., :2] < np.array(high[:2]) - 0.04)
        assert not inside.all(-1).any()
    assert (people[rows].keypoints[..., 1] < WALL[0][1] + 0.03).all()
    lowest = feet[..., 2].min(1) - ANKLE_HEIGHT * people.heights[rows] / REFERENCE_HEIGHT
    np.testing.assert_allclose(lowest, 0, atol=1e-9)
    assert (fitting.visibility >= 1).all()


def test_limbs_are_solid(space: Space, sampler: PoseSampler) -> None:
    generator = np.random.default_rng(2)
    free, blocked = np.array([[-0.3, 2.3]]), np.array([[-1.15, 3.0]])
    for ground, expected in ((free, False), (blocked, True)):
        people = upright("stand", sampler, ground, np.array([np.pi]), generator)
        assert checks.collides(people, space, sitting=False)[0] == expected


def test_hidden_joints_are_flagged(sampler: PoseSampler) -> None:
    screen = ((-1.0, 1.8, 0.0), (1.0, 1.9, 0.9), 2)
    frame = make_room((WALL, screen))
    people = upright("stand", sampler, np.array([[0.0, 3.0]]), np.array([np.pi]), np.random.default_rng(0))
    _, seen, _ = checks.visibility(people.keypoints, frame)
    assert (seen[0, [R_ANKLE, L_ANKLE]] == 1).all()
    assert seen[0, 9] == 2
    assert seen[0, PELVIS] in (1, 2)


def test_headings_and_yaws_are_inverse() -> None:
    generator = np.random.default_rng(0)
    camera = np.array([0.3, -0.2, 1.5])
    ground, heading = generator.uniform(-3, 3, (50, 2)), generator.uniform(-3.1, 3.1, 50)
    np.testing.assert_allclose(
        yaw_to_heading(heading_to_yaw(heading, ground, camera), ground, camera), heading
    )


def test_who_faces_the_camera_has_the_left_shoulder_on_the_right(sampler: PoseSampler) -> None:
    frame = make_room()
    ground = np.array([[0.2, 3.0]])
    yaw = heading_to_yaw(np.zeros(1), ground, frame.camera_position)
    pixels, _ = frame.project(upright("stand", sampler, ground, yaw, np.random.default_rng(0)).keypoints)
    assert pixels[0, 13, 0] > pixels[0, 12, 0]
    yaw = heading_to_yaw(np.full(1, np.pi / 2), ground, frame.camera_position)
    people = upright("stand", sampler, ground, yaw, np.random.default_rng(0))
    facing = np.array([-np.sin(people.yaws[0]), np.cos(people.yaws[0])])
    assert facing[0] > 0.9  # the picture's right is +x here


def test_points_are_box_middles_and_other_poses_are_near(sampler: PoseSampler) -> None:
    placed = place(make_room(), sampler, 5, points=12)
    somebody = [point for point in placed if len(point.poses.kinds)]
    assert len(somebody) >= 8
    kinds = {int(point.poses.kinds[0]) for point in somebody}
    assert SIT in kinds
    assert kinds & {KINDS.index("stand"), KINDS.index("walk")}
    for point in somebody:
        np.testing.assert_allclose(point.poses.middles[0], point.point, atol=1e-9)
        away = np.linalg.norm(point.poses.middles - point.point, axis=1)
        assert (away <= AT_POINT * HEIGHT + 1e-9).all()
        assert (point.tried[[0, 1, SIT]] > 0).all()


def test_placing_is_deterministic(sampler: PoseSampler) -> None:
    first, second = (place(make_room(), sampler, 9, points=6) for _ in range(2))
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.poses.keypoints, other.poses.keypoints)
    other = place(make_room(), sampler, 10, points=6)
    assert not np.array_equal(first[0].point, other[0].point)


def test_a_room_without_floor_or_seats_has_no_places(sampler: PoseSampler) -> None:
    assert place(make_room((((-9.0, 1.0, -1.0), (9.0, 1.2, 4.0), 0),)), sampler, 0) == []
