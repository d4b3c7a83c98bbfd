"""GracoNet (Zhou et al., ECCV 2022): the place as a graph with one node to be completed, in two paths."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from scenepose.methods.critic import Critic, fooling_loss, telling_loss
from scenepose.methods.head import Answer, Head, Standardised, Target, ViewSummary
from scenepose.methods.vae import kl_divergence
from scenepose.model.attention import DecoderLayer, mlp
from scenepose.model.encoder import EncoderConfig
from scenepose.model.features import Features
from scenepose.model.losses import masked_mean
from scenepose.pose.templates import TemplateSet


@dataclass(frozen=True)
class GracoNetConfig:
    """Sizes and weights, the published ones where no word stands beside them."""

    width: int = 512
    heads: int = 8
    pyramid: tuple[int, ...] = (2, 4, 8)
    layers: int = 1
    ffn: int = 1024  # ours
    noise: int = 1024
    hidden: int = 512  # of the MLPs; ours
    random_path: float = 4.0
    latent_path: float = 1.0
    # Published: 50 of a share of the picture, in which places vary by some 0.05; ours vary by 1.
    reconstruction: float = 2.5
    kl: float = 1.0
    critic_random: float = 0.25  # weight of the random path's poses in the discriminator's loss
    penalty: float = 0.2  # of the discriminator's gradient; ours


class GraphCompletion(nn.Module):
    """The node of the thing to place gathers from the background's nodes what it needs to know."""

    def __init__(self, config: GracoNetConfig, channels: int) -> None:
        super().__init__()
        self.pyramid = config.pyramid
        self.norm = Standardised(channels)
        self.embed = nn.Linear(channels, config.width)
        nodes = sum(side**2 for side in config.pyramid)
        self.positions = nn.Parameter(0.02 * torch.randn(nodes, config.width))
        self.node = nn.Parameter(0.02 * torch.randn(1, config.width))
        self.layers = nn.ModuleList(
            DecoderLayer(config.width, config.heads, config.ffn, 0.1, self_attention=False)
            for _ in range(config.layers)
        )

    def forward(self, features: Tensor, thing: Tensor) -> Tensor:
        """F (B, C, h, w) and the thing's node (B, width) to the completed node (B, width)."""
        normed = self.norm(features)
        cells = [adaptive_avg_pool2d(normed, side).flatten(2) for side in self.pyramid]
        background = self.embed(torch.cat(cells, 2).transpose(1, 2))  # (B, 84, width)
        x, identity = thing[:, None], self.node.expand(len(thing), -1, -1)
        for layer in self.layers:
            x = layer(x, identity, background, self.positions)
        return x[:, 0]


class GracoNet(Head):
    """Graph completion, then an MLP that turns the node and a random vector into a pose.

    In training the vector comes two ways: at random, and encoded from the true pose (a VAE's latent), so
    that the answer to it can be compared with the truth.
    """

    critic: Critic
    training_only = ("critic.", "encoder.")
    # Published: a tenth, over thirty times as many steps; here that discriminator learns nothing in time.
    betas, critic_rate = (0.5, 0.999), 1.0

    def __init__(self, config: GracoNetConfig, encoder: EncoderConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.config = config
        self.noise_size = config.noise
        self.point = ViewSummary(("local", "detail"), config.width)  # the point token
        self.complete = GraphCompletion(config, encoder.channels)
        self.decoder = mlp(config.width + config.noise, config.hidden, config.hidden, 32)
        self.encoder = mlp(32, config.hidden, 2 * config.noise)
        self.critic = Critic(config.width, config.hidden)

    def node(self, features: Features) -> Tensor:
        """The completed node (B, width)."""
        return self.complete(features.fused, self.point(features))

    def numbers(self, node: Tensor, vector: Tensor) -> Tensor:
        """Poses (..., 16, 2) in their own spread, of nodes (..., width) and vectors (..., noise)."""
        return self.decoder(torch.cat([node, vector], -1)).float().unflatten(-1, (16, 2))

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """n samples."""
        assert noise is not None
        node = self.node(features)[:, None].expand(-1, noise.shape[1], -1)
        numbers = self.numbers(node, noise.expand(len(node), -1, -1))
        return Answer(self.pose_mean + self.pose_std * numbers)

    def two_paths(self, node: Tensor, true: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Poses of the random and of the latent path, and the latent's mean and log variance."""
        mean, log_variance = self.encoder(true.flatten(1)).float().chunk(2, -1)
        latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        by_chance = self.numbers(node, torch.randn_like(latent))
        return by_chance, self.numbers(node, latent), mean, log_variance

    def true_numbers(self, target: Target) -> Tensor:
        """The true pose (B, 16, 2) in its own spread, 0 where unknown."""
        return (target.pose - self.pose_mean) / self.pose_std * target.known[..., None]

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        """The generator's four."""
        config, seen, node = self.config, target.known[..., None], self.node(features)
        true = self.true_numbers(target)
        by_chance, by_latent, mean, log_variance = self.two_paths(node, true)
        condition = node.detach()
        error = (by_latent - true) ** 2
        parts = {
            "random path": fooling_loss(self.critic, by_chance * seen, condition),
            "latent path": fooling_loss(self.critic, by_latent * seen, condition),
            "reconstruction": masked_mean(error.mean(-1), target.known),
            "kl": kl_divergence(mean, log_variance).mean(),
        }
        parts["total"] = (
            config.random_path * parts["random path"]
            + config.latent_path * parts["latent path"]
            + config.reconstruction * parts["reconstruction"]
            + config.kl * parts["kl"]
        )
        return parts

    def critic_loss(self, features: Features, target: Target) -> Tensor:
        """The discriminator's: made poses of both paths against true ones."""
        true, seen = self.true_numbers(target), target.known[..., None]
        with torch.no_grad():
            node = self.node(features)
            by_chance, by_latent, *_ = self.two_paths(node, true)
        made = [(self.config.critic_random, by_chance * seen), (1.0, by_latent * seen)]
        return telling_loss(self.critic, true, made, node, self.config.penalty)
