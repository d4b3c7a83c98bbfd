"""Floor below the picture's lower edge: before cupboards there is some, before a table nobody knows."""

from __future__ import annotations

import numpy as np
import pytest

from scenepose.data import frames
from tests.room import make_room
from train.world.place.beyond import with_floor_below
from train.world.place.space import Space, depth_space

#: The camera sees floor from 1.9 m on.
CUPBOARD = ((-3.0, 1.8, 0.0), (3.0, 4.0, 0.9), frames.CABINET)
WALL = ((-4.0, 4.0, 0.0), (4.0, 4.3, 3.0), frames.WALL)
LEFT_TABLE = ((-3.0, 0.3, 0.0), (0.0, 2.4, 0.75), frames.TABLE)
FAR_TABLE = ((-0.6, 2.6, 0.0), (0.6, 3.4, 0.75), frames.TABLE)


def spaces(*boxes: tuple) -> tuple[Space, Space]:
    """The space that is seen among boxes, and the one with the floor below the edge."""
    frame = make_room((*boxes, WALL))
    space = depth_space(frame)
    assert space is not None
    return space, with_floor_below(frame, space)


def at(space: Space, x: float, y: float) -> float:
    """How much floor is known at a place."""
    return float(space.floor[space.cells(np.array([x, y]))])


def test_floor_goes_on_before_a_cupboard_that_the_edge_cuts() -> None:
    seen, known = spaces(CUPBOARD)
    assert (seen.floor > 0.5).sum() == 0
    for x in (-0.5, 0.0, 0.5):
        assert at(known, x, 1.4) == 1.0
        assert at(known, x, 1.7) == 0.0  # too close to the cupboard for feet
        assert at(known, x, 2.0) == 0.0  # inside of it
        assert at(known, x, 0.4) == 0.0  # so near a place is outside of what is known
    assert at(known, 2.0, 1.4) == 0.0  # beside the picture


def test_nobody_knows_what_is_before_a_table_that_the_edge_cuts() -> None:
    _, known = spaces(LEFT_TABLE, CUPBOARD)
    assert at(known, -0.5, 1.4) == 0.0
    assert at(known, -0.1, 1.4) == 0.0  # nor beside its edge, where half of a body would be before it
    assert at(known, 0.5, 1.4) == 1.0


def test_a_picture_with_floor_speaks_for_itself() -> None:
    seen, known = spaces(FAR_TABLE)
    assert known is seen


def test_only_with_a_known_up_are_photographs_given_more_floor(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.placed import write_nyu
    from train.world.place import command as place

    write_nyu(tmp_path)
    calls = []
    monkeypatch.setattr(place, "with_floor_below", lambda frame, space: calls.append(frame.name) or space)
    ((_, frames_of),) = place._photographs(tmp_path, "train")
    list(frames_of())
    assert calls == []
    (tmp_path / "gravity.csv").write_text("id,up_x,up_y,up_z\n0001,0.0,-0.3303,-0.9439\n")
    ((_, frames_of),) = place._photographs(tmp_path, "train")
    read = list(frames_of())
    assert calls == [frame.name for frame, _ in read]
