"""Who is shown at a point, and how points are weighed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scenepose.data.compact import PlacedSamples
from scenepose.data.prior import KIND_PRIOR, USES_SUPPORT, kind_chances, point_weights
from scenepose.data.samples import Samples
from scenepose.pose.kinds import KINDS
from train.world.place.bank import BodyBank
from train.world.place.command import collect
from train.world.reprior import RepriorConfig, main, shown_rows

SIT, STAND, LIE, WALK = (KINDS.index(kind) for kind in ("sit", "stand", "lie", "walk"))


def fits(*kinds: int) -> np.ndarray:
    return np.isin(np.arange(len(KINDS)), kinds)[None]


def test_the_prior_is_a_distribution() -> None:
    assert set(KIND_PRIOR) == set(KINDS)
    assert sum(KIND_PRIOR.values()) == pytest.approx(1)


@pytest.mark.parametrize("others", [(STAND,), (STAND, WALK, LIE), tuple(range(len(KINDS)))])
def test_a_free_seat_is_mostly_used(others: tuple[int, ...]) -> None:
    chances = kind_chances(fits(SIT, *others))[0]
    assert chances[[SIT, LIE]].sum() == pytest.approx(USES_SUPPORT)
    assert chances.sum() == pytest.approx(1)


def test_without_a_seat_the_prior_decides_among_those_who_fit() -> None:
    chances = kind_chances(fits(STAND, WALK))[0]
    assert chances[STAND] / chances[WALK] == pytest.approx(KIND_PRIOR["stand"] / KIND_PRIOR["walk"])
    assert kind_chances(fits(SIT))[0, SIT] == pytest.approx(1)
    assert kind_chances(fits()).sum() == 0


def test_weighed_points_follow_the_prior(samples: Samples) -> None:
    weights, rows = point_weights(samples), samples.primary_rows
    shown = rows >= 0
    total = np.bincount(samples.kinds[rows[shown]], weights[shown], len(KINDS)) / shown.sum()
    there = total > 0
    wanted = np.array([KIND_PRIOR[kind] for kind in KINDS])[there]
    np.testing.assert_allclose(total[there], wanted / wanted.sum())
    np.testing.assert_array_equal(weights[~shown], 1)


def test_samples_without_people_can_be_weighed(samples: Samples) -> None:
    empty = samples.select(samples.primary_rows < 0)
    np.testing.assert_array_equal(point_weights(empty), np.ones(len(empty)))


def test_choosing_anew_keeps_the_poses_and_does_nothing_twice(
    placed: list, bank: BodyBank, samples: Samples, tmp_path: Path
) -> None:
    path = tmp_path / "some.npz"
    collect(placed).save(path, bank.keypoints, bank.kinds, bank.facing)
    # Where somebody can sit or lie, they are shown at nearly all points now: begin with somebody else.
    begun, bodies, kinds, facing = PlacedSamples.load(path)
    last = np.cumsum(begun.pose_counts)[begun.pose_counts > 0] - 1
    begun.showing(last).save(path, bodies, kinds, facing)
    main(RepriorConfig((path,)))
    once = path.read_bytes()
    main(RepriorConfig((path,)))
    assert path.read_bytes() == once
    after = Samples.load(path)
    np.testing.assert_array_equal(after.tried, samples.tried)
    for point in range(len(samples)):
        one = np.sort(samples.keypoints[samples.pose_rows(point)].reshape(-1, 32), axis=0)
        other = np.sort(after.keypoints[after.pose_rows(point)].reshape(-1, 32), axis=0)
        np.testing.assert_array_equal(one, other)
    rows = after.primary_rows[after.primary_rows >= 0]
    middles = (after.keypoints[rows].min(1) + after.keypoints[rows].max(1)) / 2
    np.testing.assert_allclose(after.points[after.primary_rows >= 0], middles, atol=0.01)


def test_who_is_shown_follows_the_chances(samples: Samples) -> None:
    """Over many draws the kinds at each point come as often as `kind_chances` says."""
    drawn = np.zeros((len(samples), len(KINDS)))
    for seed in range(300):
        rows = shown_rows(replace(samples, primary=np.zeros_like(samples.primary)), seed)
        drawn[samples.pose_points[rows], samples.kinds[rows]] += 1 / 300
    present = np.zeros((len(samples), len(KINDS)), bool)
    present[samples.pose_points, samples.kinds] = True
    np.testing.assert_allclose(drawn, kind_chances(present), atol=0.13)
