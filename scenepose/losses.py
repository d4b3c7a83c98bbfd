"""The losses of the main model (paper, section 3.6), as pure functions; each is a mean over valid entries."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean of ``values`` where ``valid`` (same shape, bool); zero, with zero gradient, where nothing is."""
    kept = torch.where(valid, values, torch.zeros_like(values))
    return kept.sum() / valid.sum().clamp(min=1)


def classification_loss(logits: Tensor, positive: Tensor, counted: Tensor, pos_weight: float) -> Tensor:
    """Binary cross entropy of the compatibility scores.

    Args:
        logits: (B, K).
        positive: (B, K) bool, templates that fit; or 0 to 1, a share of a positive.
        counted: (B, K) bool; the others count neither way, because nobody knows.
        pos_weight: how much a positive weighs against a negative.
    """
    weight = torch.tensor(pos_weight, device=logits.device)
    each = binary_cross_entropy_with_logits(
        logits, positive.to(logits.dtype), reduction="none", pos_weight=weight
    )
    return masked_mean(each, counted)


def scale_loss(predicted: Tensor, target: Tensor, std: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error of scales (..., 2) in units of their spread ``std`` (2,), where valid (...)."""
    error = ((predicted - target) / std) ** 2
    return masked_mean(error, valid[..., None].expand_as(error))


def offset_loss(predicted: Tensor, target: Tensor, std: float, known: Tensor) -> Tensor:
    """Mean squared error of offsets (B, 16, 2) in units of their spread, over the known joints (B, 16).

    Unknown joints' targets may be NaN: they reach neither the value nor the gradient.
    """
    clean = torch.where(known[..., None], target, torch.zeros_like(target))
    error = ((predicted - clean) / std) ** 2
    return masked_mean(error, known[..., None].expand_as(error))
