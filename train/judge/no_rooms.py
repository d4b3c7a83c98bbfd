"""`python -m train no-rooms`: what the model answers on pictures that are no rooms."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import scenepose
from scenepose.picture import images
from scenepose.predict import FITS

#: Where each picture is clicked: shares of its width and height.
COLUMNS, ROWS = (0.25, 0.5, 0.75), (0.3, 0.5, 0.7)


@dataclass
class NoRoomsConfig:
    """Click nine points of every picture in a folder, as the demo does."""

    pictures: Path
    """The folder: portraits, flowers, pages of text ..."""
    checkpoint: Path | None = None
    """Of the main method, by default the bundled one."""
    near: float = 0.08
    """As `Scene.generate`."""
    out: Path | None = None
    """Figures go there as JSON."""


def main(config: NoRoomsConfig) -> None:
    """Print each picture's mean and highest score, and the share of clicks that nobody is said to fit at.

    Raises:
        FileNotFoundError: the folder has no picture.
    """
    generator = scenepose.load("scenepose", config.checkpoint)
    rows = []
    for path in sorted(config.pictures.iterdir()) if config.pictures.is_dir() else ():
        try:
            scene = generator.encode(images.read(path))
        except scenepose.PictureError:
            continue
        points = [(scene.width * x, scene.height * y) for x in COLUMNS for y in ROWS]
        best = [scene.generate(point, top_k=1, near=config.near)[0].score for point in points]
        scores = np.array(best, float)
        rows.append(
            {
                "picture": path.stem,
                "mean score": float(scores.mean()),
                "highest score": float(scores.max()),
                "hardly anybody fits": float((scores < FITS).mean()),
            }
        )
    if not rows:
        raise FileNotFoundError(f"no pictures in {config.pictures}")
    print(table(rows))
    if config.out:
        config.out.parent.mkdir(parents=True, exist_ok=True)
        config.out.write_text(json.dumps(rows) + "\n")


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table, with a last row of their means."""
    names = [name for name in rows[0] if name != "picture"]
    means = {name: float(np.mean([row[name] for row in rows])) for name in names}
    lines = [f"| picture | {' | '.join(names)} |", "| --- " * (len(names) + 1) + "|"]
    lines += [
        f"| {row['picture']} | " + " | ".join(f"{row[name]:.2f}" for name in names) + " |"
        for row in [*rows, {"picture": "all of them", **means}]
    ]
    return "\n".join(lines) + "\n"
