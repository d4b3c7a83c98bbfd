"""Which joints furniture hides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scenepose.pose.skeleton import JOINTS
from tests.room import BEDROOM, WALL, make_mesh, make_room
from train.world.place import checks
from train.world.place.bank import BodyBank
from train.world.place.frame_placer import FramePlacer, Room
from train.world.place.people import People
from train.world.place.space import mesh_space

CAMERA = np.array([[0.0, 0.0, 1.4]])


def test_what_is_hidden_follows_the_furniture_along_the_limbs(bank: BodyBank) -> None:
    """A board before the shins hides them; slats, the body itself and a step of depth do not."""

    def hidden_in(*boxes: tuple, step: float = 0.0) -> dict[str, bool]:
        frame = make_room((WALL, *boxes))
        if step:
            frame = replace(frame, depth=(np.floor(frame.depth / step) * step).astype(np.float32))
        room = Room.of(mesh_space(make_mesh((WALL,)), CAMERA))
        placer = FramePlacer(frame, room, bank, np.random.default_rng(0))
        people = placer.on_floor("stand", np.array([[0.0, 3.0]]), np.array([np.pi]))
        pixels, seen, hidden, _ = checks.visibility(people.keypoints, frame)
        inside = ((pixels >= 0) & (pixels <= frame.size)).all(-1)
        np.testing.assert_array_equal(seen == 2, inside & ~hidden)
        assert not hidden[~inside].any()
        return dict(zip(JOINTS, hidden[0].tolist(), strict=True))

    feet, knees = {"r_ankle", "l_ankle"}, {"r_knee", "l_knee"}
    low_board = ((-1.0, 2.4, 0.0), (1.0, 2.45, 0.45), 4)
    high_board = ((-1.0, 2.4, 0.0), (1.0, 2.45, 0.80), 4)
    # Slats a centimetre wide, 12 cm apart: what is between them shows the feet.
    slats = [((x, 2.4, 0.0), (x + 0.01, 2.41, 0.80), 4) for x in np.arange(-0.6, 0.6, 0.12)]
    for boxes, expected in (
        ((), set()),
        ((low_board,), feet),
        ((high_board,), feet | knees),
        (slats, set()),
    ):
        for step in (0.0, 0.04):
            hidden = hidden_in(*boxes, step=step)
            assert {joint for joint, is_hidden in hidden.items() if is_hidden} == expected
    # A post before one leg leaves the other.
    for low, high in ((-1.0, 0.0), (0.0, 1.0)):
        hidden = hidden_in(((low, 2.4, 0.0), (high, 2.45, 0.80), 4))
        assert sum(hidden[joint] for joint in feet) == 1
        assert sum(hidden[joint] for joint in knees) == 1
    # What the legs stand before hides nothing.
    behind = ((-1.0, 3.1, 0.0), (1.0, 3.3, 0.80), 4)
    assert not any(hidden_in(behind).values())


def test_bedding_does_not_hide_who_lies_in_it(bank: BodyBank) -> None:
    frame = make_room(BEDROOM)
    rows = np.flatnonzero(bank.styles == "face-up")[:20]
    count = len(rows)
    sunk = People.set_down(
        bank, rows, np.full(count, 1.7), np.full(count, np.pi / 2),
        np.tile([-0.2, 2.8, 0.38], (count, 1)), np.full(count, 0.5),
    )  # fmt: skip
    _, _, hidden, _ = checks.visibility(sunk.keypoints, frame)
    assert hidden.mean() < 0.03
    board = ((-1.3, 1.7, 0.0), (0.9, 1.8, 1.0), 4)
    _, _, hidden, _ = checks.visibility(sunk.keypoints, make_room((*BEDROOM, board)))
    assert hidden.mean() > 0.5
