"""The losses against hand-computed cases."""

from __future__ import annotations

import math

import pytest
import torch

from scenepose.model.losses import (
    classification_loss,
    distillation_loss,
    masked_mean,
    offset_loss,
    scale_loss,
)


def test_masked_mean_counts_valid_entries_only() -> None:
    values = torch.tensor([1.0, 100.0, 3.0])
    assert masked_mean(values, torch.tensor([True, False, True])).item() == 2.0
    assert masked_mean(values, torch.zeros(3, dtype=torch.bool)).item() == 0.0


def test_classification_weighs_positives_and_skips_the_uncounted() -> None:
    logits = torch.zeros(1, 3)
    positive = torch.tensor([[True, False, False]])
    counted = torch.tensor([[True, True, False]])
    # each entry is log 2; the positive weighs five times; the third does not count
    assert classification_loss(logits, positive, counted, 5.0).item() == pytest.approx(3 * math.log(2))
    wild = torch.tensor([[0.0, 0.0, 50.0]])
    assert classification_loss(wild, positive, counted, 5.0).item() == pytest.approx(3 * math.log(2))


def test_scale_loss_is_standardised_and_skips_points_where_nobody_fits() -> None:
    predicted = torch.tensor([[0.3, 0.8], [9.0, 9.0]])
    target = torch.tensor([[0.2, 0.6], [1.0, 1.0]])
    std = torch.tensor([0.1, 0.2])
    assert scale_loss(predicted, target, std, torch.tensor([True, False])).item() == pytest.approx(1.0)


def test_unknown_joints_reach_neither_offset_loss_nor_gradient() -> None:
    predicted = torch.zeros(1, 16, 2, requires_grad=True)
    target = torch.full((1, 16, 2), 0.2)
    target[0, 3] = math.nan
    known = ~target.isnan().any(-1)
    loss = offset_loss(predicted, target, 0.1, known)
    loss.backward()
    assert loss.item() == pytest.approx(4.0)
    assert predicted.grad is not None
    assert (predicted.grad[0, 3] == 0).all()
    assert predicted.grad.isfinite().all()
    assert (predicted.grad[0, 4] != 0).all()


def test_shares_of_a_batch_add_up_to_its_loss() -> None:
    torch.manual_seed(0)
    predicted, target = torch.rand(6, 2), torch.rand(6, 2)
    valid, std = torch.tensor([True, False, True, True, False, True]), torch.tensor([0.1, 0.3])
    whole = scale_loss(predicted, target, std, valid)
    count = valid.sum() / 2  # of both processes together, divided by their number
    parts = [scale_loss(predicted[r::2], target[r::2], std, valid[r::2], count) for r in range(2)]
    torch.testing.assert_close((parts[0] + parts[1]) / 2, whole)


def test_distillation_skips_points_where_nobody_fits_and_spares_the_teacher() -> None:
    student, teacher = torch.zeros(2, 3, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    loss = distillation_loss(student, teacher, torch.tensor([True, False]))
    loss.backward()
    assert loss.item() == pytest.approx(1.0)
    assert teacher.grad is None
