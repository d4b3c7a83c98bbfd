"""The weights that ship, run once: they must be clearly better than an answer that never looks."""

from __future__ import annotations

import numpy as np
import pytest

import scenepose
from scenepose.assets import bundled_scenes, checkpoint_path
from scenepose.data.sources import open_source
from scenepose.methods.checkpoint import read_head_file
from scenepose.pose.kinds import POSTURES
from train.judge.measure import answer, constant_answers, judged_points, per_point, truth_at


@pytest.fixture(scope="module")
def measured() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Measures of the method and of the constant answer at validation points of the bundled rooms."""
    generator = scenepose.load("scenepose")
    source = open_source("rooms", "val")
    points = judged_points(source.samples, 480)
    truth = truth_at(source.samples, points)
    heads = {"scenepose": generator.head}
    answers = answer(generator.encoder, heads, source, points, workers=0, progress=False)["scenepose"]
    constant = constant_answers(generator.head.template_set, len(points))
    return per_point(answers, truth), per_point(constant, truth)


@pytest.mark.parametrize("name", ["pck", "pck_top5", "pck_nearest_valid"])
def test_the_model_beats_the_constant_answer(name: str, measured: tuple) -> None:
    model, constant = measured
    assert np.nanmean(model[name]) > np.nanmean(constant[name]) + 0.04


def test_the_card_says_what_trained_it() -> None:
    assert {"data", "licence", "validation"} <= set(read_head_file(checkpoint_path("scenepose")).card)
    assert sum(checkpoint_path(name).stat().st_size for name in ("encoder", "scenepose")) < 40e6


def test_people_sit_on_the_sofa_and_stand_on_the_floor() -> None:
    generator = scenepose.load("scenepose")
    scenes = {scene.name: scene for scene in bundled_scenes()}
    for name, posture in (("evening", "sit"), ("bedroom", "sit"), ("cafe", "upright")):
        best = generator.encode(scenes[name].path).generate(scenes[name].point, top_k=1)[0]
        assert POSTURES.get(best.kind or "", best.kind) == posture, name
