"""`python -m train evaluate`: measure methods on a source; results.json, results.md and the table printed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
import tyro
from sklearn.metrics import average_precision_score

from scenepose import METHODS
from scenepose.data.samples import KINDS
from scenepose.data.sources import Source, open_source
from scenepose.geometry import detail_view, global_view, local_view, place_in_picture
from scenepose.metrics import bootstrap, bootstrap_difference
from scenepose.model.checkpoint import load_checkpoint
from scenepose.model.scenepose import ScenePose
from scenepose.views import crop
from train.judge import (
    Answers,
    Truth,
    answer,
    constant_answers,
    judged_points,
    other_answers,
    per_point,
    truth_at,
    valid_templates,
)

#: Where each method's weights are, in the folder of checkpoints.
CHECKPOINTS = {"scenepose": "scenepose.safetensors"}

#: Columns of results.md: name in results.json, heading, whether higher is better.
COLUMNS = (
    ("pck", "PCK@0.2"),
    ("pck_top3", "best of 3"),
    ("pck_top5", "best of 5"),
    ("mse", "MSE"),
    ("pck_mcma", "PCK, MCMA's torso"),
    ("pck_nearest_valid", "PCK, nearest valid"),
    ("kind", "right kind"),
    ("posture", "right posture"),
)


@dataclass
class EvaluateConfig:
    """Measure methods beside the constant answer and, where known, other true poses."""

    data: Annotated[list[str], tyro.conf.arg(help="sources, e.g. rooms nyu:DIR")]
    out: Path  # results.json and results.md go there
    methods: list[str] = field(default_factory=lambda: ["all"])  # names from scenepose.METHODS
    split: str = "test"  # for sources that name none
    limit: int | None = None  # points of each source, a fixed random choice
    checkpoint: Path | None = None  # of scenepose, instead of the shipped one
    checkpoints: Path = Path("assets/checkpoints")
    device: str = "cpu"
    workers: int = 1
    resamples: int = 2000  # of places, for the intervals


class Judged(NamedTuple):
    """A source with the points that are judged in it."""

    source: Source
    points: np.ndarray
    truth: Truth


def ms_per_click(model: ScenePose, source: Source, repeats: int = 15) -> float:
    """Median milliseconds from a further click on an encoded scene to its poses, drawing aside."""
    picture = source.picture(int(source.samples.point_frames[0]))
    point = (picture.width / 2, picture.height / 2)
    device, size = next(model.parameters()).device, model.config.view_size
    place = torch.tensor([place_in_picture(point, *picture.size)]).to(device)
    times = []
    with torch.inference_mode():
        whole = crop(picture, global_view(*picture.size), size)[None].to(device)
        global_map = model.encode_view(whole)
        for _ in range(repeats + 2):
            start = time.perf_counter()
            views = [crop(picture, view(point, picture.height), size) for view in (local_view, detail_view)]
            maps = model.encode_view(torch.stack(views).to(device, memory_format=torch.channels_last))
            model.decode(model.fuse(global_map, maps[:1], maps[1:], place)).poses.cpu()
            times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[2:]))


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
    for name in ("pck", "pck_top5", "kind", "posture"):
        row[f"{name}_by_kind"] = {
            kind: float(np.nanmean(measures[name][chosen]))
            for number, kind in enumerate(KINDS)
            if not np.isnan(measures[name][chosen := truth.kinds == number]).all()
        }
    return row


def score_quality(answers: Answers, truth: Truth, model: ScenePose) -> dict:
    """How well the scores tell templates that fit from the others, and their calibration."""
    assert answers.scores is not None
    positive, counted = valid_templates(truth, model.template_set)
    said, right = answers.scores[counted], positive[counted]
    bins = np.minimum((said * 10).astype(int), 9)
    return {
        "average_precision": float(average_precision_score(right, said)),
        "average_precision_of_chance": float(right.mean()),
        "calibration": [
            {"said": float(said[bins == b].mean()), "found": float(right[bins == b].mean()),
             "count": int((bins == b).sum())}
            for b in range(10) if (bins == b).any()
        ],
    }  # fmt: skip


def together(parts: list[Answers]) -> Answers:
    """Answers at the points of several sources, one after the other."""
    scores = [part.scores for part in parts if part.scores is not None]
    return Answers(
        np.concatenate([part.poses for part in parts]),
        np.concatenate([part.templates for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate(scores) if len(scores) == len(parts) else None,
    )


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
    lines += [
        "",
        f"{results['count']} points in {results['places']} places of {', '.join(results['data'])} "
        f"({results['split']}). In brackets: 95 % intervals, resampling places. Right kind: at points "
        "where poses of one kind only fit; posture counts standing and walking as one.",
    ]
    return "\n".join(lines) + "\n"


def _finite(value: object) -> object:
    """JSON has no NaN: null in its place."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def main(config: EvaluateConfig) -> None:
    """Measure, write, print."""
    methods = list(METHODS) if "all" in config.methods else list(config.methods)
    for name in methods:
        if name not in CHECKPOINTS:
            raise ValueError(f"there is no method {name!r} to evaluate; there is {', '.join(CHECKPOINTS)}")
    judged = []
    for name in config.data:
        source = open_source(name, config.split)
        points = judged_points(source.samples, config.limit)
        judged.append(Judged(source, points, truth_at(source.samples, points)))
    truth = join_truth(judged)
    if not len(truth.poses):
        raise ValueError(f"{', '.join(config.data)} holds no pose to judge by")
    rows: dict[str, dict] = {}
    found: dict[str, tuple[Answers, dict]] = {}
    model = None
    for name in methods:
        model = load_checkpoint(config.checkpoint or config.checkpoints / CHECKPOINTS[name])
        model.to(config.device)
        answers = together([answer(model, one.source, one.points, workers=config.workers) for one in judged])
        extra = {
            "params": sum(parameter.numel() for parameter in model.parameters()),
            "ms_per_click": ms_per_click(model, judged[0].source),
        } | score_quality(answers, truth, model)
        found[name] = (answers, extra)
    assert model is not None
    found["constant"] = (constant_answers(model.template_set, len(truth.poses)), {"params": 0})
    found["truth"] = (other_answers(truth), {})
    measures = {name: per_point(answers, truth) for name, (answers, _) in found.items()}
    for name, (_, extra) in found.items():
        rows[name] = summary(measures[name], measures["constant"], truth, config.resamples) | extra
    results = {
        "data": config.data, "split": config.split, "count": len(truth.poses),
        "places": len(np.unique(truth.places)), "methods": rows,
    }  # fmt: skip
    config.out.mkdir(parents=True, exist_ok=True)
    (config.out / "results.json").write_text(json.dumps(_finite(results), indent=1) + "\n")
    (config.out / "results.md").write_text(table(results))
    print(table(results))
    for name in methods:
        for key in ("pck", "pck_top5"):
            mean, low, high = rows[name][f"{key}_minus_constant"]
            print(f"{name} {key} minus constant: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
        print(f"{name} right kind by kind: {rows[name]['kind_by_kind']}")
        print(f"{name} right posture by kind: {rows[name]['posture_by_kind']}")
        print(f"{name} average precision of the scores: {rows[name]['average_precision']:.3f}")
