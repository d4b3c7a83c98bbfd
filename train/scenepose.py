"""`python -m train scenepose`: train the main model with classification, scale and offset losses."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from scenepose.data.sources import Source, open_source
from scenepose.geometry import normalise
from scenepose.losses import classification_loss, offset_loss, scale_loss
from scenepose.model.backbone import load_backbone
from scenepose.model.checkpoint import load_checkpoint, save_checkpoint
from scenepose.model.scenepose import Prediction, ScenePose
from scenepose.templates import TemplateSet
from train.batches import Batch, Batches
from train.config import TrainConfig
from train.judge import Truth, answer, judged_points, per_point, truth_at


def losses(prediction: Prediction, batch: Batch, model: ScenePose, config: TrainConfig) -> dict[str, Tensor]:
    """The losses and their weighted sum, "total". The prediction holds the pose of `batch.template` only."""
    spread = model.template_set
    offset = batch.normalised - model.templates[batch.template]
    scale_std = torch.as_tensor(spread.scale_std, device=prediction.scales.device)
    parts = {
        "classification": classification_loss(
            prediction.logits, batch.positive, batch.counted, config.pos_weight
        ),
        "scale": scale_loss(prediction.scales, batch.scales, scale_std, batch.sized),
        "offset": offset_loss(prediction.offsets[:, 0], offset, spread.offset_std, batch.known),
    }
    parts["total"] = (
        config.classification_weight * parts["classification"]
        + config.scale_weight * parts["scale"]
        + config.offset_weight * parts["offset"]
    )
    return parts


def optimiser_of(model: ScenePose, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW: pretrained stages learn slower, vectors (norms, biases) do not decay."""
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            pretrained = name.startswith("foundation.backbone.") and ".layer4." not in name
            groups.setdefault((pretrained, parameter.dim() > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "share": config.backbone_lr if pretrained else 1.0,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (pretrained, decays), parameters in sorted(groups.items(), key=lambda item: item[0])
        ],
        lr=config.lr,
        fused=True,
    )


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then half a cosine down to a hundredth."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


class Average:
    """A running average of the weights (EMA), which is what is validated and shipped."""

    def __init__(self, model: ScenePose, decay: float) -> None:
        self.decay = decay
        self.weights = {name: tensor.detach().clone() for name, tensor in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: ScenePose, step: int) -> None:
        """Move towards the model; quickly at the start, when old weights mean little."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, tensor in model.named_parameters():
            if tensor.requires_grad:
                self.weights[name].lerp_(tensor, 1 - decay)

    def swap(self, model: ScenePose) -> None:
        """Exchange the model's weights and the average's; twice is the identity."""
        with torch.no_grad():
            for name, tensor in model.named_parameters():
                kept = tensor.detach().clone()
                tensor.copy_(self.weights[name])
                self.weights[name] = kept


class Run:
    """A training run: model, optimiser, average and step, and their place on disk."""

    def __init__(self, config: TrainConfig, templates: TemplateSet, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.config, self.device, self.step = config, device, 0
        self.best = -1.0
        model = ScenePose(config.model, templates)
        if not (config.out / "state.pt").is_file():
            if config.init is None:
                load_backbone(model.foundation.backbone, config.backbone)
            else:
                # Parts that the checkpoint's model lacks keep their random start.
                model.load_state_dict(load_checkpoint(config.init).state_dict(), strict=False)
        self.model = model.to(device).to(memory_format=torch.channels_last)  # pyright: ignore
        self.optimiser = optimiser_of(self.model, config)
        self.average = Average(self.model, config.ema)

    @torch.no_grad()
    def standardise(self, batches: Sequence[Batch]) -> None:
        """Fix how the fresh model's pooled features are standardised, from some batches."""
        self.model.eval()
        features = []
        for batch in batches:
            moved = Batch(*(_to(x, self.device) for x in batch))
            features.append(
                self.model.encode(
                    moved.global_views, moved.local_views, moved.detail_views, moved.place, moved.frame
                ).mean((2, 3), keepdim=True)
            )
        self.model.foundation.standardise(torch.cat(features))

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One step of the optimiser; the losses. Raises FloatingPointError when they are not finite."""
        config, model = self.config, self.model
        batch = Batch(*(_to(x, self.device) for x in batch))
        model.train()
        # Dropout depends on the step alone, so that a resumed run equals an unbroken one.
        torch.manual_seed(config.seed * 1_000_003 + self.step)
        rate = learning_rate(self.step, config)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            prediction = model(
                batch.global_views, batch.local_views, batch.detail_views,
                place=batch.place, frame=batch.frame, only=batch.template[:, None],
            )  # fmt: skip
        parts = losses(prediction, batch, model, config)
        self.optimiser.zero_grad(set_to_none=True)
        parts["total"].backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        if not torch.isfinite(norm) or not torch.isfinite(parts["total"]):
            raise FloatingPointError(
                f"the loss of step {self.step} is not finite; the last good state stays in {config.out}"
            )
        self.optimiser.step()
        self.step += 1
        if config.ema:
            self.average.update(model, self.step)
        return {name: float(value.detach()) for name, value in parts.items()} | {"gradient": float(norm)}

    def state(self) -> dict:
        """Everything that the rest of the run depends on."""
        return {
            "step": self.step,
            "best": self.best,
            "model": self.model.state_dict(),
            "average": self.average.weights,
            "optimiser": self.optimiser.state_dict(),
        }

    def save(self) -> None:
        """Write the state whole or not at all."""
        part = self.config.out / "state.pt.part"
        torch.save(self.state(), part)
        os.replace(part, self.config.out / "state.pt")

    def resume(self) -> None:
        """Continue from the state on disk, where there is one."""
        path = self.config.out / "state.pt"
        if path.is_file():
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average.weights = state["average"]
            self.step, self.best = state["step"], state["best"]


def _to(tensor: Tensor, device: torch.device) -> Tensor:
    if tensor.dim() == 4 and tensor.is_floating_point() and tensor.shape[1] == 3:
        return tensor.to(device, memory_format=torch.channels_last, non_blocking=True)
    return tensor.to(device, non_blocking=True)


def validate(run: Run, checks: list[tuple[Source, np.ndarray, Truth]]) -> dict[str, float]:
    """Measures on the fixed validation points, by the averaged weights; saves them when they are the best."""
    if run.config.ema:
        run.average.swap(run.model)
    columns: dict[str, list[np.ndarray]] = {}
    for source, points, truth in checks:
        answers = answer(run.model, source, points, workers=run.config.workers)
        nearest = run.model.template_set.nearest(
            normalise(np.where(truth.known[..., None], truth.poses, np.nan))
        )
        here = per_point(answers, truth)
        here["template"] = (answers.templates[:, 0] == nearest).astype(float)
        here["template_top5"] = (answers.templates == nearest[:, None]).any(1).astype(float)
        for name, values in here.items():
            columns.setdefault(name, []).append(values)
    values = {name: np.concatenate(parts) for name, parts in columns.items()}
    figures = {name: float(np.nanmean(v)) for name, v in values.items() if not np.isnan(v).all()}
    # The top pose is what people see first, the best five what they choose from.
    quality = figures["pck"] + figures["pck_top5"]
    card = {"step": run.step, "validation": figures, "data": run.config.data}
    save_checkpoint(run.config.out / "last.safetensors", run.model, card)
    if quality > run.best:
        run.best = quality
        shutil.copyfile(run.config.out / "last.safetensors", run.config.out / "best.safetensors")
    if run.config.ema:
        run.average.swap(run.model)
    return figures


def prepare(config: TrainConfig) -> Run:
    """Make the out folder and the run, continuing what is there."""
    if config.restart and config.out.is_dir():
        for name in ("state.pt", "config.json", "log.jsonl", "best.safetensors", "last.safetensors"):
            (config.out / name).unlink(missing_ok=True)
    config.out.mkdir(parents=True, exist_ok=True)
    saved = config.out / "config.json"
    if (config.out / "state.pt").is_file() and saved.is_file() and (changed := config.differences(saved)):
        raise ValueError(
            f"the run in {config.out} was started with another {changed[0]}; use --restart or another --out"
        )
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.set_flush_denormal(True)  # the optimiser's averages of tiny gradients are slow otherwise
    name = config.device if config.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    run = Run(config, TemplateSet.load(config.templates), torch.device(name))
    run.resume()
    config.save(saved)
    return run


def main(config: TrainConfig) -> None:
    """Train until `config.steps`."""
    run = prepare(config)
    sources = [open_source(name, "train") for name in config.data]
    checks = []
    for name in config.data:
        source = open_source(name, "val")
        points = judged_points(source.samples, max(1, config.validate_points // len(config.data)))
        checks.append((source, points, truth_at(source.samples, points)))
    batches = Batches(sources, run.model.template_set, config)
    if run.step == 0 and config.init is None:
        run.standardise([batches[step] for step in range(min(4, config.steps))])
    loader = DataLoader(
        batches, batch_size=None, sampler=range(run.step, config.steps), num_workers=config.workers,
        prefetch_factor=2 if config.workers else None, pin_memory=run.device.type == "cuda",
    )  # fmt: skip
    train_on(run, loader, checks)


def train_on(run: Run, loader: DataLoader, checks: list[tuple[Source, np.ndarray, Truth]]) -> None:
    """The loop: step, log, validate, save."""
    config, saved, smooth = run.config, time.monotonic(), {}
    board = _board(config.out)
    bar = tqdm(total=config.steps, initial=run.step, desc="training", unit="step")
    try:
        for batch in loader:
            parts = run.train_step(batch)
            smooth = {name: 0.95 * smooth.get(name, value) + 0.05 * value for name, value in parts.items()}
            bar.set_postfix({name: f"{value:.3f}" for name, value in smooth.items()}, refresh=False)
            bar.update()
            if run.step % 25 == 0 and board is not None:
                for name, value in smooth.items():
                    board.add_scalar(f"train/{name}", value, run.step)
            done = run.step == config.steps
            if done or run.step % config.validate_every == 0:
                figures = validate(run, checks)
                tqdm.write(f"step {run.step}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()))
                line = {"step": run.step, "train": smooth, "validation": figures}
                with (config.out / "log.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
                if board is not None:
                    for name, value in figures.items():
                        board.add_scalar(f"validation/{name}", value, run.step)
            if done or time.monotonic() - saved > 60 * config.save_minutes:
                run.save()
                saved = time.monotonic()
    finally:
        bar.close()
        if board is not None:
            board.close()


def _board(out: Path):
    """TensorBoard's writer, where it is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(out / "tensorboard"))
