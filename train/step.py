"""One training step of the main model: its losses, and their weighting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from scenepose.data.surfaces import SURFACES
from scenepose.losses import (
    adversarial_loss,
    classification_loss,
    discriminator_loss,
    distillation_loss,
    offset_loss,
    scale_loss,
    surface_loss,
)
from scenepose.model.discriminator import Discriminator
from scenepose.model.scenepose import ScenePose
from scenepose.model.teacher import Teacher
from train.batches import Batch, Views
from train.config import TrainConfig


class Student(nn.Module):
    """What learns: the generator, the linear map from its vectors e_k to the teacher's features, and the one
    from the cells of F to what is seen there.

    The first map is on this side only: were the teacher's features mapped, both could shrink to nothing.
    """

    scale_std: Tensor
    log_scale_std: Tensor

    def __init__(
        self, generator: ScenePose, teacher_features: int | None, tells_surfaces: bool = False
    ) -> None:
        super().__init__()
        self.generator = generator
        spread = torch.from_numpy(generator.template_set.scale_std.copy())
        mean = torch.from_numpy(generator.template_set.mean_scale.copy())
        self.register_buffer("scale_std", spread, persistent=False)
        self.register_buffer("log_scale_std", spread / mean, persistent=False)
        channels = generator.config.channels
        self.to_teacher = nn.Linear(channels, teacher_features) if teacher_features else None
        self.to_surfaces = nn.Conv2d(channels, len(SURFACES) + 2, 1) if tells_surfaces else None


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Gradients pass through the module, and none stays in it."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)


def counts_of(batch: Batch, others: Tensor) -> dict[str, Tensor]:
    """How many valid entries each loss has."""
    return {
        "counted": batch.counted.sum(),
        "sized": batch.sized.sum(),
        "known": batch.known.sum(),
        "fits": batch.fits.sum(),
        "others": others.sum(),
        "both": others.any(1).sum(),
        "seen": (batch.surface >= 0).sum(),
    }


def training_step(
    student: Student,
    teacher: Teacher | None,
    discriminator: Discriminator | None,
    batch: Batch,
    asked: Tensor,
    others: Tensor,
    count: dict[str, Tensor],
    config: TrainConfig,
) -> dict[str, Tensor]:
    """The losses of a batch on the device.

    Args:
        student: learns. teacher: frozen, or None without distillation.
        discriminator: learns from the loss "discriminator" alone; None in the first stage.
        asked, others: (B, n) the templates whose poses are wanted, see `Labels.apply`.
        count: valid entries of the whole batch, see `counts_of` and `global_counts`.
    """
    assert isinstance(batch.views, Views)
    generator = student.generator
    spread = generator.template_set
    features = generator.encode(*batch.views, batch.place, batch.frame)
    said = generator.decode(features, asked)
    rows = torch.arange(len(asked), device=asked.device)
    template = generator.templates[batch.template]  # (B, 16, 2) the true pose's nearest
    sizes, true_sizes, std = said.scales, batch.scales, student.scale_std
    if config.scale_error == "relative":
        sizes, true_sizes, std = sizes.clamp(min=1e-3).log(), true_sizes.log(), student.log_scale_std
    parts = {
        "classification": classification_loss(
            said.logits, batch.positive, batch.counted, config.pos_weight, count["counted"]
        ),
        "scale": scale_loss(sizes, true_sizes, std, batch.sized, count["sized"]),
        "offset": offset_loss(
            said.offsets[:, 0], batch.normalised - template, spread.offset_std, batch.known, count["known"]
        ),
    }
    if student.to_surfaces is not None:
        cells = student.to_surfaces(features).float()
        parts["surfaces"] = surface_loss(cells, batch.surface, batch.metre, batch.rise, count["seen"])
    if teacher is not None and student.to_teacher is not None:
        target = teacher.target(batch.views.local, template, said.scales[rows, batch.template].detach())
        mapped = student.to_teacher(said.features[:, 0]).float()
        parts["distillation"] = distillation_loss(mapped, target, batch.fits, count["fits"])
    if discriminator is not None:
        scales, pooled = said.scales[rows[:, None], asked], said.pooled.detach()
        with frozen(discriminator):
            fooled = discriminator(said.shapes, scales, pooled)
            parts["adversarial"] = adversarial_loss(fooled, others, count["others"])
        if count["others"] > 0:  # else it would only hear that all is well
            judged = discriminator(said.shapes.detach(), scales.detach(), pooled)
            both = others.any(1)
            parts["discriminator"] = discriminator_loss(
                judged[:, 0], judged, both, others, count["both"], count["others"]
            )
    return parts


def weighted(parts: dict[str, Tensor], config: TrainConfig) -> Tensor:
    """The student's loss: the one place where its parts are weighed."""
    weights = {
        "classification": config.classification_weight,
        "scale": config.scale_weight,
        "offset": config.offset_weight,
        "surfaces": config.surface_weight,
        "distillation": config.distillation_weight,
        "adversarial": config.adversarial_weight,
    }
    return torch.stack([weight * parts[name] for name, weight in weights.items() if name in parts]).sum()
