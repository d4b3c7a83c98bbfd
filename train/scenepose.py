"""`python -m train scenepose`: train the main model, in two stages, with the frozen teacher beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from scenepose.data.sources import Source, open_source
from scenepose.geometry import normalise
from scenepose.model.backbone import load_backbone
from scenepose.model.checkpoint import load_checkpoint, load_teacher, read_teacher_card, save_checkpoint
from scenepose.model.discriminator import Discriminator
from scenepose.model.foundation import ENCODER
from scenepose.model.scenepose import ScenePose
from scenepose.model.teacher import Teacher
from scenepose.templates import TemplateSet
from train.batches import Batch, Batches, Views
from train.config import TrainConfig
from train.judge import Answers, answer, judged_points, per_point, scores_at, truth_at
from train.labels import Labels, Stages
from train.loop import Run, loader_of, start, train_on
from train.parallel import global_counts, in_parts
from train.step import Student, counts_of, training_step, weighted
from train.teacher import gain

#: Parts that say something of single templates.
OF_TEMPLATES = ("foundation.classifier", "scale_transformer.scale_bias", "scale_transformer.learned")
#: Parts that make the feature map.
OF_ENCODER = tuple(f"foundation.{part}." for part in ENCODER)


class ScenePoseRun(Run):
    """The run of the main model: student, teacher, discriminator, and the labels of self-training."""

    config: TrainConfig

    def __init__(
        self,
        config: TrainConfig,
        templates: TemplateSet,
        accelerator: Accelerator,
        sources: Sequence[Source],
        checks: Sequence[Source],
    ) -> None:
        """``sources`` are trained on, points of ``checks`` validated."""
        torch.manual_seed(config.seed)
        self.config, self.sources = config, sources
        generator = ScenePose(config.model, templates)
        self.fresh = _initialise(generator, config)
        if config.freeze_encoder:
            for part in generator.foundation.encoder:
                part.requires_grad_(False)
        self.teacher = _teacher(config, templates, accelerator)
        modules: dict[str, torch.nn.Module] = {
            "student": Student(
                generator, self.teacher.features if self.teacher else None, config.surface_weight > 0
            )
        }
        if config.adversarial_weight:
            modules["discriminator"] = Discriminator(channels=config.model.channels)
        super().__init__(config, accelerator, modules)
        if config.adversarial_weight:
            learning = modules["discriminator"].parameters()
            self.optimisers["discriminator"] = torch.optim.AdamW(
                learning, lr=config.discriminator_lr, betas=(0.5, 0.999), fused=True
            )
        self.labels = Labels.none(sources, templates)
        self.stages = Stages()
        limit = max(1, config.validate_points // max(1, len(checks)))
        points = [judged_points(source.samples, limit) for source in checks]
        self.checks = [
            (s, rows, truth_at(s.samples, rows)) for s, rows in zip(checks, points, strict=True) if len(rows)
        ]
        #: What the coming steps will show, to be labelled before.
        self.coming = Batches(sources, templates, config, view_size=config.model.view_size)
        batch = config.frames * config.points_per_frame
        self.epoch = config.epoch_steps or math.ceil(len(self.labels.nearest) / batch)

    @property
    def student(self) -> Student:
        """The generator, and the map to the teacher's features."""
        student = self.modules["student"]
        assert isinstance(student, Student)
        return student

    @property
    def model(self) -> ScenePose:
        """The generator: what ships."""
        return self.student.generator

    @property
    def cells(self) -> int:
        """Cells of F across for which the batches say what is seen there."""
        return self.config.model.view_size // 8 if self.config.surface_weight else 0

    @property
    def second_stage(self) -> bool:
        """Whether self-training has begun; from then on the discriminator judges."""
        return self.stages.switched >= 0 or not self.config.self_training

    @torch.no_grad()
    def standardise(self, batches: Sequence[Batch]) -> None:
        """Fix how the fresh model's pooled features are standardised, from some batches."""
        self.model.eval()
        features = []
        for batch in batches:
            moved = batch.moved(self.device, self.config.model.view_size)
            assert isinstance(moved.views, Views)
            found = self.model.encode(*moved.views, moved.place, moved.frame)
            features.append(found.mean((2, 3), keepdim=True))
        self.model.foundation.standardise(torch.cat(features))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """One update of the student, and in the second stage one of the discriminator."""
        batch, asked, others = self.labels.apply(batch)
        judge = self.modules.get("discriminator") if self.second_stage else None
        if judge is None:  # nobody looks at other templates' poses
            asked, others = asked[:, :1], others[:, :1]
        count = global_counts(self.accelerator, counts_of(batch, others))
        batch = batch.moved(self.device, self.config.model.view_size)
        asked = asked.to(self.device, non_blocking=True)
        others = others.to(self.device, non_blocking=True)
        assert judge is None or isinstance(judge, Discriminator)
        with self.accelerator.autocast():
            parts = training_step(self.student, self.teacher, judge, batch, asked, others, count, self.config)
        parts["total"] = weighted(parts, self.config)
        gradient = self.update("student", parts["total"])
        if "discriminator" in parts:
            self.update("discriminator", parts["discriminator"])
        return {**parts, "gradient": gradient}

    def validate(self) -> dict[str, float]:
        """Measures on the validation points; "template" is the accuracy that ends the first stage."""
        with self.averaged():
            columns: dict[str, list[np.ndarray]] = {}
            for source, points, truth in self.checks:
                answers = self._answers(source, points)
                poses = np.where(truth.known[..., None], truth.poses, np.nan)
                nearest = self.model.template_set.nearest(normalise(poses), truth.kinds)
                here = per_point(answers, truth)
                here["template"] = (answers.templates[:, 0] == nearest).astype(float)
                here["template_top5"] = (answers.templates == nearest[:, None]).any(1).astype(float)
                for name, values in here.items():
                    columns.setdefault(name, []).append(values)
            values = {name: np.concatenate(parts) for name, parts in columns.items()}
            figures = {name: float(np.nanmean(v)) for name, v in values.items() if not np.isnan(v).all()}
            if self.accelerator.is_main_process:
                card = {"step": self.step, "validation": figures, "data": self.config.data}
                save_checkpoint(self.config.out / "last.safetensors", self.model, card)
            # The top pose is what people see first, the best five what they choose from.
            self.keep_best(figures["pck"] + figures["pck_top5"])
        return figures

    def _answers(self, source: Source, points: np.ndarray) -> Answers:
        def compute(some: np.ndarray) -> tuple[np.ndarray, ...]:
            answers = answer(self.model, source, some, workers=self.config.workers, progress=False)
            assert answers.scores is not None
            return answers.poses, answers.templates, answers.kinds, answers.scores

        return Answers(*in_parts(self.accelerator, points, compute))

    def between_steps(self, figures: dict[str, float] | None) -> dict[str, float] | None:
        """Switch to the second stage, refresh labels between epochs, end when they are stable."""
        config = self.config
        if not config.self_training or self.step >= config.steps:
            return None
        if self.stages.switched < 0:
            if figures is not None:
                self.stages.seen(figures["template"], self.step, config.patience)
            if self.step >= config.latest_switch * config.steps:
                self.stages.switched = self.step
            if self.stages.switched < 0:
                return None
        since = self.step - self.stages.switched
        if since % self.epoch:
            return None
        changed = self._refresh()
        if changed < config.stable:  # and there were labels before
            self.ended = f"the labels are stable: {100 * changed:.2f} % changed in the last epoch"
        figures = self.labels.checked(self.sources, self.model.template_set)
        return {"stage": 2.0, **figures, **({} if math.isnan(changed) else {"changed": changed})}

    def _refresh(self) -> float:
        """Label what the coming epoch shows, by the averaged weights; the share of labels that changed."""
        config = self.config
        drawn = [self.coming.drawn(n) for n in range(self.step, min(self.step + self.epoch, config.steps))]
        shown, sides = (np.concatenate(column) for column in zip(*drawn, strict=True))
        due, mirrored = self.labels.due(shown, sides, config.refresh_points)
        first = np.cumsum([0, *(len(source.samples) for source in self.sources)])
        scores = np.zeros((len(due), len(self.model.templates)))
        with self.averaged():
            for number, source in enumerate(self.sources):
                for side in (False, True):
                    low, high = first[number], first[number + 1]
                    here = (due >= low) & (due < high) & (mirrored == side)

                    def compute(
                        some: np.ndarray, source: Source = source, side: bool = side
                    ) -> tuple[np.ndarray, ...]:
                        return (scores_at(self.model, source, some, mirrored=side, workers=config.workers),)

                    if here.any():
                        scores[here] = in_parts(self.accelerator, due[here] - low, compute)[0]
        return self.labels.refresh(due, mirrored, scores, config.threshold)

    def extra(self) -> dict:
        """Stage and labels."""
        added, labelled = (torch.from_numpy(x) for x in (self.labels.added, self.labels.labelled))
        return {"stages": asdict(self.stages), "added": added, "labelled": labelled}

    def take(self, extra: dict) -> None:
        """Continue with a saved stage and its labels."""
        self.stages = Stages(**extra["stages"])
        self.labels.added[:] = extra["added"].cpu().numpy()
        self.labels.labelled[:] = extra["labelled"].cpu().numpy()


def _initialise(generator: ScenePose, config: TrainConfig) -> list[str]:
    """Load the weights to start from; the names of the tensors that stay fresh.

    Raises:
        ValueError: only the encoder is wanted, and that of ``config.init`` is not like this model's.
    """
    if (config.out / "state.pt").is_file():
        return []  # a run goes on: its state has all weights
    if config.init is None:
        fresh = load_backbone(generator.foundation.backbone, config.backbone)
        return [f"foundation.backbone.{name}" for name in fresh]
    state = load_checkpoint(config.init).state_dict()
    own = generator.state_dict()
    fits = {name: tensor for name, tensor in state.items() if name in own and tensor.shape == own[name].shape}
    if config.init_parts == "encoder":
        encoder = [name for name in own if name.startswith(OF_ENCODER)]
        if set(encoder) - set(fits):
            raise ValueError(f"{config.init} makes its feature map in another way than this model does")
        fits = {name: fits[name] for name in encoder}
    theirs = state["templates"]
    if theirs.shape != generator.templates.shape or not torch.allclose(
        theirs, generator.templates, atol=1e-4
    ):
        fits = {name: tensor for name, tensor in fits.items() if not name.startswith(OF_TEMPLATES)}
    generator.load_state_dict({**fits, "templates": own["templates"]}, strict=False)
    return [name for name in own if name not in fits]


def told(fresh: Sequence[str]) -> str:
    """Which parts of the model start fresh, by module."""
    parts: dict[str, int] = {}
    for name in fresh:
        words = name.split(".")
        depth = 3 if words[:2] == ["foundation", "backbone"] else 2
        part = ".".join(words[:depth])
        parts[part] = parts.get(part, 0) + 1
    return ", ".join(f"{part} ({count} tensors)" for part, count in parts.items()) or "none"


def _teacher(config: TrainConfig, templates: TemplateSet, accelerator: Accelerator) -> Teacher | None:
    """The frozen teacher, where distillation is on.

    Raises:
        FileNotFoundError: it has not been trained. ValueError: it knows other templates.
    """
    if not config.distillation_weight:
        return None
    if config.teacher is None or not config.teacher.is_file():
        raise FileNotFoundError(
            f"there is no teacher at {config.teacher}: train one with `python -m train teacher`, or give "
            "--distillation-weight 0"
        )
    teacher, known = load_teacher(config.teacher)
    ours, theirs = templates.templates, known.templates
    if ours.shape != theirs.shape or not np.allclose(ours, theirs, atol=1e-4):
        raise ValueError(f"the teacher {config.teacher} learnt other templates than {config.templates} holds")
    if templates.assign != known.assign:
        raise ValueError(
            f"the teacher {config.teacher} learnt with --assign {known.assign}, and this run has "
            f"--assign {templates.assign}"
        )
    if teacher.view_size != config.model.view_size:
        raise ValueError(
            f"the teacher {config.teacher} learnt from views of {teacher.view_size} pixels, and the model's "
            f"have {config.model.view_size}"
        )
    teacher = teacher.to(accelerator.device).to(memory_format=torch.channels_last)  # pyright: ignore
    return teacher.eval().requires_grad_(False)


def _see_surfaces(config: TrainConfig, sources: Sequence[Source]) -> None:
    """Say which sources the surface loss learns nothing from.

    Raises:
        ValueError: it learns nothing from any.
    """
    without = [source.name for source in sources if source.surfaces is None]
    if config.surface_weight and len(without) == len(sources):
        raise ValueError(
            f"{', '.join(without)} has no maps of surfaces (`python -m train place` makes them); give "
            "--surface-weight 0"
        )
    if config.surface_weight and without:
        print(f"the surface loss learns nothing from {', '.join(without)}: no maps of surfaces")


def main(config: TrainConfig) -> None:
    """Train until `config.steps`, or until the labels are stable."""
    accelerator = start(config)
    sources = [open_source(name, "train") for name in config.data]
    checks = [open_source(name, "val") for name in config.data]
    _see_surfaces(config, sources)
    templates = replace(TemplateSet.load(config.templates), assign=config.assign)
    run = ScenePoseRun(config, templates, accelerator, sources, checks)
    run.resume()
    if run.step == 0 and accelerator.is_main_process:
        start_from = config.init or f"backbone weights {config.backbone}"
        print(f"the run starts from {start_from}; these parts start fresh: {told(run.fresh)}")
        if run.teacher is not None and config.teacher is not None:
            better = gain(read_teacher_card(config.teacher))
            print(f"the teacher's offsets are {better:.0%} better than none on its validation points")
    batches = Batches(
        sources, run.model.template_set, config, view_size=config.model.view_size, targets=config.targets,
        scales=config.scales, cells=run.cells, part=(accelerator.process_index, accelerator.num_processes),
        cut=run.device.type == "cpu",
    )  # fmt: skip
    if run.step == 0 and (config.init is None or config.init_parts == "encoder"):
        run.standardise([batches.whole(step) for step in range(min(4, config.steps))])
    train_on(run, loader_of(run, batches))
