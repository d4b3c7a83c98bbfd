"""The weights that ship, run once: they must be clearly better than an answer that never looks."""

from __future__ import annotations

import numpy as np
import pytest

import scenepose
from scenepose.assets import bundled_scenes, checkpoint_path
from scenepose.data.samples import POSTURES
from scenepose.data.sources import open_source
from scenepose.model.checkpoint import load_checkpoint, read_card
from train.judge import answer, constant_answers, judged_points, per_point, truth_at


@pytest.fixture(scope="module")
def measured() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Measures of the model and of the constant answer at the validation points of the bundled rooms."""
    model = load_checkpoint(checkpoint_path("scenepose"))
    source = open_source("rooms", "val")
    points = judged_points(source.samples, 480)
    truth = truth_at(source.samples, points)
    answers = answer(model, source, points, workers=0, progress=False)
    constant = constant_answers(model.template_set, len(points))
    return per_point(answers, truth), per_point(constant, truth)


@pytest.mark.parametrize("name", ["pck", "pck_top5", "pck_nearest_valid"])
def test_the_model_beats_the_constant_answer(name: str, measured: tuple) -> None:
    model, constant = measured
    assert np.nanmean(model[name]) > np.nanmean(constant[name]) + 0.04


def test_the_card_says_what_trained_it() -> None:
    card = read_card(checkpoint_path("scenepose"))
    assert {"data", "licence", "validation"} <= set(card)
    assert checkpoint_path("scenepose").stat().st_size < 40e6


def test_people_sit_on_the_sofa_and_stand_on_the_floor() -> None:
    generator = scenepose.load("scenepose")
    scenes = {scene.name: scene for scene in bundled_scenes()}
    for name, posture in (("evening", "sit"), ("bedroom", "sit"), ("cafe", "upright")):
        best = generator.encode(scenes[name].path).generate(scenes[name].point, top_k=1)[0]
        assert POSTURES.get(best.kind or "", best.kind) == posture, name
