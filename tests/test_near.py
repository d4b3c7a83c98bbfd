"""A click touches what is under it: feet on a floor, hips on a seat."""

from __future__ import annotations

import numpy as np
import pytest

from scenepose.data.surfaces import SURFACES
from scenepose.predict.generator import Generator, Scene
from scenepose.predict.near import STRANGER, around, by_template, contacts, ghosts, grid, touch
from tests.conftest import person, room

FLOOR, SEAT, OTHER = np.eye(3)
NEAR = 0.05


def seen(surface: str) -> np.ndarray:
    """Cells that all show one surface."""
    cells = np.zeros((len(SURFACES), 6, 8), np.float32)
    cells[list(SURFACES).index(surface)] = 1
    return cells


def scene_of(generator: Generator, surface: str) -> Scene:
    scene = generator.encode(room(320, 240))
    scene.__dict__["surfaces"] = seen(surface)
    return scene


def centred() -> np.ndarray:
    """Somebody upright, as high as the picture is half, about their point."""
    pose = 0.5 * person()
    return (pose - (pose.max(0) + pose.min(0)) / 2)[None, None]


def test_feet_touch_floors_and_hips_seats() -> None:
    pose = centred()
    low = contacts(pose)["feet"][0, 0]
    hips = contacts(pose)["hips"][0, 0]
    for kinds, chances, contact in ((["stand"], FLOOR, low), (["sit"], SEAT, hips), (["lie"], SEAT, hips)):
        exact, miss = touch(pose, kinds, -contact[None], chances, NEAR)
        assert exact[0, 0] == pytest.approx(0, abs=1e-6)
        np.testing.assert_allclose(miss[0, 0], 0, atol=1e-6)
        off, miss = touch(pose, kinds, -contact[None] + [[0.05, 0.0]], chances, NEAR)
        assert off[0, 0] == pytest.approx(-5, abs=1e-3), "a miss by `near` costs five logits"
        np.testing.assert_allclose(miss[0, 0], [-0.05, 0], atol=1e-6)
        farther, _ = touch(pose, kinds, -contact[None] + [[0.05, 0.0]], chances, 2 * NEAR)
        assert farther[0, 0] == pytest.approx(-1.25, abs=1e-3)


def test_whoever_does_not_use_the_surface_costs_more() -> None:
    for kinds, chances in ((["sit"], FLOOR), (["stand"], SEAT)):
        cost, miss = touch(centred(), kinds, np.zeros((1, 2)), chances, NEAR)
        assert cost[0, 0] == pytest.approx(-STRANGER, abs=1e-3), "their middle is on the click"
        np.testing.assert_allclose(miss[0, 0], 0, atol=1e-6)
    for kinds in (["stand"], ["sit"]):
        assert touch(centred(), kinds, np.zeros((1, 2)), OTHER, NEAR)[0][0, 0] == pytest.approx(0, abs=1e-6)


def test_surfaces_are_weighed_by_their_chance() -> None:
    low = contacts(centred())["feet"][0, 0]
    sure, _ = touch(centred(), ["stand"], -low[None], FLOOR, NEAR)
    half, _ = touch(centred(), ["stand"], -low[None], (FLOOR + SEAT) / 2, NEAR)
    assert half[0, 0] == pytest.approx(sure[0, 0] + np.log(0.5), abs=1e-3)


@pytest.mark.parametrize(("surface", "kinds", "contact"), [("floor", None, "feet"), ("bed", {"sit"}, "hips")])
def test_a_click_gets_people_who_touch_it(
    surface: str, kinds: set[str] | None, contact: str, generator: Generator
) -> None:
    scene, click = scene_of(generator, surface), (170.0, 180.0)
    poses = scene.generate(click, top_k=3, near=NEAR, kinds=kinds)
    assert len(poses) == 3
    scores = [pose.score or 0 for pose in poses]
    assert scores == sorted(scores, reverse=True)
    for pose in poses:
        if surface == "floor":
            assert pose.kind in ("stand", "walk")
        missed = np.linalg.norm(contacts(pose.keypoints[None])[contact][0] - click) / scene.height
        assert missed < NEAR
        assert pose.point is not None
        assert np.linalg.norm(np.subtract(pose.point, click)) / scene.height > missed, "not its middle"
    again = scene.generate(click, top_k=3, near=NEAR, kinds=kinds)
    assert [pose.template for pose in again] == [pose.template for pose in poses]


def test_near_zero_is_the_papers_click(generator: Generator) -> None:
    scene = scene_of(generator, "floor")
    middle = [pose.point for pose in scene.generate((170, 180), top_k=3)]
    assert middle == [(170, 180)] * 3


def test_only_what_is_needed_is_computed_and_is_kept(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of(generator, "floor")
    assert scene.cells.shape == grid(320, 240).shape[:2]
    rows = around(scene, np.array([170.0, 180.0]))
    assert 0 < len(rows) < len(scene.cells.points)
    first = scene.cells.at(rows)
    assert not scene.cells.complete
    asked = []
    monkeypatch.setattr("scenepose.predict.near.answers_at", lambda *given: asked.append(given))
    for one, other in zip(first, scene.cells.at(rows), strict=True):
        np.testing.assert_array_equal(one, other)
    assert asked == []


def test_ghosts_are_what_a_click_in_each_cell_ranks_first(generator: Generator) -> None:
    scene = scene_of(generator, "wall")
    scores, templates, keypoints = ghosts(scene, 0.0, None)
    assert len(scores) == len(scene.cells.points)
    for cell in (0, 200, len(scores) - 1):
        x, y = (float(value) for value in scene.cells.points[cell])
        (pose,) = scene.generate((x, y), top_k=1)
        assert pose.template == templates[cell]
        assert pose.score == pytest.approx(scores[cell], abs=1e-3)
        np.testing.assert_allclose(pose.keypoints, keypoints[cell], atol=0.3)
    _, walking, _ = ghosts(scene, NEAR, {"walk"})
    assert {generator.template_kinds[k] for k in walking} == {"walk"}


def test_a_ranking_is_put_back_in_the_templates_order(generator: Generator) -> None:
    scene = generator.encode(room(320, 240))
    answer = generator.head.decode(scene.features([(100.0, 100.0)]))
    logits, poses, hidden = by_template(answer)
    assert answer.templates is not None
    assert answer.scores is not None
    assert logits.shape == (1, 14)
    first = int(answer.templates[0, 0])
    assert logits[0].argmax() == first
    np.testing.assert_allclose(poses[0, first], answer.poses[0, 0], atol=1e-6)
    assert hidden.shape == (1, 14, 16)
