"""What answers are worth: the constant one, perfect ones, and which kind, posture and support is right."""

from __future__ import annotations

import numpy as np

from scenepose.pose.kinds import KINDS
from tests import tiny
from train.judge import measure as judge


def test_constant_answer_is_the_most_frequent_templates_at_the_mean_scale() -> None:
    sets = tiny.template_set()
    answers = judge.constant_answers(sets, 3, top=2)
    order = np.argsort(-sets.counts, kind="stable")[:2]
    assert answers.poses.shape == (3, 2, 16, 2)
    np.testing.assert_allclose(answers.poses[2, 1], sets.templates[order[1]] * sets.mean_scale, rtol=1e-6)
    assert [KINDS[kind] for kind in answers.kinds[0]] == [sets.kinds[k] for k in order]


def test_perfect_answers_score_perfectly() -> None:
    samples = tiny.samples()
    points = judge.judged_points(samples, prior=False)
    assert len(points) == len(samples) - 1
    truth = judge.truth_at(samples, points)
    numbers = np.zeros((len(points), 1), int)
    found = judge.per_point(judge.Answers(truth.poses[:, None], numbers, truth.kinds[:, None]), truth)
    assert np.nanmean(found["pck"]) == np.nanmean(found["pck_nearest_valid"]) == 1
    assert np.nanmax(found["mse"]) == 0
    assert set(found["kind"][~np.isnan(found["kind"])]) == {1.0}


def test_kinds_that_differ_by_a_step_are_one_posture_and_feet_bear_all_who_do_not_sit_or_lie() -> None:
    samples = tiny.samples()
    points = judge.judged_points(samples)[:4]
    stand, walk, lean, sit = (KINDS.index(name) for name in ("stand", "walk", "lean", "sit"))
    there = [[stand], [stand, walk], [stand, lean], [stand, sit]]
    truth = judge.truth_at(samples, points)
    few = [np.resize(poses, (len(kinds), 16, 2)) for poses, kinds in zip(truth.valid, there, strict=True)]
    truth = truth._replace(
        kinds=np.full(4, stand),
        valid=few,
        valid_known=[np.ones(poses.shape[:2], bool) for poses in few],
        valid_kinds=[np.array(kinds) for kinds in there],
    )
    walking = judge.Answers(truth.poses[:, None], np.zeros((4, 1), int), np.full((4, 1), walk))
    found = judge.per_point(walking, truth)
    np.testing.assert_array_equal(found["kind"], [0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(found["posture"], [1, 1, np.nan, np.nan])
    np.testing.assert_array_equal(found["support"], [1, 1, 1, np.nan])
    sitting = walking._replace(kinds=np.full((4, 1), sit))
    np.testing.assert_array_equal(judge.per_point(sitting, truth)["support"], [0, 0, 0, np.nan])
