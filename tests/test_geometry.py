"""Boxes, normalised poses and views: exact inverses and invariants."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scenepose.pose import geometry

#: Sides below `MIN_SIDE` are widened on purpose, so poses drawn here are larger.
coordinates = st.floats(-3, 3, width=64)
poses = arrays(np.float64, (16, 2), elements=coordinates).filter(
    lambda pose: bool((np.ptp(pose, axis=0) >= 2 * geometry.MIN_SIDE).all())
)
numbers = st.floats(1, 2000)


@given(poses)
def test_compose_undoes_decompose(pose: np.ndarray) -> None:
    centre, scale, normalised = geometry.decompose(pose)
    np.testing.assert_allclose(geometry.compose(normalised, scale, centre), pose, atol=1e-12)


@given(poses)
def test_a_normalised_pose_has_a_centred_unit_box(pose: np.ndarray) -> None:
    centre, sides = geometry.box(geometry.normalise(pose))
    np.testing.assert_allclose(centre, 0, atol=1e-12)
    np.testing.assert_allclose(sides, 1, atol=1e-12)


@given(poses)
def test_normalising_twice_is_normalising_once(pose: np.ndarray) -> None:
    once = geometry.normalise(pose)
    np.testing.assert_allclose(geometry.normalise(once), once, atol=1e-12)


@given(poses, st.tuples(st.floats(0.6, 5), st.floats(0.6, 5)), st.tuples(coordinates, coordinates))
def test_place_and_size_leave_the_normalised_pose_alone(pose: np.ndarray, size: tuple, place: tuple) -> None:
    moved = pose * np.array(size) + np.array(place)
    np.testing.assert_allclose(geometry.normalise(moved), geometry.normalise(pose), atol=1e-7)


@given(poses)
def test_arrays_and_tensors_agree(pose: np.ndarray) -> None:
    for ours, theirs in zip(
        geometry.decompose(pose), geometry.decompose(torch.from_numpy(pose)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs.numpy())


@given(poses, st.integers(0, 15))
def test_unknown_joints_do_not_count(pose: np.ndarray, joint: int) -> None:
    known = np.ones(16, bool)
    known[joint] = False
    without = pose.copy()
    without[joint] = np.nan
    for ours, theirs in zip(geometry.box(pose, known), geometry.box(without), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_degenerate_pose_stays_finite() -> None:
    centre, scale, normalised = geometry.decompose(np.full((16, 2), 0.25))
    assert (scale == geometry.MIN_SIDE).all()
    np.testing.assert_array_equal(normalised, 0)
    np.testing.assert_array_equal(centre, 0.25)


def test_a_batch_is_its_poses_one_by_one() -> None:
    batch = np.random.default_rng(0).normal(size=(5, 16, 2))
    together = geometry.normalise(batch)
    for pose, normalised in zip(batch, together, strict=True):
        np.testing.assert_array_equal(geometry.normalise(pose), normalised)


def test_inside() -> None:
    assert geometry.inside((0, 0), 10, 5)
    assert geometry.inside((10, 5), 10, 5)
    assert not geometry.inside((10.1, 5), 10, 5)
    assert not geometry.inside((3, -0.1), 10, 5)
    assert not geometry.inside((float("nan"), 1), 10, 5)
