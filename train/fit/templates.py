"""`python -m train templates`: fit the k-means and the picked templates to a source's poses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from scenepose.data.sources import open_source
from scenepose.pose.skeleton import LIMBS
from scenepose.pose.templates import TemplateSet
from train.fit.clusters import Poses, describe, fit, fit_groups, shares

CELL = 180


@dataclass
class TemplatesConfig:
    """Fit templates to the training poses, weighed by how often people are seen so."""

    data: list[str]
    """Sources, e.g. nyu:DIR rooms."""
    out: Path = Path("assets/templates")
    """kmeans.json and picked.json go there, and pictures of candidates and picked ones."""
    count: int = 14
    """K."""
    candidates: int = 30
    """Clusters that the picked set is chosen from by eye; without --pick each group of kinds is clustered
    into as many as `scenepose.pose.templates.QUOTAS` gives it."""
    pick: list[int] | None = None
    """Numbers from candidates.png, chosen by eye (run once without, look, run again with)."""
    seed: int = 0
    """Of the clustering."""


def sheet(templates: TemplateSet, chosen: list[int]) -> Image.Image:
    """The candidates as a numbered sheet: right side red, left side blue, chosen ones on white."""
    columns = 6
    rows = -(-len(templates) // columns)
    picture = Image.new("RGB", (columns * CELL, rows * CELL), "#dddddd")
    pen = ImageDraw.Draw(picture)
    for number, keypoints in enumerate(templates.templates):
        left, top = number % columns * CELL, number // columns * CELL
        if number in chosen:
            pen.rectangle((left + 2, top + 2, left + CELL - 3, top + CELL - 3), fill="white")
        # Normalised poses are as wide as high; the mean scale gives them a person's proportions back.
        size = templates.mean_scale / templates.mean_scale.max() * (CELL - 50)
        places = keypoints * size + np.array([left + CELL / 2, top + CELL / 2 + 14])
        for parent, child in LIMBS:
            side = {"r": "#d62728", "l": "#1f77b4"}.get(_side(child), "#333333")
            pen.line([tuple(places[parent]), tuple(places[child])], fill=side, width=4)
        pen.text((left + 6, top + 4), f"{number}  {templates.names[number]}", fill="black")
        pen.text((left + 6, top + 16), f"{templates.counts[number]} poses", fill="#666666")
    return picture


def _side(joint: int) -> str:
    """r or l for a joint of the body's right or left side, c for the middle."""
    return "c" if joint in (6, 7, 8, 9) else "r" if joint in (0, 1, 2, 10, 11, 12) else "l"


def main(config: TemplatesConfig) -> None:
    """Fit, pick, draw and save."""
    poses = reduce(Poses.joined, (Poses.primary(open_source(name, "train").samples) for name in config.data))
    shapes, groups = fit_groups(poses, shares(config.candidates), config.seed)
    candidates = describe(shapes, poses, groups=groups)
    chosen = sorted(set(config.pick or []))
    outside = [number for number in chosen if not 0 <= number < len(candidates)]
    if outside:
        raise SystemExit(f"candidate {outside[0]} does not exist; they are 0 to {len(candidates) - 1}")
    if chosen:
        shapes, groups = shapes[chosen], [groups[number] for number in chosen]
    else:
        shapes, groups = fit_groups(poses, shares(config.count), config.seed)
    sets = {
        "kmeans": describe(fit(poses, config.count, config.seed), poses, "shape"),
        "picked": describe(shapes, poses, groups=groups),
    }
    for name, templates in sets.items():
        templates.save(config.out / f"{name}.json")
        scale = templates.mean_scale.round(3).tolist()
        print(f"{name}: {len(templates)} of {len(poses.kinds)} poses, mean scale {scale}, "
              f"offsets' spread {templates.offset_std:.3f}")  # fmt: skip
        for number in templates.by_frequency:
            print(f"  {number:2d} {templates.counts[number]:6d}  {templates.names[number]}")
    sheet(candidates, chosen).save(config.out / "candidates.png")
    sheet(sets["picked"], []).save(config.out / "picked.png")
