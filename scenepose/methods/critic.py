"""The discriminator that placenet and graconet are trained against, and the two sides' losses."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


class Critic(nn.Module):
    """Tells true poses from made ones at the same place, from the pose and what the views say.

    The two meet in an inner product (a projection discriminator, Miyato and Koyama 2018): an MLP on both,
    one after the other, learns from as little data as ours whether a pose is a pose, and not whether it fits.
    """

    def __init__(self, condition: int, width: int) -> None:
        super().__init__()
        self.pose = nn.Sequential(
            nn.Linear(32, width), nn.LeakyReLU(0.2),
            nn.Linear(width, width), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.natural = nn.Linear(width, 1)
        self.fitting = nn.Linear(condition, width)

    def forward(self, pose: Tensor, condition: Tensor) -> Tensor:
        """Poses (..., 16, 2), in their own spread and 0 where unknown, and conditions (..., C) to (...)."""
        x = self.pose(pose.flatten(-2))
        return self.natural(x)[..., 0] + (x * self.fitting(condition)).sum(-1) / x.shape[-1] ** 0.5


def fooling_loss(critic: nn.Module, made: Tensor, condition: Tensor) -> Tensor:
    """The generator's side: made poses should pass as true (the loss that does not saturate)."""
    return softplus(-critic(made, condition)).mean()


def telling_loss(critic: nn.Module, true: Tensor, made: list[tuple[float, Tensor]], condition: Tensor,
                 penalty: float) -> Tensor:  # fmt: skip
    """The discriminator's side.

    Args:
        true: (B, 16, 2). made: weights and poses (B, ..., 16, 2). condition: (B, C).
        penalty: weight of the squared gradient at true poses (R1, Mescheder et al. 2018), which keeps a
            discriminator from outrunning a generator that learns from little data.
    """
    true = true.detach().requires_grad_(penalty > 0)
    said = critic(true, condition)
    loss = softplus(-said).mean()
    if penalty > 0:
        (gradient,) = torch.autograd.grad(said.sum(), true, create_graph=True)
        loss = loss + penalty / 2 * (gradient**2).sum((-2, -1)).mean()
    for weight, poses in made:
        given = condition if poses.dim() == 3 else condition[:, None].expand(-1, poses.shape[1], -1)
        loss = loss + weight * softplus(critic(poses.detach(), given)).mean()
    return loss
