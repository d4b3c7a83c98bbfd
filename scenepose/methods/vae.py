"""Binge Watching (Wang, Girdhar and Gupta, CVPR 2017): a class of pose, then a conditional VAE around it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from scenepose.methods.head import Answer, Head, Target, ViewSummary
from scenepose.model.attention import mlp
from scenepose.model.encoder import EncoderConfig
from scenepose.model.features import Features
from scenepose.model.scale_transformer import LARGEST_SCALE
from scenepose.pose.geometry import MIN_SIDE, normalise
from scenepose.pose.templates import TemplateSet


@dataclass(frozen=True)
class VaeConfig:
    """Sizes and weights."""

    width: int = 512  # paper
    latent: int = 30  # paper
    # Standard deviation that the decoder's answer is believed to have, in the data's own spread; ours. At 1
    # the latent would say nothing, because noise as wide as the data explains it all.
    sigma: float = 0.5
    kl: float = 1.0
    classification: float = 1.0  # the two share nothing


class Vae(Head):
    """A classifier picks the template; the VAE samples scale (2) and deformation (32), given class and views.

    Attributes:
        templates: (K, 16, 2); K is 14 for `vae` and 30, as published, for `vae30`. scales: (K, 2) theirs.
    """

    templates: Tensor
    scales: Tensor
    scale_std: Tensor
    training_only = ("encoder.",)
    has_templates = True

    def __init__(self, config: VaeConfig, encoder: EncoderConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.config = config
        classes, width = len(template_set), config.width
        self.noise_size = config.latent + 1  # the latent, and what draws the class of further samples
        self.register_buffer("templates", torch.from_numpy(template_set.templates.copy()), persistent=False)
        for name in ("scales", "scale_std"):
            values = torch.from_numpy(getattr(template_set, name).copy())
            self.register_buffer(name, values, persistent=False)
        self.summary = ViewSummary(("whole", "local", "detail"), width)
        # The classifier sees for itself: the paper trains it alone, and the VAE's loss is far larger.
        self.classifier = nn.Sequential(
            ViewSummary(("whole", "local", "detail"), width), nn.Linear(width, classes)
        )
        self.encoder = mlp(34 + classes + width, width, width, 2 * config.latent)
        self.decoder = mlp(config.latent + classes + width, width, width, 34)

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """n samples: the first of the most probable class, further ones of classes drawn by probability."""
        assert noise is not None
        given = self.summary(features)
        chances = self.classifier(features).float().softmax(-1)  # (B, K)
        uniform = torch.special.ndtr(noise[..., -1]).expand(len(given), -1).contiguous()
        drawn = torch.searchsorted(chances.cumsum(-1), uniform).clamp(max=chances.shape[-1] - 1)
        best = chances.argmax(-1, keepdim=True)
        chosen = torch.cat([best, drawn[:, 1:]], 1)  # (B, n)
        latent = noise[..., :-1].expand(len(given), -1, -1)
        poses = self.poses(latent, chosen, given[:, None].expand(-1, chosen.shape[1], -1))
        return Answer(poses, chosen, chances.gather(1, chosen))

    def poses(self, latent: Tensor, classes: Tensor, given: Tensor) -> Tensor:
        """Latents (..., 30), classes (...) and what the views say (..., width) to poses (..., 16, 2)."""
        scale, deformation = self.numbers(latent, classes, given)
        size = (self.scales[classes] + self.scale_std * scale).clamp(MIN_SIDE, LARGEST_SCALE)
        spread = self.template_set.offset_std
        return normalise(self.templates[classes] + spread * deformation) * size[..., None, :]

    def numbers(self, latent: Tensor, classes: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """The decoder's scale (..., 2) and deformation (..., 16, 2), each in its own spread."""
        kind = one_hot(classes, len(self.templates)).to(given.dtype)
        numbers = self.decoder(torch.cat([latent, kind, given], -1)).float()
        return numbers[..., :2], numbers[..., 2:].unflatten(-1, (16, 2))

    def nearest(self, target: Target) -> Tensor:
        """The class of each true pose (B,): the template that stands for it, or the nearest one by the known
        joints."""
        if self.shares_templates and target.template is not None:
            return target.template
        squared = ((target.normalised[:, None] - self.templates) ** 2).sum(-1)  # (B, K, 16)
        return (squared * target.known[:, None]).sum(-1).argmin(-1)

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        """Cross entropy of the class; reconstruction and KL divergence of the VAE, given the true class."""
        given, classes = self.summary(features), self.nearest(target)
        known = target.known[..., None]
        scale = (target.scale - self.scales[classes]) / self.scale_std
        deformation = (target.normalised - self.templates[classes]) / self.template_set.offset_std * known
        kind = one_hot(classes, len(self.templates)).to(given.dtype)
        code = self.encoder(torch.cat([scale, deformation.flatten(1), kind, given], -1)).float()
        mean, log_variance = code.chunk(2, -1)
        latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        said_scale, said_deformation = self.numbers(latent, classes, given)
        error = ((said_scale - scale) ** 2).sum(-1)
        error = error + (((said_deformation - deformation) ** 2) * known).sum((1, 2))
        parts = {
            "classification": cross_entropy(self.classifier(features).float(), classes),
            "reconstruction": error.mean() / (2 * self.config.sigma**2),
            "kl": kl_divergence(mean, log_variance).mean(),
        }
        parts["total"] = (
            self.config.classification * parts["classification"]
            + parts["reconstruction"]
            + self.config.kl * parts["kl"]
        )
        return parts


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of diagonal Gaussians (B, D) from the standard normal: (B,), summed over D."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)
