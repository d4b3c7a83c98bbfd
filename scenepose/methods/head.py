"""What the methods have in common: their input and output, and a few layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, leaky_relu
from torchvision.models.convnext import LayerNorm2d

from scenepose.model.backbone import STAGE_CHANNELS
from scenepose.model.features import Features
from scenepose.pose.templates import TemplateSet


class Target(NamedTuple):
    """The true pose at B points."""

    pose: Tensor  # (B, 16, 2) relative to the point, in picture heights; 0 where unknown
    known: Tensor  # (B, 16) bool
    normalised: Tensor  # (B, 16, 2) box centred with unit sides; 0 where unknown
    scale: Tensor  # (B, 2) sides of the box in picture heights
    template: Tensor | None = None  # (B,) of the encoder's template set, the one that stands for the pose


class Answer(NamedTuple):
    """A method's n poses at B points, best first where it ranks them."""

    poses: Tensor  # (B, n, 16, 2) relative to the point, in picture heights
    templates: Tensor | None = None  # (B, n) the templates that they grew from, where there are some
    scores: Tensor | None = None  # (B, n) in [0, 1], where there are some
    hidden: Tensor | None = None  # (B, n, 16) bool: does furniture hide the joint? Where a method tells


class Head(nn.Module):
    """A method: what reads the encoder's features and gives poses.

    Attributes:
        sizes: its config, a dataclass.
        noise_size: how many random numbers a sample takes; 0 where the answer is always the same.
        critic: the discriminator of those that are trained against one, else None.
        training_only: parts (prefixes of parameter names) that an answer does not need: not shipped.
        has_templates: whether its answers grow from the templates of its set.
        ranks_templates: whether it answers with the pose of every template and has `score`.
        shares_templates: whether its set is the encoder's, when it is trained.
        betas: Adam's, when it is trained. rate: its learning rate, as a share of the run's.
        critic_rate: the critic's, likewise.
        template_set: what poses are like; a system's templates, where it has some.
        pose_mean, pose_std: (16, 2) of poses in picture heights, by the templates and the scales.
    """

    noise_size: int = 0
    critic: nn.Module | None
    sizes: Any
    training_only: tuple[str, ...] = ()
    has_templates: bool = False
    ranks_templates: bool = False
    shares_templates: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    rate: float = 1.0
    critic_rate: float = 1.0
    pose_mean: Tensor
    pose_std: Tensor

    def __init__(self, template_set: TemplateSet) -> None:
        super().__init__()
        self.template_set, self.critic = template_set, None
        mean, std = pose_statistics(template_set)
        self.register_buffer("pose_mean", mean, persistent=False)
        self.register_buffer("pose_std", std, persistent=False)

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """Poses at B points; a stochastic system takes noise (B, n, noise_size), standard normal, for n."""
        raise NotImplementedError

    def score(self, fused: Tensor) -> Tensor:
        """F (B, C, n, n) to the templates' compatibility logits (B, K), where a method ranks templates."""
        raise NotImplementedError

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        """The losses at points where somebody fits, and their weighted sum, "total"."""
        raise NotImplementedError

    def critic_loss(self, features: Features, target: Target) -> Tensor:
        """The discriminator's loss, where there is one."""
        raise NotImplementedError

    @torch.no_grad()
    def standardise(self, features: Features) -> None:
        """Before training: fix how the encoder's maps are standardised, from some hundred clicks."""
        for module in self.modules():
            if isinstance(module, ViewSummary | Standardised):
                module.fit(features)

    def shipped_state(self) -> dict[str, Tensor]:
        """The weights that an answer needs."""
        return {
            name: tensor
            for name, tensor in self.state_dict().items()
            if not (self.training_only and name.startswith(self.training_only))
        }

    @property
    def size(self) -> int:
        """The number of parameters that an answer needs, the encoder's aside."""
        return sum(
            parameter.numel()
            for name, parameter in self.named_parameters()
            if not (self.training_only and name.startswith(self.training_only))
        )


def draw_noise(seed: int, count: int, size: int) -> Tensor:
    """Standard normal noise (1, count, size); sample i does not depend on how many are drawn."""
    source = torch.Generator().manual_seed(seed % 2**63)
    return torch.stack([torch.randn(size, generator=source) for _ in range(count)])[None]


def pose_statistics(template_set: TemplateSet) -> tuple[Tensor, Tensor]:
    """Mean and spread (16, 2) of poses in picture heights, as far as templates and scales tell."""
    weights = (template_set.counts + 1.0) / (template_set.counts + 1.0).sum()
    weights, shapes = weights[:, None, None], template_set.templates.astype(np.float64)
    poses = shapes * template_set.scales[:, None]
    mean = (weights * poses).sum(0)
    varies = (weights * (poses - mean) ** 2).sum(0) + (template_set.offset_std * template_set.mean_scale) ** 2
    larger = (weights * shapes**2).sum(0) * template_set.scale_std.astype(np.float64) ** 2
    std = np.sqrt(varies + larger)
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(std, dtype=torch.float32)


def block(before: int, after: int, size: int = 3, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Convolution, a norm within each cell (it needs no batch), ReLU; the map keeps its size at stride 1."""
    padding = dilation * (size // 2)
    convolution = nn.Conv2d(
        before, after, size, stride=stride, padding=padding, dilation=dilation, bias=False
    )
    return nn.Sequential(convolution, LayerNorm2d(after, eps=1e-5), nn.ReLU())


class Standardised(nn.Module):
    """F with every channel brought to mean 0 and spread 1: what differs between cells then stands out."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    @torch.no_grad()
    def fit(self, features: Features) -> None:
        """Take mean and spread from some clicks."""
        values = features.fused.float()
        self.mean.copy_(values.mean((0, 2, 3)))
        self.std.copy_(values.std((0, 2, 3)).clamp(min=1e-3))

    def forward(self, fused: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return (fused - self.mean[:, None, None]) / self.std[:, None, None]


class ViewSummary(nn.Module):
    """Some views' deepest maps, and where the point lies, as one vector.

    A coarse grid of cells is kept, because where in the view something is matters as much as what.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, views: tuple[str, ...], width: int, *, cells: int = 4, channels: int = 48) -> None:
        super().__init__()
        self.views, self.cells = views, cells
        self.register_buffer("mean", torch.zeros(len(views), STAGE_CHANNELS[2]))
        self.register_buffer("std", torch.ones(len(views), STAGE_CHANNELS[2]))
        self.reduce = nn.ModuleList(nn.Conv2d(STAGE_CHANNELS[2], channels, 1) for _ in views)
        self.join = nn.Linear(len(views) * channels * cells**2 + 3, width)

    @torch.no_grad()
    def fit(self, features: Features) -> None:
        """Channels differ in size by orders; standardised they teach much faster."""
        for number, view in enumerate(self.views):
            values = getattr(features, view).stride32.float()
            self.mean[number] = values.mean((0, 2, 3))
            self.std[number] = values.std((0, 2, 3)).clamp(min=1e-3)

    def forward(self, features: Features) -> Tensor:
        """(B, width)."""
        parts = []
        for number, (view, reduce) in enumerate(zip(self.views, self.reduce, strict=True)):
            x = getattr(features, view).stride32
            x = (x - self.mean[number][:, None, None]) / self.std[number][:, None, None]
            parts.append(adaptive_avg_pool2d(torch.relu(reduce(x)), self.cells).flatten(1))
        # Leaky, because a generator whose inputs have all gone dark cannot learn to look again.
        return leaky_relu(self.join(torch.cat([*parts, 2 * features.position - 1], 1)), 0.1)
