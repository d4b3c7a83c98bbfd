"""One training step of the main model: its losses, and their weighting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from scenepose.methods.scenepose import ScenePose
from scenepose.model.discriminator import Discriminator
from scenepose.model.encoder import Encoder
from scenepose.model.features import join
from scenepose.model.losses import (
    adversarial_loss,
    classification_loss,
    discriminator_loss,
    distillation_loss,
    hidden_loss,
    offset_loss,
    scale_loss,
    surface_loss,
)
from scenepose.model.teacher import Teacher
from train.fit.batches import Batch
from train.fit.config import TrainConfig


class Student(nn.Module):
    """What learns: the encoder, the head, and the linear map from its vectors e_k to the teacher's features.

    The map is on this side only: were the teacher's features mapped, both could shrink to nothing.
    """

    scale_std: Tensor
    log_scale_std: Tensor

    def __init__(self, encoder: Encoder, head: ScenePose, teacher_features: int | None = None) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        spread = torch.from_numpy(head.template_set.scale_std.copy())
        mean = torch.from_numpy(head.template_set.mean_scale.copy())
        self.register_buffer("scale_std", spread, persistent=False)
        self.register_buffer("log_scale_std", spread / mean, persistent=False)
        channels = encoder.config.channels
        self.to_teacher = nn.Linear(channels, teacher_features) if teacher_features else None


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
        "told": batch.told.sum(),
        "fits": batch.fits.sum(),
        "taught": (batch.fits & batch.taught).sum(),
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
    encoder, head = student.encoder, student.head
    parts, spread = {}, head.template_set
    if encoder.config.views == "pixels":
        features = encoder.features(batch.pictures, batch.positions)
    else:
        maps = encoder.encode_all(batch.pictures)
        features = join([one.at(points) for one, points in zip(maps, batch.positions, strict=True)])
        if config.surface_weight:
            cells = torch.cat([one.flatten(1).T for one in encoder.surfaces_of(maps)]).float()
            seen = (batch.surface, batch.metre, batch.rise)
            parts["surfaces"] = surface_loss(cells, *seen, count["seen"])
    predicted = head.predict(features.fused, asked)
    rows = torch.arange(len(asked), device=asked.device)
    template = head.templates[batch.template]  # (B, 16, 2) the true pose's nearest
    sizes, true_sizes, std = predicted.scales, batch.scales, student.scale_std
    if config.scale_error == "relative":
        sizes, true_sizes, std = sizes.clamp(min=1e-3).log(), true_sizes.log(), student.log_scale_std
    parts |= {
        "classification": classification_loss(
            predicted.logits, batch.positive, batch.counted, config.pos_weight, count["counted"]
        ),
        "scale": scale_loss(sizes, true_sizes, std, batch.sized, count["sized"]),
        "offset": offset_loss(
            predicted.offsets[:, 0],
            batch.normalised - template,
            spread.offset_std,
            batch.known,
            count["known"],
        ),
    }
    if predicted.hidden is not None:
        parts["hidden"] = hidden_loss(predicted.hidden[:, 0], batch.hidden, batch.told, count["told"])
    if teacher is not None and student.to_teacher is not None:
        some = batch.taught.nonzero()[:, 0]
        views = batch.local_views(some, teacher.view_size)
        scales = predicted.scales[rows, batch.template].detach()
        target = teacher.target(views, template[some], scales[some])
        mapped = student.to_teacher(predicted.features[some, 0]).float()
        parts["distillation"] = distillation_loss(mapped, target, batch.fits[some], count["taught"])
    if discriminator is not None:
        scales, pooled = predicted.scales[rows[:, None], asked], predicted.pooled.detach()
        with frozen(discriminator):
            fooled = discriminator(predicted.shapes, scales, pooled)
            parts["adversarial"] = adversarial_loss(fooled, others, count["others"])
        if count["others"] > 0:  # else it would only hear that all is well
            judged = discriminator(predicted.shapes.detach(), scales.detach(), pooled)
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
        "hidden": config.hidden_weight,
        "distillation": config.distillation_weight,
        "adversarial": config.adversarial_weight,
    }
    return torch.stack([weight * parts[name] for name, weight in weights.items() if name in parts]).sum()
