"""`scenepose bench --training`: what a training step costs against three bare ResNet-18 passes."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torchvision.models import resnet18

from scenepose.assets import assets
from scenepose.data.sources import Source, open_source
from scenepose.model.checkpoint import save_teacher
from scenepose.model.encoder import EncoderConfig
from scenepose.model.teacher import Teacher
from scenepose.pose.templates import TemplateSet
from train.fit.batches import Batches
from train.fit.config import TrainConfig
from train.fit.loop import loader_of, start
from train.fit.main import ScenePoseRun

#: Ratio that a step should stay below.
TARGET = 2.0


def training(
    sources: Sequence[Source],
    templates: TemplateSet,
    encoder: EncoderConfig,
    *,
    frames: int = 2,
    points_per_frame: int = 16,
    repeats: int = 3,
    precision: str = "fp32",
    device: str = "auto",
    workers: int = 0,
) -> tuple[float, float]:
    """Median seconds of a whole step of the second stage, and of three bare passes, timed in turns.

    The step: loading, encoding, the teacher for its share of the points, every loss, the discriminator's
    update, nothing frozen, poses of about three templates at each point, averaging of the weights. Bare:
    forward and backward of torchvision's ResNet-18 at the same size, precision and memory layout, three times
    for each point. With ``workers`` 0 pictures are prepared within the step, so nothing is hidden; with more
    a turn is 40 steps, of which the loader's processes can have a few ready.
    """
    with tempfile.TemporaryDirectory() as folder:
        teacher = Path(folder) / "teacher.safetensors"
        save_teacher(teacher, Teacher(view_size=encoder.view_size), templates, {})
        config = TrainConfig(
            data=[source.name for source in sources], out=Path(folder), teacher=teacher, backbone="none",
            steps=1_000_000, frames=frames, points_per_frame=points_per_frame, workers=workers, device=device,
            precision="bf16" if precision == "bf16" else "fp32", encoder=encoder,
            surface_weight=TrainConfig.surface_weight if encoder.surfaces else 0.0,
        )  # fmt: skip
        run = ScenePoseRun(config, templates, start(config), sources, [])
    run.stages.switched = 0
    run.labels.added[:] = np.random.default_rng(0).random(run.labels.added.shape) < 0.15
    batches = Batches(
        sources, templates, config, view_size=encoder.view_size, scales="valid",
        surfaces=config.surface_weight > 0,
    )  # fmt: skip
    loader = iter(loader_of(run, batches))
    bare = resnet18().to(run.device).to(memory_format=torch.channels_last).train()  # pyright: ignore
    size = (frames * points_per_frame, 3, encoder.view_size, encoder.view_size)
    views = torch.rand(size, device=run.device).to(memory_format=torch.channels_last)

    def own() -> None:
        parts = run.train_step(next(loader))
        if run.step % 20 == 0:
            float(parts["total"])

    def passes() -> None:
        for _ in range(3):
            with run.accelerator.autocast():
                loss = bare(views).float().sum()
            bare.zero_grad(set_to_none=True)
            loss.backward()

    block = 40 if workers else 1
    times = _turns(run.device, (own, passes), repeats, block)
    return times[0], times[1]


def _turns(
    device: torch.device, things: Sequence[Callable[[], None]], repeats: int, block: int
) -> list[float]:
    """Median seconds of each of some things, timed in turns after an untimed one."""
    times: list[list[float]] = [[] for _ in things]
    for turn in range(repeats + 1):
        for thing, found in zip(things, times, strict=True):
            begun = time.perf_counter()
            for _ in range(block):
                thing()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:
                found.append((time.perf_counter() - begun) / block)
    return [statistics.median(found) for found in times]


def report(frames: int, repeats: int, precision: str, workers: int) -> None:
    """Measure on the bundled rooms with the bundled templates at the paper's view size, and print a line."""
    templates, points = TemplateSet.load(assets() / "templates" / "picked.json"), 16
    own, bare = training(
        [open_source("rooms", "train")], templates, EncoderConfig(), frames=frames, points_per_frame=points,
        repeats=repeats, precision=precision, workers=workers,
    )  # fmt: skip
    ratio = own / bare
    print(
        f"training step  {own * 1000:8.1f} ms / {bare * 1000:8.1f} ms (3 x ResNet-18 and its gradient, "
        f"{frames * points} points, {precision}) = {ratio:.2f}, "
        f"{'within' if ratio <= TARGET else 'ABOVE'} the target of {TARGET}"
    )
