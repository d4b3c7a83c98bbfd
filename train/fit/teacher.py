"""`python -m train teacher`: train the teacher, which sees where the true pose is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from scenepose.data.sources import Source, open_source
from scenepose.model.backbone import load_backbone
from scenepose.model.checkpoint import save_teacher
from scenepose.model.losses import offset_loss
from scenepose.model.teacher import Teacher, keypoint_heatmaps
from scenepose.pose.geometry import normalise
from scenepose.pose.metrics import pck
from scenepose.pose.templates import TemplateSet
from train.fit.batches import Batch, Batches
from train.fit.config import AugmentConfig, TeacherConfig
from train.fit.loop import LAST, Run, loader_of, start, train_on
from train.fit.parallel import global_counts

#: Validation sees frames as they are.
UNCHANGED = AugmentConfig(
    mirror=False, crop=1.0, smallest_height=100_000, aspect=0.0, colour=0.0, jpeg=0.0, noise=0.0
)


class TeacherRun(Run):
    """The run of the teacher."""

    config: TeacherConfig

    def __init__(
        self,
        config: TeacherConfig,
        templates: TemplateSet,
        accelerator: Accelerator,
        checks: Sequence[Source],
    ) -> None:
        """Points of ``checks`` are validated."""
        torch.manual_seed(config.seed)
        self.config, self.template_set = config, templates
        teacher = Teacher(
            features=config.features, offset_range=config.offset_range, view_size=config.view_size
        )
        if not (config.out / "state.pt").is_file():
            load_backbone(teacher.backbone, config.backbone)
        super().__init__(config, accelerator, {"teacher": teacher})
        self.templates = torch.from_numpy(templates.templates.copy()).to(self.device)
        batch = config.frames * config.points_per_frame
        unchanged = replace(
            config, augment=UNCHANGED, negatives=0.0, data_weights=[],
            steps=math.ceil(config.validate_points / batch),
        )  # fmt: skip
        self.checks = Batches(checks, templates, unchanged, view_size=config.view_size)

    @property
    def teacher(self) -> Teacher:
        """The network."""
        teacher = self.modules["teacher"]
        assert isinstance(teacher, Teacher)
        return teacher

    def said(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Features, offsets and true offsets (B, 16, 2) of a batch on the device, in the true boxes."""
        template = self.templates[batch.template]
        heatmaps = keypoint_heatmaps(template, batch.scale, self.config.view_size)
        everyone = torch.arange(len(template), device=self.device)
        views = batch.local_views(everyone, self.config.view_size)
        with self.accelerator.autocast():
            feature, offset = self.teacher(views, heatmaps)
        return feature.float(), offset, batch.normalised - template

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """One update."""
        count = global_counts(self.accelerator, {"known": batch.known.sum()})
        batch = batch.moved(self.device)
        _, offset, true = self.said(batch)
        loss = offset_loss(offset, true, self.template_set.offset_std, batch.known, count["known"])
        return {"offset": loss, "gradient": self.update("teacher", loss)}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The offsets' error beside that of no offset at all, and PCK in the true box."""
        self.teacher.eval()
        columns: list[tuple[np.ndarray, ...]] = []
        with self.averaged():
            for step in range(len(self.checks)):
                batch = self.checks[step].moved(self.device)
                feature, offset, true = self.said(batch)
                shape = normalise(self.templates[batch.template] + offset)
                poses = [x * batch.scale[:, None] for x in (shape, batch.normalised)]
                columns.append(tuple(x.cpu().numpy() for x in (feature, offset, true, *poses, batch.known)))
            features, offset, true, found, poses, known = (
                np.concatenate(column) for column in zip(*columns, strict=True)
            )
            self.teacher.standardise(torch.from_numpy(features).to(self.device))
            spread = self.template_set.offset_std
            figures = {
                "offset": float(np.nanmean((offset - true) ** 2)) / spread**2,
                "offset_of_none": float(np.nanmean(true**2)) / spread**2,
                "pck": float(np.nanmean(pck(found, poses, known))),
            }
            if self.accelerator.is_main_process:
                card = {"step": self.step, "validation": figures, "data": self.config.data}
                save_teacher(
                    self.config.out / LAST / "teacher.safetensors", self.teacher, self.template_set, card
                )
            self.keep_best(-figures["offset"])
        return figures


def gain(card: dict) -> float:
    """How much smaller, as a share, a teacher's error was on validation points than that of no offset at all;
    from its checkpoint's card, NaN where that does not say. One of little gain has little to teach."""
    figures = card.get("validation", {})
    if "offset" not in figures:
        return math.nan
    return 1 - figures["offset"] / figures["offset_of_none"]


def main(config: TeacherConfig) -> None:
    """Train until `config.steps`."""
    accelerator = start(config)
    sources = [open_source(name, "train") for name in config.data]
    checks = [open_source(name, "val") for name in config.data]
    templates = replace(TemplateSet.load(config.templates), assign=config.assign)
    run = TeacherRun(config, templates, accelerator, checks)
    run.resume()
    batches = Batches(
        sources, templates, config, view_size=config.view_size,
        part=(accelerator.process_index, accelerator.num_processes),
    )  # fmt: skip
    train_on(run, loader_of(run, batches))
