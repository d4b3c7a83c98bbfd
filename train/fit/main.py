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
from scenepose.methods.checkpoint import save_head
from scenepose.methods.scenepose import ScenePose
from scenepose.model.backbone import load_backbone
from scenepose.model.checkpoint import TEACHER, load_teacher, read_card, read_floats, save_encoder
from scenepose.model.discriminator import Discriminator
from scenepose.model.encoder import Encoder
from scenepose.model.features import join
from scenepose.model.teacher import Teacher
from scenepose.pose.geometry import normalise
from scenepose.pose.templates import TemplateSet
from train.fit.batches import Batch, Batches
from train.fit.config import TrainConfig
from train.fit.labels import Labels, Stages
from train.fit.loop import LAST, Run, loader_of, start, train_on
from train.fit.parallel import global_counts, in_parts
from train.fit.step import Student, counts_of, training_step, weighted
from train.fit.teacher import gain
from train.judge.measure import Answers, answer, judged_points, per_point, scores_at, truth_at

#: Parts of the head that belong to single templates.
OF_TEMPLATES = ("classifier", "scale_transformer.scale_bias", "scale_transformer.learned")


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
        encoder = Encoder(config.encoder)
        head = ScenePose(config.model, config.encoder, templates)
        head.sizes = config.model
        self.fresh = _initialise(encoder, head, config)
        if config.freeze_encoder:
            encoder.requires_grad_(False)
        self.teacher = _teacher(config, templates, accelerator)
        modules: dict[str, torch.nn.Module] = {
            "student": Student(encoder, head, self.teacher.features if self.teacher else None)
        }
        if config.adversarial_weight:
            modules["discriminator"] = Discriminator(channels=config.encoder.channels)
        super().__init__(config, accelerator, modules)
        if config.adversarial_weight:
            learning = modules["discriminator"].parameters()
            self.optimisers["discriminator"] = torch.optim.AdamW(
                learning, lr=config.discriminator_lr, betas=(0.5, 0.999), fused=True
            )
        self.labels = Labels.none(sources, templates)
        self.stages = Stages()
        checks = [source for source in checks if source.samples.primary.any()]
        limit = max(1, config.validate_points // max(1, len(checks)))
        points = [judged_points(source.samples, limit) for source in checks]
        self.checks = [(s, rows, truth_at(s.samples, rows)) for s, rows in zip(checks, points, strict=True)]
        #: What the coming steps will show, to be labelled before.
        self.coming = Batches(sources, templates, config, view_size=config.encoder.view_size)
        batch = config.frames * config.points_per_frame
        self.epoch = config.epoch_steps or math.ceil(len(self.labels.nearest) / batch)

    @property
    def student(self) -> Student:
        """Encoder and head, which ship, and the map to the teacher's features."""
        student = self.modules["student"]
        assert isinstance(student, Student)
        return student

    @property
    def second_stage(self) -> bool:
        """Whether self-training has begun; from then on the discriminator judges."""
        return self.stages.switched >= 0 or not self.config.self_training

    @torch.no_grad()
    def standardise(self, batches: Sequence[Batch]) -> None:
        """Fix how the fresh head's pooled features are standardised, from some batches."""
        encoder = self.student.encoder.eval()
        moved = [batch.moved(self.device) for batch in batches]
        self.student.head.standardise(join([encoder.features(b.pictures, b.positions) for b in moved]))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """One update of the student, and in the second stage one of the discriminator."""
        batch, asked, others = self.labels.apply(batch)
        judge = self.modules.get("discriminator") if self.second_stage else None
        if judge is None:  # nobody looks at other templates' poses
            asked, others = asked[:, :1], others[:, :1]
        count = global_counts(self.accelerator, counts_of(batch, others))
        batch = batch.moved(self.device)
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
            figures_of: dict[str, np.ndarray] = {}
            for source, points, truth in self.checks:
                answers = self._answers(source, points)
                poses = np.where(truth.known[..., None], truth.poses, np.nan)
                nearest = self.student.head.template_set.nearest(normalise(poses), truth.kinds)
                here = per_point(answers, truth)
                here["template"] = (answers.templates[:, 0] == nearest).astype(float)
                here["template_top5"] = (answers.templates == nearest[:, None]).any(1).astype(float)
                for name, values in here.items():
                    columns.setdefault(name, []).append(values)
                    figures_of[f"{source.name.split(':')[0]} {name}"] = values
            values = {name: np.concatenate(parts) for name, parts in columns.items()} | figures_of
            figures = {name: float(np.nanmean(v)) for name, v in values.items() if not np.isnan(v).all()}
            if self.accelerator.is_main_process:
                card = {"step": self.step, "validation": figures, "data": self.config.data}
                student, folder = self.student, self.config.out / LAST
                save_encoder(folder / "encoder.safetensors", student.encoder, card)
                save_head(folder / "scenepose.safetensors", "scenepose", student.head, student.encoder, card)
            # The top pose is what people see first, the best five what they choose from.
            self.keep_best(figures["pck"] + figures["pck_top5"])
        return figures

    def _answers(self, source: Source, points: np.ndarray) -> Answers:
        student = self.student

        def compute(some: np.ndarray) -> tuple[np.ndarray, ...]:
            heads = {"scenepose": student.head}
            answers = answer(
                student.encoder, heads, source, some, workers=self.config.workers, progress=False
            )
            found = answers["scenepose"]
            assert found.scores is not None
            return found.poses, found.templates, found.kinds, found.scores

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
        figures = self.labels.checked(self.sources, self.student.head.template_set)
        return {"stage": 2.0, **figures, **({} if math.isnan(changed) else {"changed": changed})}

    def _refresh(self) -> float:
        """Label what the coming epoch shows, by the averaged weights; the share of labels that changed."""
        config = self.config
        drawn = [self.coming.drawn(n) for n in range(self.step, min(self.step + self.epoch, config.steps))]
        shown, sides = (np.concatenate(column) for column in zip(*drawn, strict=True))
        due, mirrored = self.labels.due(shown, sides, config.refresh_points)
        first = np.cumsum([0, *(len(source.samples) for source in self.sources)])
        student = self.student
        scores = np.zeros((len(due), len(student.head.templates)))
        with self.averaged():
            for number, source in enumerate(self.sources):
                for side in (False, True):
                    low, high = first[number], first[number + 1]
                    here = (due >= low) & (due < high) & (mirrored == side)

                    def compute(
                        some: np.ndarray, source: Source = source, side: bool = side
                    ) -> tuple[np.ndarray, ...]:
                        found = scores_at(
                            student.encoder, student.head, source, some,
                            mirrored=side, workers=config.workers, progress=False,
                        )  # fmt: skip
                        return (found,)

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


def _initialise(encoder: Encoder, head: ScenePose, config: TrainConfig) -> list[str]:
    """Load the weights to start from; the names of the tensors that stay fresh.

    Raises:
        ValueError: only the encoder is wanted, and that of ``config.init`` is not like this model's.
    """
    if (config.out / "state.pt").is_file():
        return []  # a run goes on: its state has all weights
    if config.init is None:
        return [f"encoder.backbone.{name}" for name in load_backbone(encoder.backbone, config.backbone)]
    missing = _take(encoder, read_floats(config.init / "encoder.safetensors"))
    if config.init_parts == "encoder":
        if lacking := [name for name in missing if not name.startswith("surface.")]:
            raise ValueError(f"the encoder in {config.init} is made in another way: it lacks {lacking[0]}")
        return [f"head.{name}" for name in head.state_dict()]
    state = read_floats(config.init / "scenepose.safetensors")
    theirs = state.pop("templates")
    if theirs.shape != head.templates.shape or not torch.allclose(theirs, head.templates, atol=1e-4):
        state = {name: tensor for name, tensor in state.items() if not name.startswith(OF_TEMPLATES)}
    fresh = [name for name in _take(head, state) if name != "templates"]
    return [*(f"encoder.{name}" for name in missing), *(f"head.{name}" for name in fresh)]


def _take(module: torch.nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Give a module the tensors that fit it; the names of those that it keeps as they are."""
    own = module.state_dict()
    fits = {name: tensor for name, tensor in state.items() if name in own and tensor.shape == own[name].shape}
    module.load_state_dict(fits, strict=False)
    return [name for name in own if name not in fits]


def told(fresh: Sequence[str]) -> str:
    """Which parts of the model start fresh, by module."""
    parts: dict[str, int] = {}
    for name in fresh:
        words = name.split(".")
        depth = 3 if words[:2] == ["encoder", "backbone"] else 2
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
            better = gain(read_card(config.teacher, TEACHER, "a teacher"))
            print(f"the teacher's offsets are {better:.0%} better than none on its validation points")
    batches = Batches(
        sources, templates, config, view_size=config.encoder.view_size, targets=config.targets,
        scales=config.scales, surfaces=config.surface_weight > 0,
        part=(accelerator.process_index, accelerator.num_processes),
    )  # fmt: skip
    if run.step == 0 and (config.init is None or config.init_parts == "encoder"):
        run.standardise([batches.whole(step) for step in range(min(4, config.steps))])
    train_on(run, loader_of(run, batches))
