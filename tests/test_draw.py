"""What is drawn, where, and in whose colour."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from scenepose.picture import draw, images
from scenepose.predict.generator import Pose
from tests.conftest import person, room


def pose(template: int = 2, at: tuple[float, float] = (320, 240), height: float = 300) -> Pose:
    keypoints = (person() - (0, 0.5)) * height + np.array(at)
    return Pose(keypoints.astype(np.float32), 0.8, template, "stand 1", "stand", (0.2, 0.6))


def changed(before: images.Picture, after) -> np.ndarray:
    return (np.asarray(before.image, int) != np.asarray(after, int)).any(-1)


def test_templates_have_colours_of_their_own() -> None:
    colours = [draw.template_colour(k) for k in range(30)]
    assert len(set(colours)) == 30
    first = np.array(colours[:14])
    apart = np.linalg.norm(first[:, None] - first[None], axis=-1) + 1e3 * np.eye(14)
    assert apart.min() > 45
    assert draw.template_colour(3) == draw.template_colour(3)


def test_a_pose_is_drawn_where_it_is() -> None:
    picture = images.read(room())
    marks = changed(picture, draw.overlay(picture, [pose()]))
    rows, columns = np.nonzero(marks)
    assert 80 < rows.min() <= 92
    assert 388 <= rows.max() < 402
    assert 255 < columns.min() < columns.max() < 385


def test_the_best_pose_has_its_templates_colour() -> None:
    picture = images.read(room())
    drawn = draw.overlay(picture, [pose(template=2)])
    # Between pelvis and thorax, where nothing lies over the spine.
    assert drawn.getpixel((320, 210)) == draw.template_colour(2)


def test_left_is_lighter_than_right() -> None:
    picture = images.read(room())
    drawn = np.asarray(draw.overlay(picture, [pose()]), int)
    keypoints = pose().keypoints

    def brightness(a: int, b: int) -> int:
        x, y = (keypoints[a] * 0.5 + keypoints[b] * 0.5).round().astype(int)
        return int(drawn[y, x].sum())

    assert brightness(3, 4) > brightness(2, 1) + 60


def test_lower_ranks_are_thinner_and_fainter() -> None:
    styles = [draw.style(rank) for rank in range(14)]
    assert styles[0] == draw.Style(1.0, 1.0)
    for one, next_one in pairwise(styles):
        assert next_one.width <= one.width
        assert next_one.opacity <= one.opacity
    assert styles[-1].opacity >= 0.4


def test_any_size_can_be_asked_for() -> None:
    picture = images.read(room())
    drawn = draw.overlay(picture, [pose()], (320, 240), size=(1280, 960))
    assert drawn.size == (1280, 960)
    assert drawn.getpixel((640, 420)) == draw.template_colour(2)


def test_the_scene_itself_stays_clean() -> None:
    picture = images.read(room())
    before = np.asarray(picture.image).copy()
    draw.overlay(picture, [pose(), pose(3)], (320, 240))
    np.testing.assert_array_equal(np.asarray(picture.image), before)


@pytest.mark.parametrize("at", [(-2000, 240), (0, 0), (640, 480), (320, 5000)])
def test_poses_outside_the_picture_do_no_harm(at: tuple[float, float]) -> None:
    picture = images.read(room())
    assert draw.overlay(picture, [pose(at=at), pose()], (0, 0)).size == (640, 480)


def test_unknown_joints_are_left_out() -> None:
    picture = images.read(room())
    keypoints = pose().keypoints.copy()
    keypoints[[0, 9, 15]] = np.nan
    draw.overlay(picture, [Pose(keypoints, None, None), Pose(np.full((16, 2), np.nan, np.float32))])


def test_numbers_do_not_cover_each_other() -> None:
    taken: list[np.ndarray] = []
    low, high = np.array([10.0, 10.0]), np.array([630.0, 470.0])
    for _ in range(14):
        place = draw._free_place(np.array([320.0, 100.0]), taken, 30, low, high)
        assert all(np.hypot(*(place - other)) >= 30 - 1e-9 for other in taken)
        taken.append(place)
