"""`python -m train ablate`: the paper's ablations, each row a whole training with one thing changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import reduce
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import torch

from scenepose.data.sources import open_source
from scenepose.data.surfaces import SURFACES
from scenepose.files import replacing
from scenepose.methods.scenepose import ScenePoseConfig
from scenepose.model.encoder import EncoderConfig
from scenepose.pose.metrics import bootstrap_difference
from train.fit import main as scenepose
from train.fit import teacher
from train.fit.clusters import Poses, describe, fit, fit_groups, shares
from train.fit.config import SHIPPED_HEAD, TeacherConfig, TrainConfig
from train.fit.loop import LAST
from train.judge import evaluate
from train.judge.evaluate import EvaluateConfig

#: A part of `TrainConfig`.
Part = TypeVar("Part", EncoderConfig, ScenePoseConfig)


class Row(NamedTuple):
    """What a row of the table changes.

    ``changes`` are fields of `TrainConfig`, `EncoderConfig` or `ScenePoseConfig`; ``templates`` is the kind
    of set and K.
    """

    group: str
    changes: Mapping[str, object] = {}
    templates: tuple[str, int] = ("picked", 14)


NO_SURFACES = {"surfaces": 0, "surface_weight": 0.0}
#: The rows by name; the first, with all that goes beyond the paper, is what the others are compared with.
ROWS = {
    "full method": Row(""),
    "full method, another seed": Row("", {"seed": 1}),
    "k-means, K = 8": Row("templates", templates=("kmeans", 8)),
    "k-means, K = 14": Row("templates", templates=("kmeans", 14)),
    "k-means, K = 20": Row("templates", templates=("kmeans", 20)),
    "k-means, K = 30": Row("templates", templates=("kmeans", 30)),
    "picked, K = 8": Row("templates", templates=("picked", 8)),
    "picked, K = 20": Row("templates", templates=("picked", 20)),
    "picked, K = 30": Row("templates", templates=("picked", 30)),
    "without scale transformer": Row("modules", {"scale_layers": 0}),
    "local view alone": Row("modules", {"three_views": False}),
    "without self-training": Row("modules", {"self_training": False, "adversarial_weight": 0.0}),
    "without RoIAlign": Row("modules", {"roi": 0}),
    "without distillation": Row("modules, losses", {"distillation_weight": 0.0}),
    "without scale loss": Row("losses", {"scale_weight": 0.0}),
    "without offset loss": Row("losses", {"offset_weight": 0.0}),
    "without adversarial loss": Row("losses", {"adversarial_weight": 0.0}),
    "views of pixels": Row("as in the paper", {"views": "pixels", **NO_SURFACES}),
    "not told the position": Row("as in the paper", {"tell_position": False}),
    "without surface loss": Row("as in the paper", NO_SURFACES),
    "without hidden joints": Row("as in the paper", {"hidden_joints": False}),
    "without the prior": Row("as in the paper", {"prior": False}),
    "scales of the primary pose alone": Row("as in the paper", {"scales": "nearest"}),
    "absolute error of the scale": Row("as in the paper", {"scale_error": "absolute"}),
    "templates by shape alone": Row("as in the paper", {"assign": "shape"}),
    "scores from the pooled F alone": Row("as in the paper", {"scores": "pooled"}),
    "positions as in MaskFormer": Row("as in the paper", {"positions": "detr"}),
    "telling points oftener": Row("beyond the paper", {"telling": 0.5}),
}

#: Fields that change the feature map itself, which cannot be seen where it is given.
ENCODER_FIELDS = ("views", "three_views", "tell_position", "surface_weight")

#: Columns of the table: name in results.json, heading.
COLUMNS = (
    ("pck", "PCK@0.2"),
    ("pck_minus_constant", "over its constant answer"),
    ("pck_top5", "best of 5"),
    ("mse", "MSE"),
    ("posture", "right posture"),
    ("pck_nearest_valid", "PCK, nearest valid"),
    ("average_precision", "AP of scores"),
    ("size_error", "size error"),
    ("floating", "floating"),
    ("sinking", "sinking"),
)

#: Measures that a row is compared with the first in, point by point: name, heading.
COMPARED = (("pck", "PCK@0.2, difference"), ("posture", "right posture, difference"))


@dataclass(frozen=True, kw_only=True)
class AblateConfig:
    """Train and measure every row, or those asked for; what is done already is not done again."""

    data: list[str]
    """Sources, e.g. pack:DIR rooms; measured on their validation split."""
    rows: list[str] = field(default_factory=lambda: ["all"])
    """Names of rows."""
    out: Path = Path("runs/ablation")
    """A folder a row goes there."""
    table: Path = Path("assets/docs/ablation.md")
    """The table, with its budget."""
    steps: int = 300
    """Of the main model."""
    teacher_steps: int = 150
    """Of each template set's teacher."""
    frames: int = 6
    """Frames a step, with 16 points each."""
    view_size: int = 96
    """S of the encoder, and of the teacher's view; the paper has 224."""
    surfaces: bool = True
    """With the surface loss; give --no-surfaces where the sources have no maps of surfaces."""
    freeze_stages: int = 3
    """Stages of the backbone that do not learn."""
    backbone: str = "imagenet"
    """As for `scenepose`."""
    encoder: Path | None = None
    """Give every row the feature map of a folder's encoder.safetensors, which does not learn, instead of the
    backbone; rows that change the feature map are left out. What reads it learns more in the same steps."""
    lr: float = 4e-4
    """As for `scenepose`."""
    validations: int = 6
    """In each training."""
    limit: int = 300
    """Points of each source that are measured."""
    refresh_points: int = 300
    """Points that are labelled at a time, of those to be shown."""
    seed: int = 0
    """As for `scenepose`."""
    device: str = "auto"
    """As for `scenepose`."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """As for `scenepose`."""
    workers: int = 1
    """As for `scenepose`."""
    threads: int = 0
    """As for `scenepose`."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.rows if name != "all" and name not in ROWS]
        if unknown:
            raise ValueError(f"there is no row {unknown[0]!r}; there are {', '.join(ROWS)}")
        if self.encoder is not None:
            other = [name for name in self.chosen if _changes_encoder(name)]
            if other:
                raise ValueError(
                    f"the row {other[0]!r} changes the feature map, which is given: {self.encoder}"
                )

    @property
    def chosen(self) -> list[str]:
        """The rows that are wanted."""
        if "all" not in self.rows:
            return self.rows
        return [name for name in ROWS if self.encoder is None or not _changes_encoder(name)]

    @property
    def budget(self) -> dict[str, object]:
        """What decides a row's figures."""
        free = {"rows", "out", "table", "device", "workers", "threads"}
        return json.loads(json.dumps({k: v for k, v in asdict(self).items() if k not in free}, default=str))

    @property
    def shared(self) -> dict:
        """Fields that both trainings take."""
        names = ("data", "frames", "backbone", "lr", "seed", "device", "precision", "workers", "threads")
        return {name: getattr(self, name) for name in names}


def _changes_encoder(name: str) -> bool:
    return any(key in ENCODER_FIELDS for key in ROWS[name].changes)


def templates_of(kind: str, count: int, config: AblateConfig) -> Path:
    """The file of a template set, fitted where it is not there yet."""
    path = config.out / f"templates-{kind}-{count}.json"
    if not path.is_file():
        sources = (open_source(name, "train").samples for name in config.data)
        poses = reduce(Poses.joined, (Poses.primary(samples) for samples in sources))
        if kind == "picked":
            shapes, groups = fit_groups(poses, shares(count), config.seed)
            templates = describe(shapes, poses, groups=groups)
        else:
            templates = describe(fit(poses, count, config.seed), poses, "shape")
        templates.save(path)
    return path


def teacher_of(settings: TrainConfig, config: AblateConfig) -> Path:
    """The teacher for a row's template set and way to assign poses to it, trained where not there yet."""
    other = "" if settings.assign == "shape" else f"-{settings.assign}"
    out = config.out / (settings.templates.stem.replace("templates", "teacher") + other)
    steps = config.teacher_steps
    teacher.main(
        TeacherConfig(
            out=out, templates=settings.templates, assign=settings.assign, steps=steps, warmup=steps // 10,
            view_size=config.view_size, validate_every=steps, **config.shared,
        )
    )  # fmt: skip
    return out / LAST / "teacher.safetensors"


def training_of(name: str, config: AblateConfig) -> TrainConfig:
    """The settings of a row's main training."""
    row, steps = ROWS[name], config.steps
    kind, count = row.templates
    given = {} if config.encoder is None else {
        "init": config.encoder, "init_parts": "encoder", "freeze_encoder": True,
    }  # fmt: skip
    changes = dict(row.changes) | ({} if config.surfaces else NO_SURFACES)
    base = EncoderConfig(
        view_size=config.view_size, freeze_stages=config.freeze_stages, surfaces=len(SURFACES)
    )
    encoder, model = _changed(base, changes), _changed(SHIPPED_HEAD, changes)
    return TrainConfig(
        out=config.out / folder_of(name), templates=config.out / f"templates-{kind}-{count}.json",
        steps=steps, warmup=steps // 10, validate_every=max(1, steps // config.validations), stable=0.0,
        refresh_points=config.refresh_points, epoch_steps=max(1, steps // config.validations),
        encoder=encoder, model=model, **{**config.shared, **given, **changes},
    )  # fmt: skip


def _changed(part: Part, changes: dict[str, object]) -> Part:
    """A part of the configuration with those changes that are its fields; they are taken out."""
    own = {one.name for one in fields(part)} & changes.keys()
    return replace(part, **{name: changes.pop(name) for name in own})


def folder_of(name: str) -> str:
    """A row's folder."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def row_of(name: str, config: AblateConfig) -> dict:
    """A row's results, with its measures at ``each`` point: read where they are, else trained and measured.

    Raises:
        ValueError: the folder's results were made with another budget.
    """
    settings = training_of(name, config)
    path = settings.out / "results.json"
    if path.is_file():
        kept = json.loads(path.read_text())
        if kept["budget"] != config.budget:
            changed = [key for key, value in config.budget.items() if kept["budget"].get(key) != value]
            raise ValueError(
                f"the row {name!r} in {settings.out} had another {changed[0]}; use another --out"
            )
        return kept["row"] | {name: kept[name] for name in ("each", "places", "weights")}
    print(f"== {name}")
    templates_of(*ROWS[name].templates, config)
    if settings.distillation_weight:
        settings = replace(settings, teacher=teacher_of(settings, config))
    scenepose.main(settings)
    results, _, measures, judged = evaluate.evaluate(
        EvaluateConfig(
            data=config.data, out=settings.out, methods=["scenepose"], split="val", limit=config.limit,
            checkpoint=settings.out / LAST, workers=config.workers,
            device="cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu",
        )
    )  # fmt: skip
    row = {key: value for key, value in results["methods"]["scenepose"].items() if key != "confusion"}
    points = {
        "each": {key: measures["scenepose"][key].tolist() for key, _ in COMPARED},
        "places": evaluate.join_truth(judged).places.tolist(),
        "weights": np.concatenate([one.weights for one in judged]).tolist(),
    }
    kept = {"budget": config.budget, "row": row, "count": results["count"], **points}
    with replacing(path) as part:
        part.write_text(json.dumps(evaluate.finite(kept)) + "\n")
    return row | points


def difference(row: dict, first: dict, key: str) -> str:
    """A row's measure less the first row's, with its 95 % interval."""
    ours, theirs = (np.array(one["each"][key], float) for one in (row, first))
    weights = np.array(row["weights"])
    found = bootstrap_difference(ours, theirs, np.array(row["places"]), weights=weights)
    return f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def table(rows: dict[str, dict], config: AblateConfig) -> str:
    """The rows as Markdown, with their budget."""
    headings = [heading for _, heading in (*COMPARED, *COLUMNS)]
    lines = ["| | | " + " | ".join(headings) + " |", "|---" * (len(headings) + 2) + "|"]
    first = next(iter(rows.values()))
    for name, row in rows.items():
        cells = ["" if row is first else difference(row, first, key) for key, _ in COMPARED]
        for key, _ in COLUMNS:
            value = row[key][0] if key == "pck_minus_constant" else row.get(key)
            cells.append("" if value is None or value != value else f"{value:.{4 if key == 'mse' else 3}f}")
        lines.append(f"| {ROWS[name].group} | {name} | " + " | ".join(cells) + " |")
    sources = ", ".join(name.split(":")[0] for name in config.data)
    start = "the same pretrained backbone" if config.encoder is None else f"{config.encoder}'s feature map"
    frozen = f"{config.freeze_stages} backbone stages" if config.encoder is None else "the feature map"
    lines += [
        "",
        f"{len(first['places'])} validation points of {sources}, weighed by how often people are of each "
        f"kind. Each row was trained by itself from {start}: {config.steps} steps of {config.frames} frames "
        f"with {TrainConfig.points_per_frame} points each (the teacher {config.teacher_steps}), maps of "
        f"pictures {config.view_size} pixels high, {frozen} frozen. Differences: to the first row, point by "
        "point, with 95 % intervals from resampling places; they do not tell how much another seed changes. "
        "The constant answer is that of the row's own templates.",
    ]
    return "\n".join(lines) + "\n"


def main(config: AblateConfig) -> None:
    """Train and measure what is missing; the table is written anew after each row."""
    config.out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict] = {}
    for name in config.chosen:
        rows[name] = row_of(name, config)
        config.table.parent.mkdir(parents=True, exist_ok=True)
        config.table.write_text(table(rows, config))
    print(table(rows, config))
