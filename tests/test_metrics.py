"""The measures against hand-computed cases."""

from __future__ import annotations

import numpy as np
import pytest

from scenepose.pose import metrics
from scenepose.pose.skeleton import L_HIP, L_SHOULDER, R_HIP, R_SHOULDER

KNOWN = np.ones(16, bool)


def figure() -> np.ndarray:
    """A pose with torso diameter 5 and MCMA torso 4."""
    pose = np.zeros((16, 2))
    pose[R_SHOULDER], pose[L_SHOULDER] = [-1.5, -4.0], [1.5, -4.0]
    pose[R_HIP], pose[L_HIP] = [-1.5, 0.0], [1.5, 0.0]
    return pose


def test_pck_counts_joints_within_a_fifth_of_the_torso() -> None:
    truth, predicted = figure(), figure()
    predicted[0] += [1.0, 0.0]  # exactly 0.2 torso diameters: right
    predicted[1] += [0.0, 1.01]  # beyond
    assert metrics.pck(predicted, truth, KNOWN) == pytest.approx(15 / 16)
    assert metrics.pck_mcma(predicted, truth, KNOWN) == pytest.approx(14 / 16)  # its radius is 0.8
    assert metrics.pck(predicted, truth, KNOWN, threshold=0.5) == 1.0


def test_pck_leaves_unknown_joints_out() -> None:
    truth, predicted, known = figure(), figure(), KNOWN.copy()
    truth[0] = np.nan
    known[1] = False
    predicted[:3] += 99
    assert metrics.pck(predicted, truth, known) == pytest.approx(13 / 14)


def test_pck_needs_hip_and_shoulder() -> None:
    truth = figure()
    truth[L_HIP] = np.nan
    assert np.isnan(metrics.pck(figure(), truth, KNOWN))
    assert np.isfinite(metrics.mse(figure(), truth, KNOWN))


def test_mse_is_half_the_squared_distance() -> None:
    assert metrics.mse(figure() + np.array([0.3, 0.4]), figure(), KNOWN) == pytest.approx(0.125)


def test_pck_does_not_depend_on_the_unit() -> None:
    truth, predicted = figure(), figure() + np.random.default_rng(0).normal(size=(16, 2))
    assert metrics.pck(predicted, truth, KNOWN) == metrics.pck(predicted / 7, truth / 7, KNOWN)


def test_curve_rises_to_one() -> None:
    truth = np.stack([figure()] * 3)
    predicted = truth + np.random.default_rng(0).normal(size=truth.shape)
    curve = metrics.pck_curve(predicted, truth, np.ones((3, 16), bool), np.array([0.0, 0.1, 0.3, 9.0]))
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == 1.0


def test_best_of_ignores_the_undefined() -> None:
    best = metrics.best_of(np.array([[0.2, np.nan, 0.5], [np.nan, np.nan, np.nan]]))
    assert best[0] == 0.5
    assert np.isnan(best[1])


def test_nearest_valid_takes_the_pose_that_suits_best() -> None:
    far, near = figure() + 50, figure()
    values = metrics.pck_nearest_valid(
        np.stack([figure(), figure()]),
        [np.stack([far, near]), far[None]],
        [np.stack([KNOWN] * 2), KNOWN[None]],
    )
    assert values.tolist() == [1.0, 0.0]


def test_bootstrap_draws_places_not_poses() -> None:
    # Two places of 50 equal poses: the only means possible are 0, 0.5 and 1.
    values, places = np.repeat([0.0, 1.0], 50), np.repeat(["a", "b"], 50)
    interval = metrics.bootstrap(values, places)
    assert interval == (0.5, 0.0, 1.0)
    alone = metrics.bootstrap(values, np.arange(100))
    assert alone.high - alone.low < 0.25


def test_bootstrap_of_a_constant_difference_is_that_constant() -> None:
    ours, places = np.random.default_rng(0).random(40), np.arange(40) % 7
    interval = metrics.bootstrap_difference(ours + 0.25, ours, places)
    assert interval == pytest.approx((0.25, 0.25, 0.25))
    assert np.isnan(metrics.bootstrap(np.full(3, np.nan), np.arange(3)).mean)
