"""PlaceNet (Zhang et al., ECCV 2020): a GAN that places things, kept diverse by the noise's distances."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scenepose.methods.critic import Critic, fooling_loss, telling_loss
from scenepose.methods.head import Answer, Head, Target, ViewSummary
from scenepose.model.encoder import EncoderConfig
from scenepose.model.features import Features
from scenepose.pose.templates import TemplateSet


@dataclass(frozen=True)
class PlaceNetConfig:
    """Sizes and weights; "published" ones are those of the placement GAN that GracoNet compares with."""

    summary: int = 256  # of each of the two encoders; ours
    width: int = 512  # of the MLPs; ours
    noise: int = 32  # as many as the answer has numbers, published
    samples: int = 8  # noises drawn for each place in training; ours
    # Published: 50, where the outputs' sum of distances takes part in the gradient, which then pushes less.
    # With 10 the samples at one place lie further apart than true poses of all places do.
    diversity: float = 2.0
    margin: float = 0.8  # share of the noises' distance that outputs must keep; ours
    penalty: float = 0.05  # of the discriminator's gradient; ours


class PlaceNet(Head):
    """Background encoder, local ("foreground") encoder and noise, joined by an MLP that gives the pose."""

    critic: Critic
    training_only = ("critic.",)
    # A discriminator that learns faster than the generator (Heusel et al. 2017) is what made it learn where
    # a pose fits; at equal rates it learnt only what poses look like.
    betas, critic_rate = (0.0, 0.99), 4.0

    def __init__(self, config: PlaceNetConfig, encoder: EncoderConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.config = config
        self.noise_size = config.noise
        self.background = ViewSummary(("whole",), config.summary)
        self.foreground = ViewSummary(("local", "detail"), config.summary)
        before, width = 2 * config.summary + config.noise, config.width
        self.decoder = nn.Sequential(
            nn.Linear(before, width), nn.LayerNorm(width), nn.ReLU(),
            nn.Linear(width, width), nn.LayerNorm(width), nn.ReLU(),
            nn.Linear(width, 32),
        )  # fmt: skip
        self.critic = Critic(2 * config.summary, width)

    def summarise(self, features: Features) -> Tensor:
        """What the two encoders say (B, 2 * summary)."""
        return torch.cat([self.foreground(features), self.background(features)], 1)

    def numbers(self, given: Tensor, noise: Tensor) -> Tensor:
        """Poses (B, n, 16, 2) in their own spread, of noises (B, n, noise)."""
        joined = torch.cat([given[:, None].expand(-1, noise.shape[1], -1), noise], -1)
        return self.decoder(joined).float().unflatten(-1, (16, 2))

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """n samples."""
        assert noise is not None
        noise = noise.expand(len(features.position), -1, -1)
        numbers = self.numbers(self.summarise(features), noise)
        return Answer(self.pose_mean + self.pose_std * numbers)

    def sample(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """Noises (B, n, noise) and the poses (B, n, 16, 2) that become of them, for training."""
        noise = torch.randn(len(given), self.config.samples, self.config.noise, device=given.device)
        return noise, self.numbers(given, noise)

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        """The generator's: fool the discriminator, and spread as the noises do."""
        given = self.summarise(features)
        noise, made = self.sample(given)
        condition = given.detach()[:, None].expand(-1, made.shape[1], -1)
        seen = target.known[:, None, :, None]  # the discriminator must not see what true poses lack
        parts = {
            "adversarial": fooling_loss(self.critic, made * seen, condition),
            "diversity": diversity_loss(noise, made, self.config.margin),
        }
        parts["total"] = parts["adversarial"] + self.config.diversity * parts["diversity"]
        return parts

    def critic_loss(self, features: Features, target: Target) -> Tensor:
        """The discriminator's."""
        with torch.no_grad():
            given = self.summarise(features)
            _, made = self.sample(given)
        known = target.known[..., None]
        true = (target.pose - self.pose_mean) / self.pose_std * known
        return telling_loss(self.critic, true, [(1.0, made * known[:, None])], given, self.config.penalty)


def diversity_loss(noise: Tensor, made: Tensor, margin: float) -> Tensor:
    """How far distances of outputs fall behind those of their noises.

    Each sample's distances to the others are divided by their sum, so that units cancel; the sum of the
    outputs' is a constant to the gradient, so that outputs that lie too close are pushed apart.

    Args:
        noise: (B, n, D). made: (B, n, 16, 2). margin: share of a noise's distance that must be kept.

    Returns:
        The mean over ordered pairs: 0 where outputs are as far apart as their noises, up to margin / (n - 1)
        where all outputs are one.
    """
    count = noise.shape[1]
    apart = ~torch.eye(count, dtype=torch.bool, device=noise.device)

    def distances(x: Tensor) -> Tensor:
        difference = x[:, :, None] - x[:, None]  # (B, n, n, D)
        return ((difference**2).sum(-1) + 1e-12).sqrt() * apart

    between_noises, between_made = distances(noise), distances(made.flatten(2))
    between_noises = between_noises / between_noises.sum(-1, keepdim=True)
    between_made = between_made / (between_made.sum(-1, keepdim=True).detach() + 1e-3)
    return torch.relu(margin * between_noises - between_made)[:, apart].mean()
