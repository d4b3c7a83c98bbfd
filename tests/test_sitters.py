"""Sitters in photographs: seats, arms and beds built here, seen as depth in steps of 4 cm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from scenepose.data import frames
from scenepose.data.compact import set_down
from scenepose.data.frames import Frame
from scenepose.pose.skeleton import L_ANKLE, L_ELBOW, L_HIP, L_KNEE, L_WRIST, PELVIS, R_ANKLE, R_HIP, R_WRIST
from tests.room import BED, BEDROOM, WALL, WIDTH, depth_in, make_room
from train.world.place import checks
from train.world.place.bank import BodyBank
from train.world.place.frame_placer import Fitting, FramePlacer, Room
from train.world.place.limbs import SHANKS, THIGHS, spheres
from train.world.place.people import People
from train.world.place.postures import SEAT_FLESH
from train.world.place.sampler import ANKLE_HEIGHT
from train.world.place.seen_seats import OTHER_FURNITURE, at_border, single_things
from train.world.place.sitting import TABLE_OVER_SEAT, sitting
from train.world.place.smooth import smooth_depth, upward
from train.world.place.space import Space, depth_space

SEAT_HEIGHT, STEP = 0.45, 0.04
#: An armchair that faces the camera: half the seat's width, its front and its back, metres.
HALF, FRONT, REAR = 0.30, 2.5, 3.05
Box = tuple[tuple[float, float, float], tuple[float, float, float], int]


def armchair(label: int, arms: float, turned: bool = False) -> tuple[Box, ...]:
    """Seat, back and two arms of a height; turned, it faces the picture's right and an arm is before it."""
    parts = (
        ((-HALF, FRONT, 0.0), (HALF, REAR, SEAT_HEIGHT)),
        ((-HALF - 0.16, REAR, 0.0), (HALF + 0.16, REAR + 0.18, 0.95)),
        ((-HALF - 0.16, FRONT, 0.0), (-HALF, REAR, arms)),
        ((HALF, FRONT, 0.0), (HALF + 0.16, REAR, arms)),
    )
    if not turned:
        return tuple((low, high, label) for low, high in parts)
    middle = (FRONT + REAR) / 2
    return tuple(
        ((middle - high[1], middle + low[0], low[2]), (middle - low[1], middle + high[0], high[2]), label)
        for low, high in parts
    )


def stepped(frame: Frame) -> Frame:
    """The frame as a depth camera of 8 bits sees it."""
    return replace(frame, depth=(np.round(frame.depth / STEP) * STEP).astype(np.float32))


def seen(*boxes: Box) -> tuple[Frame, Space]:
    frame = stepped(make_room((*boxes, WALL)))
    space = depth_space(frame)
    assert space is not None
    return frame, space


def sitters(frame: Frame, space: Space, bank: BodyBank, seed: int = 0) -> tuple[Fitting, NDArray]:
    """Who may be shown sitting, and their keypoints (N, 16, 3)."""
    found = FramePlacer(frame, Room.of(space), bank, np.random.default_rng(seed)).wander("sit", 500)
    return found, set_down(bank.keypoints[found.bodies], found.heights, found.yaws, found.places)


@pytest.mark.parametrize("label", [frames.SOFA, frames.CHAIR])
@pytest.mark.parametrize("arms", [0.56, 0.66])
def test_people_sit_between_the_arms(label: int, arms: float, bank: BodyBank) -> None:
    """Also between arms hardly higher than the seat: hips on it, no thigh over an arm, backs to the back."""
    frame, space = seen(*armchair(label, arms))
    found, bodies = sitters(frame, space, bank)
    assert len(found) >= 10
    hips = bodies[:, [R_HIP, PELVIS, L_HIP]]
    assert (np.abs(hips[..., 0]) < HALF).all()
    assert (hips[..., 1] > FRONT + 0.08).all()
    assert (hips[..., 1] < REAR).all()
    centres, _ = spheres(bodies, THIGHS, found.heights)
    assert (np.abs(centres[centres[..., 1] > FRONT + 0.06][:, 0]) < HALF + 0.04).all()
    assert (np.cos(found.yaws) < -0.8).all()


def test_legs_do_not_go_through_the_arm_of_a_chair_seen_from_its_side(bank: BodyBank) -> None:
    boxes = armchair(frames.CHAIR, 0.56, turned=True)
    frame, space = seen(*boxes)
    found, bodies = sitters(frame, space, bank)
    assert len(found) >= 5
    arm = boxes[2:] if boxes[2][0][1] < boxes[3][0][1] else boxes[3:]
    centres, _ = spheres(bodies, SHANKS, found.heights)
    assert depth_in(centres, arm).max() < 0.06
    assert (np.sin(found.yaws) < -0.5).all()


@pytest.mark.parametrize(
    ("label", "turned", "inside"),
    [
        (frames.SOFA, np.pi, True),
        (frames.BED, np.pi, True),
        (frames.TABLE, np.pi, False),
        (frames.SOFA, 0.0, False),
    ],
)
def test_only_who_faces_us_from_behind_a_seat_is_in_it(
    label: int, turned: float, inside: bool, bank: BodyBank
) -> None:
    frame = make_room((((-1.0, 2.2, 0.0), (1.0, 2.3, 0.6), label), WALL))
    body = bank.draw("backed", 8, np.random.default_rng(0), np.full(8, SEAT_HEIGHT), np.full(8, 1.7))
    people = People.set_down(
        bank, body, np.full(8, 1.7), np.full(8, turned), np.tile([0.0, 2.9, 0.0], (8, 1)),
        np.full(8, SEAT_HEIGHT),
    )  # fmt: skip
    pixels, _, hidden, shallow = checks.visibility(people.keypoints, frame)
    assert hidden[:, [L_ANKLE, R_ANKLE]].all()
    through = checks.through_seats(people, pixels, shallow, frame)
    assert through.all() if inside else not through.any()


def test_shins_stay_out_of_the_side_of_a_bed(bank: BodyBank) -> None:
    frame, space = seen(*BEDROOM)
    found, bodies = sitters(frame, space, bank)
    edge = bank.styles[found.bodies] != "legs-up"
    assert edge.sum() >= 10
    centres, _ = spheres(bodies[edge], SHANKS, found.heights[edge])
    low = centres[..., 2] < BED[1][2] - 0.1
    assert depth_in(centres, (BED,))[low].max() < 0.05


def test_a_seat_is_found_level_and_at_its_height_in_stepped_depth() -> None:
    _, space = seen(*armchair(frames.SOFA, 0.66))
    height = space.seat[np.isfinite(space.seat)]
    assert len(height) > 80
    assert abs(np.median(height) - SEAT_HEIGHT) < 0.01
    assert (np.abs(height - SEAT_HEIGHT) < 0.02).mean() > 0.9
    assert not np.isfinite(space.seat[space.cells(np.array([[-HALF - 0.08, 2.7], [HALF + 0.08, 2.7]]))]).any()


def test_steps_turn_into_slopes_and_edges_stay() -> None:
    frame = make_room(armchair(frames.SOFA, 0.66))
    coarse = stepped(frame)
    smooth = smooth_depth(coarse.depth, coarse.labels)
    error = np.abs(smooth - frame.depth)[frame.labels == frames.SOFA]
    before = np.abs(coarse.depth - frame.depth)[frame.labels == frames.SOFA]
    assert error.mean() < 0.8 * before.mean()
    # A thing in front does not run into what is behind it; what is not known stays so.
    near = np.full((40, 40), 2.0, np.float32)
    near[:, 20:] = 3.0
    near[:3] = 0.0
    np.testing.assert_array_equal(smooth_depth(near, np.zeros((40, 40), np.uint8)), near)
    same = np.full((40, 40), 2.0, np.float32)
    same[:, 20:] = 2.05
    names = np.repeat([[4, 5]], 40, 0).repeat(20, 1).astype(np.uint8)
    np.testing.assert_allclose(smooth_depth(same, names), same, atol=1e-5)


def test_seats_face_up_and_their_fronts_do_not() -> None:
    frame = make_room((((-0.6, 2.4, 0.0), (0.6, 3.2, SEAT_HEIGHT), frames.SOFA), WALL))
    points = frame.lift()
    up = upward(points, frame.labels)
    sofa = frame.labels == frames.SOFA
    inner = sofa & (np.abs(points[..., 0]) < 0.5)
    top = inner & (points[..., 2] > SEAT_HEIGHT - 1e-4) & (points[..., 1] > 2.6) & (points[..., 1] < 3.1)
    front = inner & (points[..., 2] < SEAT_HEIGHT - 0.12) & (points[..., 2] > 0.1)
    assert up[top].min() > 0.99
    assert np.nanmax(up[front]) < 0.05


def test_a_chair_whose_back_is_outside_of_the_picture_is_no_stool() -> None:
    def kind(boxes: tuple[Box, ...]) -> set[int]:
        _, space = seen(*boxes)
        return set(space.seat_of[np.isfinite(space.seat)].tolist())

    stool = ((-0.25, 2.4, 0.0), (0.25, 2.9, SEAT_HEIGHT), frames.CHAIR)
    assert kind((stool,)) == {OTHER_FURNITURE}
    cut = ((-1.95, 2.4, 0.0), (-1.2, 2.9, SEAT_HEIGHT), frames.CHAIR)
    back = ((-1.95, 2.4, 0.0), (-1.55, 2.9, 0.95), frames.CHAIR)
    assert OTHER_FURNITURE not in kind((cut, back))
    assert kind(armchair(frames.CHAIR, 0.66)) == {frames.CHAIR}


def test_things_are_told_apart() -> None:
    labels = np.zeros((60, WIDTH), np.uint8)
    labels[20:40, :30], labels[20:40, 60:90] = frames.CHAIR, frames.CHAIR
    labels[20:40, 200:230], labels[50:, 120:150] = OTHER_FURNITURE, OTHER_FURNITURE
    things = single_things(labels)
    # Two chairs and a piece of furniture; another, which the border cuts, may be the leg of a table.
    assert len(np.unique(things)) == 4
    assert things[30, 10] != things[30, 70]
    assert things[55, 130] == -1
    border = at_border(labels.shape)
    assert border[0].all()
    assert border[:, -1].all()
    assert not border[10:-10, 10:-10].any()


@pytest.mark.parametrize("style", ["backed", "reclined", "crossed", "free", "elbows", "desk"])
def test_sitters_hips_are_on_the_seat_and_their_feet_on_the_floor(style: str, bank: BodyBank) -> None:
    base = bank.keypoints[np.flatnonzero(bank.styles == "backed")[:40]].astype(float)
    seat = np.full(len(base), SEAT_HEIGHT)
    body = sitting(base, seat, style, np.random.default_rng(0))
    np.testing.assert_allclose(body[:, [R_HIP, PELVIS, L_HIP], 2], SEAT_HEIGHT + SEAT_FLESH, atol=1e-6)
    # The lowest foot stands; whoever crosses the legs has the other in the air.
    feet = body[:, [L_ANKLE, R_ANKLE], 2]
    assert (np.abs(feet[:, 0] - ANKLE_HEIGHT) < 0.02).mean() > 0.9
    assert (feet > ANKLE_HEIGHT - 0.02).all()
    assert (body[:, L_KNEE, 1] > 0.25).all()
    if style == "desk":
        above = body[:, [L_WRIST, R_WRIST], 2] - TABLE_OVER_SEAT * SEAT_HEIGHT
        assert np.median(above) == pytest.approx(0.025, abs=0.01)
    if style == "elbows":
        thigh = body[:, L_KNEE] - body[:, L_HIP]
        share = ((body[:, L_ELBOW] - body[:, L_HIP]) * thigh).sum(1) / (thigh**2).sum(1)
        off = np.linalg.norm(body[:, L_ELBOW] - body[:, L_HIP] - share[:, None] * thigh, axis=1)
        assert np.median(off) < 0.16
        assert (body[:, L_ELBOW, 2] < body[:, PELVIS, 2] + 0.35).all()
