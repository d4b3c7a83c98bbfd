"""`python -m train card`: the model card, from what the checkpoint, evaluations and judges say."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from scenepose.data.sources import SOURCES
from scenepose.methods.checkpoint import read_head_file
from scenepose.model.checkpoint import load_encoder
from scenepose.pose.kinds import KINDS
from train.judge.answers import folder_of
from train.judge.evaluate import WEIGHED

CARD = """# {name}

A generator of human poses for a point in a picture of a place: 16 MPII keypoints for each of {templates} pose
templates, with a compatibility score each. Method: Yao, Chen, Niu, Sheng, "Scene-aware Human Pose Generation
using Transformer", ACM MM 2023, written new. {parameters:.1f} million parameters, half precision,
{megabytes:.1f} MB in two files, the encoder and the head; {views} (the paper has 224).

## Terms

{licence}

## Data

{data}

## Training

{steps} steps of {frames} frames with {points} points each in the last run; the backbone began as {backbone}.
{parts} {frozen}{compute}

On the run's own fixed validation points (averaged weights, before the scores were calibrated):

{validation}

## Scores

{scores}{shifted}
{sections}
## Limits

Poses are what a placer computed to fit physically; the kinds: {kinds}. Indoor rooms, one person at a time,
adults of 1.50 to 1.95 m. A pose is a suggestion for a picture, no statement about safety or behaviour.
"""

CALIBRATED = """Calibrated on {points} validation points, {empty} of them where nobody fits: of the templates
with a score of 0.7 about 70 % fit, as far as the placer found."""

FROZEN = "What makes the feature map stayed fixed in this run."

SHIFTED = """ Before that the logits of the postures'
templates were shifted ({shifts}), to what made the top poses best on validation points."""

UNCALIBRATED = """The compatibility score is trained to rank, and a positive weighs {pos_weight} times a
negative, so it is no probability."""

#: How an encoder sees a point, by its ``views``.
VIEWS = {
    "maps": "views are windows of maps of the picture at heights of {size} and {twice} pixels",
    "pixels": "views of {size} pixels, cut from the picture",
}

#: Rows of a source's table: name in results.json, heading, decimals.
MEASURES = (
    ("pck", "PCK@0.2", 3),
    ("pck_top5", "PCK@0.2, best of 5", 3),
    ("mse", "MSE", 4),
    ("pck_nearest_valid", "PCK@0.2, nearest valid pose", 3),
    ("posture", "right posture, where one only fits", 3),
    ("support", "right support, where one only fits", 3),
    ("size_error", "size error", 3),
)


@dataclass
class CardConfig:
    """Write a checkpoint's card beside it."""

    checkpoint: Path = Path("assets/checkpoints/scenepose.safetensors")
    """What `python -m train release` wrote."""
    results: list[Path] = field(default_factory=list)
    """Evaluations of it: files results.json."""
    verdicts: Path | None = None
    """What people said: the verdicts.md of `python -m train verdicts`."""
    ablation: list[Path] = field(default_factory=list)
    """Tables of `python -m train ablate`."""
    failures: Path | None = None
    """Known failures, written by people, in Markdown."""


def method_of(run: dict, second_stage: int, teacher_gain: float | None = None) -> str:
    """Which parts of the method a run used, from its config, the steps of its second stage, and how much
    better than none the teacher's offsets were."""
    parts = {
        "distillation from a teacher": run.get("distillation_weight"),
        "self-training in two stages": run.get("self_training") and second_stage > 0,
        "the adversarial loss": run.get("adversarial_weight") and second_stage > 0,
    }
    used, without = ([name for name, weight in parts.items() if bool(weight) == on] for on in (True, False))
    if run.get("surface_weight"):
        used.append("the surface loss (beyond the paper)")
    if run.get("hidden_weight") and run.get("model", {}).get("hidden_joints"):
        used.append("hidden joints (beyond the paper)")
    if run.get("encoder", {}).get("views") == "maps":
        used.append("views as windows of the whole picture's maps (beyond the paper)")
    if run.get("prior"):
        used.append("points drawn so that kinds of pose are as frequent as among people")
    if run.get("assign") == "posture":
        used.append("templates assigned within a pose's posture (beyond the paper)")
    listed = (("With", used), ("Without", without))
    sentences = [f"{word} {', '.join(names)}." for word, names in listed if names]
    if run.get("self_training") and second_stage:
        sentences.append(f"The second stage had {second_stage} of the steps.")
    if run.get("distillation_weight") and teacher_gain is not None and not math.isnan(teacher_gain):
        sentences.append(f"The teacher's offsets are {teacher_gain:.0%} better than none.")
    return " ".join(sentences)


def measured(results: dict) -> str:
    """A source's figures with their intervals, overall and by kind."""
    sources = ", ".join(
        f"{name}:{split}" for name, split in zip(results["sources"], results["splits"], strict=True)
    )
    rows = results["methods"]
    own, constant = rows["scenepose"], rows["constant"]
    points = f"{results['count']} points in {results['places']} places"
    lines = [
        f"## Measured on {sources}",
        "",
        f"{points}, {WEIGHED[results.get('points', 'frozen')]}; 95 % intervals resample places.",
        "",
        "| | ScenePose | constant answer | difference |",
        "|---|---|---|---|",
    ]
    for key, heading, digits in MEASURES:
        if own.get(key) is None:
            continue
        mean, low, high = own[f"{key}_minus_constant"]
        lines.append(
            f"| {heading} | {_interval(own, key, digits)} | {_interval(constant, key, digits)} | "
            f"{mean:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f}) |"
        )
    kinds = [kind for kind in KINDS if own["pck_by_kind"].get(kind) is not None]
    lines += ["", "| kind of the true pose | PCK@0.2 | best of 5 | nearest valid pose |", "|---|---|---|---|"]
    for kind in kinds:
        cells = (own[f"{key}_by_kind"].get(kind) for key in ("pck", "pck_top5", "pck_nearest_valid"))
        lines.append(f"| {kind} | " + " | ".join("" if c is None else f"{c:.3f}" for c in cells) + " |")
    lines += ["", "| score said | templates that fit | templates |", "|---|---|---|"]
    lines += [f"| {b['said']:.2f} | {b['found']:.2f} | {b['count']} |" for b in own["calibration"]]
    if "nobody_auc" in own:
        lines += [
            "",
            f"The highest score is below 0.5 at {own['nobody_below_half']:.0%} of {own['nobody_points']} "
            f"points where nobody fits, and at {own['somebody_below_half']:.0%} of the others.",
        ]
    return "\n".join(lines) + "\n"


def _interval(row: dict, key: str, digits: int) -> str:
    if row.get(key) is None:
        return ""
    low, high = row[f"{key}_interval"]
    return f"{row[key]:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def main(config: CardConfig) -> None:
    """Write the card.

    Raises:
        ValueError: the checkpoint's own card does not say how it was trained.
    """
    head, own = read_head_file(config.checkpoint), folder_of(config.checkpoint) / "encoder.safetensors"
    encoder, card = load_encoder(own), head.card
    if "run" not in card:
        raise ValueError(f"{config.checkpoint} does not say how it was trained; release it anew")
    run, calibration = card["run"], card["calibration"]
    sections = [measured(json.loads(path.read_text())) for path in config.results]
    for heading, paths in (
        ("Judged one by one", [config.verdicts]),
        ("Parts left out", config.ablation),
        ("Known failures", [config.failures]),
    ):
        texts = [path.read_text().strip() for path in paths if path is not None]
        if texts:
            sections.append(f"## {heading}\n\n" + "\n\n".join(texts) + "\n")
    stages, size = run["encoder"]["freeze_stages"], encoder.config.view_size
    frozen = f"{stages} of the backbone's 4 stages stayed fixed." if stages else "Nothing stayed fixed."
    shifted = ", ".join(f"{name} {value:+.1f}" for name, value in card["posture_shifts"].items() if value)
    text = CARD.format(
        name=config.checkpoint.stem, templates=len(head.template_set), licence=card["licence"],
        parameters=(head.parameters + sum(p.numel() for p in encoder.parameters())) / 1e6,
        megabytes=(config.checkpoint.stat().st_size + own.stat().st_size) / 1e6,
        views=VIEWS[encoder.config.views].format(size=size, twice=2 * size),
        backbone=card["backbone"],
        data="\n".join(
            f"- {SOURCES[name].card if name in SOURCES else name}" for name in dict.fromkeys(card["data"])
        ),
        steps=card["step"], frames=run["frames"], points=run["points_per_frame"],
        parts=method_of(run, card["second_stage_steps"], card.get("teacher_gain")),
        frozen=FROZEN if run.get("freeze_encoder") else frozen,
        compute=f" {card['compute']}" if card["compute"] else "",
        validation="\n".join(f"- {name}: {value:.3f}" for name, value in card["validation"].items()),
        scores=CALIBRATED.format(points=calibration["points"], empty=calibration["empty"])
        if calibration
        else UNCALIBRATED.format(pos_weight=run["pos_weight"]),
        shifted=SHIFTED.format(shifts=shifted) if shifted else "",
        sections="".join(f"\n{section}" for section in sections),
        kinds=", ".join(dict.fromkeys(head.template_set.kinds)),
    )  # fmt: skip
    out = config.checkpoint.with_suffix(".md")
    out.write_text(text)
    print(f"wrote {out}")
