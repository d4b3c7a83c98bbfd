"""Calibrated scores mean what they say, on logits whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scenepose.data.prior import point_weights
from tests import tiny
from train.ship import calibrate
from train.ship.balance import Predicted, posture_shifts
from train.ship.calibrate import fit_calibration


def drawn(slope: float, intercepts: list[float], count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and whether templates fit, with probability sigmoid(slope x logit + intercept)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, len(intercepts)))
    return logits, rng.random(logits.shape) < 1 / (1 + np.exp(-(slope * logits + np.array(intercepts))))


def test_slope_and_intercept_are_found_again() -> None:
    logits, fits = drawn(0.6, [-0.5, -0.5, -0.5])
    slope, intercept = fit_calibration(logits, fits, np.ones_like(fits), np.ones(len(fits)))
    assert slope == pytest.approx(0.6, abs=0.05)
    assert intercept == pytest.approx(-0.5, abs=0.1)
    probable = 1 / (1 + np.exp(-(slope * logits + intercept)))
    high = (probable > 0.65) & (probable < 0.75)
    assert fits[high].mean() == pytest.approx(0.7, abs=0.05)


def test_points_count_by_their_weight() -> None:
    logits, fits = drawn(1.0, [0.0, 0.0])
    other, others = drawn(0.3, [2.0, 2.0])
    both = np.concatenate([logits, other]), np.concatenate([fits, others])
    weights = np.repeat([1.0, 0.0], len(fits))
    mixed = fit_calibration(*both, np.ones_like(both[1]), weights)
    alone = fit_calibration(logits, fits, np.ones_like(fits), np.ones(len(fits)))
    assert mixed == pytest.approx(alone, abs=1e-3)


def test_what_is_not_known_counts_neither_way() -> None:
    logits, fits = drawn(1.0, [0.0, 0.0])
    counted = np.ones_like(fits)
    counted[::2, 1] = False
    lied = np.where(counted, fits, ~fits)
    weights = np.ones(len(fits))
    assert fit_calibration(logits, fits, counted, weights) == fit_calibration(logits, lied, counted, weights)


def test_scores_that_say_nothing_are_refused() -> None:
    logits, fits = drawn(1.0, [0.0, 0.0], 200)
    counted, weights = np.ones_like(fits), np.ones(len(fits))
    with pytest.raises(ValueError, match="higher ones do not mean"):
        fit_calibration(-logits, fits, counted, weights)
    with pytest.raises(ValueError, match="only one answer"):
        fit_calibration(logits, counted, counted, weights)


def test_the_head_gives_the_calibrated_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, head, source = tiny.encoder(), tiny.head(), tiny.source(frames=6)
    fused = torch.randn(2, 32, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = head.score(fused)
    monkeypatch.setattr(calibrate, "open_source", lambda name, split: source)
    fitted = []
    monkeypatch.setattr(calibrate, "fit_calibration", lambda *given: fitted.append(given) or (0.5, 0.3))
    found = calibrate.calibrate(encoder, head, ["tiny"])
    assert found == (0.5, 0.3, 18, 1)
    np.testing.assert_array_equal(fitted[0][3], point_weights(source.samples))
    torch.testing.assert_close(head.score(fused), 0.5 * before + 0.3)


def test_posture_shifts_even_out_postures_and_keep_poses_good() -> None:
    said = np.array(["upright", "sit", "sit", "lie"])
    lead = np.linspace(-1.0, 2.0, 61)
    logits = np.zeros((122, 4))
    logits[:61, 0], logits[61:, 0] = lead + 2.0, lead  # standing is ahead, less so where one sits
    logits[:, 3] = -9.0
    only = np.array(["upright"] * 61 + ["sit"] * 61)
    flat, even = np.full_like(logits, 0.5), np.ones(122)
    found = posture_shifts(Predicted(logits, flat, only, even), said)
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
    assert posture_shifts(Predicted(logits, poor, nothing, even), said)["sit"] < 0
    assert posture_shifts(Predicted(logits, flat, nothing, even), said)["sit"] == 0
    logits[:, 0] -= 9.0
    assert posture_shifts(Predicted(logits, flat, np.where(only == "sit", only, ""), even), said)["sit"] == 0


def test_rare_people_move_the_shifts_less() -> None:
    said = np.array(["upright", "sit"])
    logits = np.tile([0.5, 0.0], (100, 1))
    pck = np.repeat([[0.8, 0.2], [0.2, 0.8]], 50, axis=0)  # half would better sit
    nothing = np.full(100, "")
    for sitting, shifted in ((3.0, True), (0.3, False)):
        weights = np.repeat([1.0, sitting], 50)
        found = posture_shifts(Predicted(logits, pck, nothing, weights), said)
        assert (found["sit"] > 0) == shifted
