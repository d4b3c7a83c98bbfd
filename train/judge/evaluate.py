"""`python -m train evaluate`: measure methods on sources; results.json, a table, figures and a sheet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from scenepose.data.prior import point_weights
from scenepose.data.shapes import cropped
from scenepose.data.sources import Source, open_source, parse_source
from scenepose.pose.geometry import normalise
from scenepose.pose.kinds import KINDS
from scenepose.pose.metrics import bootstrap, bootstrap_difference, diversity, pck_curve, weighted_mean
from scenepose.pose.templates import TemplateSet
from train.fit.loop import BEST
from train.judge import figures
from train.judge.answers import (
    FINETUNED,
    answers_of,
    every_name,
    ms_per_click,
    open_methods,
    parameters_of,
    together,
)
from train.judge.cases import draw_cases
from train.judge.measure import (
    Answers,
    Truth,
    constant_answers,
    empty_points,
    judged_points,
    other_answers,
    per_point,
    truth_at,
    valid_templates,
)
from train.judge.support import Support, support_at

#: Columns of results.md: name in results.json, heading.
COLUMNS = (
    ("pck", "PCK@0.2"),
    ("pck_top3", "best of 3"),
    ("pck_top5", "best of 5"),
    ("mse", "MSE"),
    ("pck_mcma", "PCK, MCMA's torso"),
    ("pck_nearest_valid", "PCK, nearest valid"),
    ("kind", "right kind"),
    ("posture", "right posture"),
    ("support", "right support"),
    ("size_error", "size error"),
    ("floating", "floating"),
    ("sinking", "sinking"),
    ("diversity", "diversity"),
)

#: How points were weighed, for the table.
WEIGHED = {
    "prior": "weighed so that the kinds of pose are as frequent as among people",
    "frozen": "all weighing the same",
}


@dataclass
class EvaluateConfig:
    """Measure methods beside the constant answer and, where known, other true poses."""

    data: list[str]
    """Sources, e.g. rooms nyu:DIR; rooms:val names its split."""
    out: Path
    """results.json, results.md, the figures and the sheet go there."""
    methods: list[str] = field(default_factory=lambda: ["all"])
    """Names from `scenepose methods`; all takes those that have weights."""
    split: str = "test"
    """For sources that name none."""
    shape: str = "own"
    """Of the pictures: own takes them as they are; 3:4, 9:16 or 21:9, say, measures on crops to that shape,
    at the points whose poses fit into them."""
    limit: int | None = None
    """Points of each source, a fixed random choice."""
    points: Literal["prior", "frozen"] = "prior"
    """prior: points weigh so that the kinds of pose shown are as frequent as among people
    (`scenepose.data.prior`). frozen: all weigh the same, as the samples are."""
    checkpoint: Path | None = None
    """A run's folder of weights, or a head's file beside its encoder, instead of the shipped ones."""
    checkpoints: Path = Path("assets/checkpoints")
    """Folder of the methods' weights."""
    more: Path = Path("runs/baselines")
    """Folder of weights that do not ship: vae30, and methods trained end to end, NAME-finetuned."""
    device: str = "cpu"
    """cpu, cuda ..."""
    workers: int = 1
    """Processes that prepare the pictures."""
    resamples: int = 2000
    """Of places, for the intervals."""


class Judged(NamedTuple):
    """A source with the points that are judged in it."""

    source: Source
    points: np.ndarray
    truth: Truth
    support: Support
    weights: np.ndarray


def summary(
    measures: dict[str, np.ndarray],
    constant: dict[str, np.ndarray],
    truth: Truth,
    weights: np.ndarray,
    resamples: int,
) -> dict:
    """Means, intervals and differences to the constant answer, of one method; points count by ``weights``."""
    row: dict = {"count": int((~np.isnan(measures["pck"])).sum())}
    for name, values in measures.items():
        interval = bootstrap(values, truth.places, resamples, weights=weights)
        row[name] = interval.mean
        row[f"{name}_interval"] = [interval.low, interval.high]
        row[f"{name}_minus_constant"] = list(
            bootstrap_difference(values, constant[name], truth.places, resamples, weights=weights)
        )
        row[f"{name}_points"] = int((~np.isnan(values)).sum())
        row[f"{name}_by_kind"] = {
            kind: weighted_mean(values[chosen], weights[chosen])
            for number, kind in enumerate(KINDS)
            if not np.isnan(values[chosen := truth.kinds == number]).all()
        }
    return row


def score_quality(answers: Answers, truth: Truth, templates: TemplateSet, weights: np.ndarray) -> dict:
    """How well the scores tell templates that fit from the others, their calibration, and the confusion."""
    assert answers.scores is not None
    positive, counted = valid_templates(truth, templates)
    said, right = answers.scores[counted], positive[counted]
    weight = np.broadcast_to(weights[:, None], counted.shape)[counted]
    bins = np.minimum((said * 10).astype(int), 9)
    poses = normalise(np.where(truth.known[..., None], truth.poses, np.nan))
    nearest = templates.nearest(poses, truth.kinds)
    confusion = np.zeros((len(templates), len(templates)))
    np.add.at(confusion, (nearest, answers.templates[:, 0]), weights)
    return {
        # Where but one pose a point is known, nothing is known not to fit.
        "average_precision": (
            float(average_precision_score(right, said, sample_weight=weight))
            if right.any() and not right.all() else None
        ),
        "average_precision_of_chance": float(np.average(right, weights=weight)),
        "calibration": [
            {"said": float(np.average(said[here], weights=weight[here])),
             "found": float(np.average(right[here], weights=weight[here])), "count": int(here.sum())}
            for b in range(10) if weight[here := bins == b].sum() > 0
        ],
        "template_accuracy": float(np.average(answers.templates[:, 0] == nearest, weights=weights)),
        "template_names": list(templates.names),
        "confusion": confusion.round(2).tolist(),
    }  # fmt: skip


def nobody_quality(somebody: np.ndarray, nobody: np.ndarray, weights: np.ndarray) -> dict:
    """How well the highest score at a point tells where somebody fits (N,), which counts by its weight (N,),
    from where nobody does (M,)."""
    if not len(nobody):
        return {}
    there = np.concatenate([np.ones(len(somebody)), np.zeros(len(nobody))])
    every, weight = np.concatenate([somebody, nobody]), np.concatenate([weights, np.ones(len(nobody))])
    return {
        "nobody_points": len(nobody),
        "nobody_auc": float(roc_auc_score(there, every, sample_weight=weight)),
        "nobody_top_score": float(nobody.mean()),
        "somebody_top_score": float(np.average(somebody, weights=weights)),
        "nobody_below_half": float((nobody < 0.5).mean()),
        "somebody_below_half": float(np.average(somebody < 0.5, weights=weights)),
    }


def join_truth(judged: list[Judged]) -> Truth:
    """The truth of several sources, one after the other."""
    truths = [one.truth for one in judged]
    places = [np.array([f"{one.source.name}/{p}" for p in one.truth.places]) for one in judged]
    return Truth(
        np.concatenate([t.poses for t in truths]), np.concatenate([t.known for t in truths]),
        np.concatenate([t.kinds for t in truths]), np.concatenate(places),
        list(chain(*(t.valid for t in truths))), list(chain(*(t.valid_known for t in truths))),
        list(chain(*(t.valid_kinds for t in truths))), np.concatenate([t.tried for t in truths]),
    )  # fmt: skip


def measured(answers: Answers, truth: Truth, judged: list[Judged]) -> dict[str, np.ndarray]:
    """Every measure at every point."""
    measures = per_point(answers, truth)
    parts, first = [], 0
    for one in judged:
        rows = slice(first, first := first + len(one.points))
        parts.append(one.support.measures(answers.poses[rows, 0], answers.kinds[rows, 0]))
    return measures | {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def curve(answers: Answers, truth: Truth, weights: np.ndarray) -> np.ndarray:
    """Mean PCK of the top poses at `figures.THRESHOLDS`, where there are such."""
    here = np.isfinite(answers.poses[:, 0]).all((1, 2))
    if not here.any():
        return np.full(len(figures.THRESHOLDS), np.nan)
    poses, known = truth.poses[here], truth.known[here]
    return pck_curve(answers.poses[here, 0], poses, known, figures.THRESHOLDS, weights[here])


def table(results: dict) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| method | " + " | ".join(heading for _, heading in COLUMNS) + " | parameters | ms a click |",
        "|---" * (len(COLUMNS) + 3) + "|",
    ]
    for name, row in results["methods"].items():
        cells = []
        for key, _ in COLUMNS:
            low, high = row[f"{key}_interval"]
            digits = 4 if key == "mse" else 3
            text = f"{row[key]:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
            cells.append("" if np.isnan(row[key]) else text)
        params = f"{row['params'] / 1e6:.1f} M" if row.get("params") else ""
        speed = f"{row['ms_per_click']:.0f}" if row.get("ms_per_click") else ""
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {params} | {speed} |")
    sources = ", ".join(
        f"{name} ({split})" for name, split in zip(results["sources"], results["splits"], strict=True)
    )
    shape = "" if results.get("shape", "own") == "own" else f", cropped to {results['shape']}"
    points = f"{results['count']} points in {results['places']} places of {sources}{shape}"
    lines += [
        "",
        f"{points}, {WEIGHED[results['points']]}. In brackets: 95 % intervals, resampling places. "
        "Truth: another pose known to fit at the point. Right kind: at points where poses of one kind "
        "only fit; posture counts standing and walking as one. Size error: how much higher or "
        "lower than people of its kind there, as a logarithm. Floating, sinking: no likely body of that size "
        "has its lowest joint within 10 cm of the floor. Diversity: the root mean squared distance of "
        "keypoints from their mean over 10 samples, picture heights, of methods that draw samples; these are "
        "judged by the first. Best of 3 and of 5 are the one pose where a method has but one.",
    ]
    return "\n".join(lines) + "\n"


def _top(answers: Answers) -> np.ndarray:
    assert answers.scores is not None
    return answers.scores.max(1)


def finite(value: object) -> object:
    """JSON has no NaN: null in its place."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def aspect_of(shape: str) -> float | None:
    """Width to height of a shape written W:H; None for "own". Raises ValueError for anything else."""
    if shape == "own":
        return None
    width, _, height = shape.partition(":")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ValueError(f"{shape!r} is not a shape; write own, or width and height as in 3:4")
    return int(width) / int(height)


def open_judged(config: EvaluateConfig) -> list[Judged]:
    """The sources with the points that are judged."""
    judged = []
    aspect = aspect_of(config.shape)
    for name in config.data:
        source = open_source(name, config.split)
        if aspect is not None:
            source = cropped(source, aspect)
        samples = source.samples
        points = judged_points(samples, config.limit, prior=False)
        weights = point_weights(samples)[points] if config.points == "prior" else np.ones(len(points))
        judged.append(Judged(source, points, truth_at(samples, points), support_at(samples, points), weights))
    if not sum(len(one.points) for one in judged):
        raise ValueError(f"{', '.join(config.data)} holds no pose to judge by")
    return judged


def evaluate(config: EvaluateConfig) -> tuple[dict, dict, dict, list[Judged]]:
    """Results as in results.json, every method's answers and measures, and what was judged."""
    judged = open_judged(config)
    truth, weights = join_truth(judged), np.concatenate([one.weights for one in judged])
    answers: dict[str, Answers] = {}
    extra: dict[str, dict] = {"constant": {"params": 0}, "truth": {}}
    everything = "all" in config.methods
    generators = open_methods(
        every_name(config.more) if everything else config.methods,
        config.checkpoint or config.checkpoints,
        (
            config.checkpoints,
            config.more,
            config.more / BEST,
            *sorted(config.more.glob(f"*{FINETUNED}/{BEST}")),
        ),
        wanted=[name for name in config.methods if name != "all"],
        device=config.device,
    )
    if not generators:
        raise ValueError(f"there are no weights in {config.checkpoint or config.checkpoints}")
    parts = [answers_of(generators, one.source, one.points, workers=config.workers) for one in judged]
    scored = {name: one for name, one in generators.items() if parts[0][name].scores is not None}
    empty = [(one.source, empty_points(one.source.samples, config.limit)) for one in judged]
    bare = [
        answers_of(scored, source, rows, workers=config.workers) for source, rows in empty if len(rows)
    ] if scored else []  # fmt: skip
    for name, generator in generators.items():
        answers[name] = together([part[name] for part in parts])
        extra[name] = {
            "params": parameters_of(generator),
            "ms_per_click": ms_per_click(generator, judged[0].source),
        }
        if generator.stochastic:
            extra[name]["spread"] = diversity(answers[name].poses)
        if answers[name].scores is not None:
            extra[name] |= score_quality(answers[name], truth, generator.head.template_set, weights)
            tops = [_top(answers[name]), *(_top(part[name]) for part in bare)]
            extra[name] |= nobody_quality(tops[0], np.concatenate([np.zeros(0), *tops[1:]]), weights)
    templates = generators.get("scenepose", next(iter(generators.values()))).head.template_set
    answers["constant"] = constant_answers(templates, len(truth.poses))
    answers["truth"] = other_answers(truth)
    measures = {name: measured(one, truth, judged) for name, one in answers.items()}
    nobody = np.full(len(truth.poses), np.nan)
    for name in answers:
        measures[name]["diversity"] = extra[name].pop("spread", nobody)
    constant = measures["constant"]
    rows = {
        name: summary(measures[name], constant, truth, weights, config.resamples) | extra[name]
        for name in answers
    }
    curves = {name: curve(one, truth, weights).tolist() for name, one in answers.items()}
    results = {
        "data": config.data, "shape": config.shape, "sources": [name.split(":")[0] for name in config.data],
        "splits": [parse_source(name, config.split)[2] for name in config.data], "count": len(truth.poses),
        "points": config.points,
        "places": len(np.unique(truth.places)), "methods": rows,
        "pck_over_threshold": {"thresholds": figures.THRESHOLDS.tolist(), **curves},
    }  # fmt: skip
    return results, answers, measures, judged


def main(config: EvaluateConfig) -> None:
    """Measure, write, draw, print."""
    results, answers, measures, judged = evaluate(config)
    config.out.mkdir(parents=True, exist_ok=True)
    (config.out / "results.json").write_text(json.dumps(finite(results), indent=1) + "\n")
    (config.out / "results.md").write_text(table(results))
    curves = {name: np.array(values) for name, values in results["pck_over_threshold"].items()}
    del curves["thresholds"]
    figures.pck_over_threshold(config.out / "pck.png", curves)
    for name, row in results["methods"].items():
        if "confusion" in row:
            figures.reliability(config.out / f"reliability-{name}.png", row["calibration"], name)
            figures.confusion(
                config.out / f"confusion-{name}.png", np.array(row["confusion"]), row["template_names"], name
            )
        if name not in ("constant", "truth"):
            seen = [(one.source, one.points) for one in judged]
            draw_cases(config.out / f"cases-{name}.jpg", seen, answers[name], measures[name]["pck"])
    print(table(results))
    for name, row in results["methods"].items():
        for key in ("pck", "pck_top5") if name not in ("constant", "truth") else ():
            mean, low, high = row[f"{key}_minus_constant"]
            print(f"{name} {key} minus constant: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
        if "average_precision" in row:
            print(f"{name} average precision of the scores: {row['average_precision'] or 0:.3f}")
        if "nobody_auc" in row:
            print(
                f"{name} highest score below 0.5: at {row['nobody_below_half']:.0%} of "
                f"{row['nobody_points']} points where nobody fits, at "
                f"{row['somebody_below_half']:.0%} of the others; "
                f"area under the ROC curve {row['nobody_auc']:.3f}"
            )
