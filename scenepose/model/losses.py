"""The losses (paper), as pure functions; each is a mean over valid entries.

``count`` is the number of valid entries to divide by; None counts those given. Several processes, each with a
share of a batch, pass the same number, so that their losses add up to those of the whole batch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus

#: About how much the metre's logarithm and the rise vary in rooms.
METRE_SPREAD, RISE_SPREAD = 0.4, 0.5


def masked_mean(values: Tensor, valid: Tensor, count: Tensor | None = None) -> Tensor:
    """Mean of ``values`` where ``valid`` (same shape, bool); zero, with zero gradient, where nothing is."""
    kept = torch.where(valid, values, torch.zeros_like(values))
    return kept.sum() / (valid.sum() if count is None else count).clamp(min=1e-6)


def classification_loss(
    logits: Tensor, positive: Tensor, counted: Tensor, pos_weight: float, count: Tensor | None = None
) -> Tensor:
    """Binary cross entropy of the compatibility scores.

    Args:
        logits: (B, K).
        positive: (B, K) bool, templates that fit.
        counted: (B, K) bool; the others count neither way, because nobody knows.
        pos_weight: how much a positive weighs against a negative.
    """
    weight = torch.full((), pos_weight, device=logits.device)  # made there: a copy would wait for the GPU
    each = binary_cross_entropy_with_logits(
        logits, positive.to(logits.dtype), reduction="none", pos_weight=weight
    )
    return masked_mean(each, counted, count)


def scale_loss(
    predicted: Tensor, target: Tensor, std: Tensor, valid: Tensor, count: Tensor | None = None
) -> Tensor:
    """Mean squared error of scales (..., 2) in units of their spread ``std`` (2,), where valid (...).

    ``count`` is of valid entries (...), each of which has a width and a height.
    """
    error = (((predicted - target) / std) ** 2).mean(-1)
    return masked_mean(error, valid, count)


def offset_loss(
    predicted: Tensor, target: Tensor, std: float, known: Tensor, count: Tensor | None = None
) -> Tensor:
    """Mean squared error of offsets (B, 16, 2) in units of their spread, over the known joints (B, 16).

    Unknown joints' targets may be NaN: they reach neither the value nor the gradient.
    """
    clean = torch.where(known[..., None], target, torch.zeros_like(target))
    return masked_mean((((predicted - clean) / std) ** 2).mean(-1), known, count)


def distillation_loss(student: Tensor, teacher: Tensor, valid: Tensor, count: Tensor | None = None) -> Tensor:
    """Mean squared difference of feature vectors (B, features), where valid (B,).

    The student's are mapped to the teacher's size; the teacher's are standardised and carry no gradient.
    """
    return masked_mean(((student - teacher.detach()) ** 2).mean(-1), valid, count)


def surface_loss(
    predicted: Tensor, surface: Tensor, metre: Tensor, rise: Tensor, count: Tensor | None = None
) -> Tensor:
    """What the maps tell of the surfaces in their cells: cross entropy of what they are, absolute errors of
    the metre's logarithm and of the rise in about their spread. Beyond the paper.

    Args:
        predicted: (N, S + 2) logits of S surfaces, metre, rise.
        surface: (N,) int64, -1 where nothing is known. metre: (N,) logarithm of picture heights a metre.
        rise: (N,) metres above the floor.
    """
    known = surface >= 0
    kind = cross_entropy(predicted[:, :-2], surface.clamp(min=0), reduction="none")
    wrong = (predicted[:, -2] - metre).abs() / METRE_SPREAD + (predicted[:, -1] - rise).abs() / RISE_SPREAD
    return masked_mean(kind + wrong, known, count)


def hidden_loss(logits: Tensor, hidden: Tensor, told: Tensor, count: Tensor | None = None) -> Tensor:
    """Binary cross entropy of joints being hidden by furniture: logits (B, 16), hidden and told (B, 16) bool,
    the latter where it is known. Beyond the paper."""
    each = binary_cross_entropy_with_logits(logits, hidden.to(logits.dtype), reduction="none")
    return masked_mean(each, told, count)


def adversarial_loss(judged: Tensor, valid: Tensor, count: Tensor | None = None) -> Tensor:
    """What the generator pays for poses that the discriminator sees through: logits (B, n), valid (B, n)."""
    return masked_mean(softplus(-judged), valid, count)


def discriminator_loss(
    true: Tensor, other: Tensor, fits: Tensor, valid: Tensor,
    count_true: Tensor | None = None, count_other: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Binary cross entropy of the discriminator: true templates' poses up, other positives' poses down.

    Args:
        true: (B,) logits of poses generated from the true templates; no real pose is shown.
        fits: (B,) bool, where there is one.
        other: (B, n) logits of the other positives' poses. valid: (B, n) bool.
    """
    up = masked_mean(softplus(-true), fits, count_true)
    return (up + masked_mean(softplus(other), valid, count_other)) / 2
