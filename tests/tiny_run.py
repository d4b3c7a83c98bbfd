"""A whole training run on tiny data: every module, both stages. `python -m tests.tiny_run OUT` runs it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from scenepose.data.surfaces import SURFACES
from scenepose.model.checkpoint import save_teacher
from scenepose.model.teacher import Teacher
from tests import tiny
from train.fit.batches import Batch, Batches
from train.fit.config import TrainConfig
from train.fit.loop import loader_of, start, train_on
from train.fit.main import ScenePoseRun

SIZE = 32


def settings(folder: Path, **changes) -> TrainConfig:
    """Five steps; the second stage begins after two, labels are refreshed after each. Makes the teacher."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "teacher.safetensors").is_file():
        torch.manual_seed(5)
        teacher = Teacher(features=12, view_size=SIZE)
        save_teacher(folder / "teacher.safetensors", teacher, tiny.template_set(), {})
    config = TrainConfig(
        data=["tiny"], out=folder / "run", teacher=folder / "teacher.safetensors", backbone="none", steps=5,
        frames=2, points_per_frame=2, warmup=2, lr=1e-3, workers=0, device="cpu", validate_every=2,
        validate_points=4, save_minutes=0.0, latest_switch=0.4, epoch_steps=1, stable=0.0, threshold=0.5,
        surface_weight=0.5, teacher_share=0.5, assign="shape",
        encoder=replace(tiny.ENCODER, view_size=SIZE, freeze_stages=4, surfaces=len(SURFACES)),
        model=replace(tiny.CONFIG, hidden_joints=True),
    )  # fmt: skip
    return replace(config, **changes)


class Recorded(ScenePoseRun):
    """A run that keeps every step's losses."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config, tiny.template_set(), start(config), [tiny.source()], [tiny.source(seed=1)])
        self.curve: list[dict[str, float]] = []
        self.resume()

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        parts = super().train_step(batch)
        self.curve.append({name: float(value) for name, value in parts.items()})
        return parts

    def batches(self) -> Batches:
        """This process' part of the training batches."""
        part = (self.accelerator.process_index, self.accelerator.num_processes)
        return Batches(
            list(self.sources),
            self.student.head.template_set,
            self.config,
            view_size=SIZE,
            targets=self.config.targets,
            scales=self.config.scales,
            surfaces=True,
            part=part,
        )

    def run(self) -> Recorded:
        """Train to the end."""
        train_on(self, loader_of(self, self.batches()))
        return self


def main(folder: Path) -> None:
    """Run, and write the losses of the first process."""
    torch.set_num_threads(1)
    run = Recorded(settings(folder, model=replace(settings(folder).model, dropout=0.0))).run()
    if run.accelerator.is_main_process:
        (folder / "curve.json").write_text(json.dumps(run.curve))
        (folder / "modules.json").write_text(json.dumps(sorted(sys.modules)))
        (folder / "processes").write_text(str(run.accelerator.num_processes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
