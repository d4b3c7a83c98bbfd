"""`python -m train evaluate`: measure methods on sources; results.json, a table, figures and a sheet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from scenepose.data.samples import KINDS
from scenepose.data.sources import Source, open_source, parse_source
from scenepose.geometry import normalise
from scenepose.metrics import bootstrap, bootstrap_difference, diversity, pck_curve
from scenepose.templates import TemplateSet
from train import figures
from train.answers import answers_of, every_name, ms_per_click, open_method, parameters_of, together
from train.cases import draw_cases
from train.judge import (
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
from train.support import Support, support_at

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
    limit: int | None = None
    """Points of each source, a fixed random choice."""
    checkpoint: Path | None = None
    """Of scenepose, instead of the shipped one."""
    checkpoints: Path = Path("assets/checkpoints")
    """Folder of the methods' weights."""
    more: Path = Path("runs/baselines")
    """Folder of weights that do not ship: vae30, and systems trained end to end, NAME-finetuned."""
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


def summary(
    measures: dict[str, np.ndarray], constant: dict[str, np.ndarray], truth: Truth, resamples: int
) -> dict:
    """Means, intervals and differences to the constant answer, of one method."""
    row: dict = {"count": int((~np.isnan(measures["pck"])).sum())}
    for name, values in measures.items():
        interval = bootstrap(values, truth.places, resamples)
        row[name] = interval.mean
        row[f"{name}_interval"] = [interval.low, interval.high]
        row[f"{name}_minus_constant"] = list(
            bootstrap_difference(values, constant[name], truth.places, resamples=resamples)
        )
        row[f"{name}_points"] = int((~np.isnan(values)).sum())
        row[f"{name}_by_kind"] = {
            kind: float(np.nanmean(values[chosen]))
            for number, kind in enumerate(KINDS)
            if not np.isnan(values[chosen := truth.kinds == number]).all()
        }
    return row


def score_quality(answers: Answers, truth: Truth, templates: TemplateSet) -> dict:
    """How well the scores tell templates that fit from the others, their calibration, and the confusion."""
    assert answers.scores is not None
    positive, counted = valid_templates(truth, templates)
    said, right = answers.scores[counted], positive[counted]
    bins = np.minimum((said * 10).astype(int), 9)
    poses = normalise(np.where(truth.known[..., None], truth.poses, np.nan))
    nearest = templates.nearest(poses, truth.kinds)
    confusion = np.zeros((len(templates), len(templates)), int)
    np.add.at(confusion, (nearest, answers.templates[:, 0]), 1)
    return {
        # Where but one pose a point is known, nothing is known not to fit.
        "average_precision": (
            float(average_precision_score(right, said)) if right.any() and not right.all() else None
        ),
        "average_precision_of_chance": float(right.mean()),
        "calibration": [
            {"said": float(said[bins == b].mean()), "found": float(right[bins == b].mean()),
             "count": int((bins == b).sum())}
            for b in range(10) if (bins == b).any()
        ],
        "template_accuracy": float((answers.templates[:, 0] == nearest).mean()),
        "template_names": list(templates.names),
        "confusion": confusion.tolist(),
    }  # fmt: skip


def nobody_quality(somebody: np.ndarray, nobody: np.ndarray) -> dict:
    """How well the highest score at a point tells where somebody fits (N,) from where nobody does (M,)."""
    if not len(nobody):
        return {}
    there = np.concatenate([np.ones(len(somebody)), np.zeros(len(nobody))])
    return {
        "nobody_points": len(nobody),
        "nobody_auc": float(roc_auc_score(there, np.concatenate([somebody, nobody]))),
        "nobody_top_score": float(nobody.mean()),
        "somebody_top_score": float(somebody.mean()),
        "nobody_below_half": float((nobody < 0.5).mean()),
        "somebody_below_half": float((somebody < 0.5).mean()),
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


def curve(answers: Answers, truth: Truth) -> np.ndarray:
    """Mean PCK of the top poses at `figures.THRESHOLDS`, where there are such."""
    here = np.isfinite(answers.poses[:, 0]).all((1, 2))
    if not here.any():
        return np.full(len(figures.THRESHOLDS), np.nan)
    return pck_curve(answers.poses[here, 0], truth.poses[here], truth.known[here], figures.THRESHOLDS)


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
    lines += [
        "",
        f"{results['count']} points in {results['places']} places of {sources}. In brackets: 95 % intervals, "
        "resampling places. Truth: another pose known to fit at the point. Right kind: at points where poses "
        "of one kind only fit; posture counts standing and walking as one. Size error: how much higher or "
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


def open_judged(config: EvaluateConfig) -> list[Judged]:
    """The sources with the points that are judged."""
    judged = []
    for name in config.data:
        source = open_source(name, config.split)
        points = judged_points(source.samples, config.limit)
        truth = truth_at(source.samples, points)
        judged.append(Judged(source, points, truth, support_at(source.samples, points)))
    if not sum(len(one.points) for one in judged):
        raise ValueError(f"{', '.join(config.data)} holds no pose to judge by")
    return judged


def evaluate(config: EvaluateConfig) -> tuple[dict, dict, dict, list[Judged]]:
    """Results as in results.json, every method's answers and measures, and what was judged."""
    judged = open_judged(config)
    truth = join_truth(judged)
    answers: dict[str, Answers] = {}
    extra: dict[str, dict] = {"constant": {"params": 0}, "truth": {}}
    templates, generators = None, {}
    main = config.checkpoint or config.checkpoints / "scenepose.safetensors"
    folders = (main, config.checkpoints, config.more)
    for name in every_name(config.more) if "all" in config.methods else config.methods:
        generator = open_method(name, *folders, wanted=name in config.methods, device=config.device)
        if generator is None:
            print(f"{name}: left out, it has no weights that can be used here")
        else:
            generators[name] = generator
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
        if templates is None or name == "scenepose":
            templates = generator.model.template_set
        if generator.stochastic:
            extra[name]["spread"] = diversity(answers[name].poses)
        if answers[name].scores is not None:
            extra[name] |= score_quality(answers[name], truth, generator.model.template_set)
            tops = [_top(answers[name]), *(_top(part[name]) for part in bare)]
            extra[name] |= nobody_quality(tops[0], np.concatenate([np.zeros(0), *tops[1:]]))
    if templates is None:
        raise ValueError(f"there are no weights in {config.checkpoints}")
    answers["constant"] = constant_answers(templates, len(truth.poses))
    answers["truth"] = other_answers(truth)
    measures = {name: measured(said, truth, judged) for name, said in answers.items()}
    nobody = np.full(len(truth.poses), np.nan)
    for name in answers:
        measures[name]["diversity"] = extra[name].pop("spread", nobody)
    rows = {
        name: summary(measures[name], measures["constant"], truth, config.resamples) | extra[name]
        for name in answers
    }
    curves = {name: curve(said, truth).tolist() for name, said in answers.items()}
    results = {
        "data": config.data, "sources": [name.split(":")[0] for name in config.data],
        "splits": [parse_source(name, config.split)[2] for name in config.data], "count": len(truth.poses),
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
