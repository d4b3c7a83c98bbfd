"""Calibrated scores mean what they say, on logits whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scenepose.model.scenepose import ScenePose
from tests import tiny
from train import calibrate
from train.balance import Told, posture_shifts
from train.calibrate import fit_calibration


def drawn(slope: float, intercepts: list[float], count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and whether templates fit, with probability sigmoid(slope x logit + intercept)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, len(intercepts)))
    return logits, rng.random(logits.shape) < 1 / (1 + np.exp(-(slope * logits + np.array(intercepts))))


def test_slope_and_intercepts_are_found_again() -> None:
    logits, fits = drawn(0.6, [-1.0, 0.0, 0.5])
    slope, intercepts = fit_calibration(logits, fits, np.ones_like(fits), "templates")
    assert slope == pytest.approx(0.6, abs=0.05)
    np.testing.assert_allclose(intercepts, [-1.0, 0.0, 0.5], atol=0.12)
    probable = 1 / (1 + np.exp(-(slope * logits + intercepts)))
    high = (probable > 0.65) & (probable < 0.75)
    assert fits[high].mean() == pytest.approx(0.7, abs=0.05)


def test_what_is_not_known_counts_neither_way() -> None:
    logits, fits = drawn(1.0, [0.0, 0.0])
    counted = np.ones_like(fits)
    counted[::2, 1] = False
    lied = np.where(counted, fits, ~fits)
    right = fit_calibration(logits, fits, counted, "templates")
    wrong = fit_calibration(logits, lied, counted, "templates")
    assert right[0] == wrong[0]
    np.testing.assert_array_equal(right[1], wrong[1])


def test_shared_keeps_the_order_of_the_scores() -> None:
    logits, fits = drawn(0.6, [-1.0, 0.5])
    _, intercepts = fit_calibration(logits, fits, np.ones_like(fits), "shared")
    assert intercepts[0] == intercepts[1]


def test_scores_that_say_nothing_are_refused() -> None:
    logits, fits = drawn(1.0, [0.0, 0.0], 200)
    with pytest.raises(ValueError, match="higher ones do not mean"):
        fit_calibration(-logits, fits, np.ones_like(fits), "shared")
    with pytest.raises(ValueError, match="only one answer"):
        fit_calibration(logits, np.ones_like(fits), np.ones_like(fits), "shared")


def test_the_model_says_the_calibrated_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    def scores(model: ScenePose) -> torch.Tensor:
        views = tiny.views(2, size=tiny.CONFIG.view_size)
        with torch.inference_mode():
            features = model.encode(views[:1], views[:1], views[1:], torch.tensor([[0.5, 0.5, 1.0]]))
            return model.foundation.classify(features)[0]

    model = tiny.model().eval()
    before = scores(model)
    monkeypatch.setattr(calibrate, "open_source", lambda name, split: tiny.source(frames=6))
    monkeypatch.setattr(calibrate, "fit_calibration", lambda *_: (0.5, np.arange(5) / 10))
    assert calibrate.calibrate(model, ["tiny"], "none") is None
    torch.testing.assert_close(scores(model), before)
    found = calibrate.calibrate(model, ["tiny"], "templates")
    assert found is not None
    assert (found.points, found.empty) == (18, 1)
    torch.testing.assert_close(scores(model), 0.5 * before + torch.arange(5) / 10)


def test_posture_shifts_even_out_postures_and_keep_poses_good() -> None:
    said = np.array(["upright", "sit", "sit", "lie"])
    lead = np.linspace(-1.0, 2.0, 61)
    logits = np.zeros((122, 4))
    logits[:61, 0], logits[61:, 0] = lead + 2.0, lead  # standing is ahead, less so where one sits
    logits[:, 3] = -9.0
    only = np.array(["upright"] * 61 + ["sit"] * 61)
    flat = np.full_like(logits, 0.5)
    found = posture_shifts(Told(logits, flat, only), said)
    assert set(found) == {"upright", "sit", "lie"}
    assert found["upright"] == found["lie"] == 0, "nothing speaks for another"
    assert 0.5 < found["sit"] < 2.5
    shifted = logits + np.where(said == "sit", found["sit"], 0.0)
    right = [(said[one.argmax()] == name) for one, name in zip(shifted, only, strict=True)]
    plain = [(said[one.argmax()] == name) for one, name in zip(logits, only, strict=True)]
    assert np.mean(right) > np.mean(plain)
    # Poses that are no good hold a posture back, where nothing tells which one is right.
    poor = np.where(said == "sit", 0.1, flat)
    nothing = np.full(122, "")
    assert posture_shifts(Told(logits, poor, nothing), said)["sit"] < 0
    assert posture_shifts(Told(logits, flat, nothing), said)["sit"] == 0
    logits[:, 0] -= 9.0
    assert posture_shifts(Told(logits, flat, np.where(only == "sit", only, "")), said)["sit"] == 0
