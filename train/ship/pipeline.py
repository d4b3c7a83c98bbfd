"""`python -m train pipeline`: the picture of how an answer comes about, from the released weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from PIL import Image

import scenepose
from scenepose.assets import assets, bundled_scenes
from scenepose.data.surfaces import SURFACES
from scenepose.picture.draw import overlay
from scenepose.picture.figure import hex_colour, template_colour
from scenepose.pose.skeleton import LIMBS

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colours of what is seen, in the order of `SURFACES`.
SEEN = ("#b9a27c", "#3b82f6", "#a855f7", "#10b981", "#94a3b8", "#f59e0b", "#475569")


@dataclass
class PipelineConfig:
    """Draw what happens to a click, step by step."""

    scene: str = "childs-room"
    """Of the demo's scenes."""
    out: Path = field(default_factory=lambda: assets() / "docs" / "pipeline.png")
    """A PNG."""


def main(config: PipelineConfig) -> None:
    """Draw and write.

    Raises:
        ValueError: the demo has no such scene.
    """
    bundled = {one.name: one for one in bundled_scenes(None)}
    if config.scene not in bundled:
        raise ValueError(f"unknown scene {config.scene!r}; choose from {', '.join(bundled)}")
    entry = bundled[config.scene]
    generator = scenepose.load("scenepose")
    scene = generator.encode(entry.path)
    point = (float(entry.point[0]), float(entry.point[1]))
    everyone = scene.generate(point, top_k=generator.num_templates)
    picture, best = scene.picture, everyone[0]
    photo = picture.image.convert("RGB")
    figure, axes = plt.subplots(2, 3, figsize=(13, 7.4), dpi=110)
    for axis, title in zip(
        axes.flat,
        ("1  The picture, encoded once", "2  Three views of the point", "3  What the encoder sees",
         "4  A score for each template", "5  Size, then offsets", "6  The answer: the five best"),
        strict=True,
    ):  # fmt: skip
        axis.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=24 if title[0] == "2" else 6)
        axis.axis("off")
    _picture(axes[0, 0], photo)
    axes[0, 0].plot(*point, "o", ms=11, mfc="#dc2626", mec="white", mew=2)
    _views(axes[0, 1], photo, point)
    _surfaces(axes[0, 2], photo, scene.surfaces)
    _scores(axes[1, 0], everyone)
    assert best.template is not None
    _offsets(axes[1, 1], photo, best, generator.templates[best.template])
    _picture(axes[1, 2], overlay(picture, everyone[:5], point=point))
    figure.tight_layout()
    config.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(config.out)
    plt.close(figure)
    with Image.open(config.out) as drawn:
        drawn.convert("RGB").quantize(192).save(config.out, optimize=True)
    print(config.out)


def _picture(axis: Axes, picture: Image.Image) -> None:
    axis.imshow(np.asarray(picture), aspect="equal")
    axis.set_xlim(0, picture.width)
    axis.set_ylim(picture.height, 0)


def _views(axis: Axes, photo: Image.Image, point: tuple[float, float]) -> None:
    """The whole picture squashed to a square, and the windows of one and of half a picture height."""
    height, size, gap = photo.height, 300, 24
    views = [photo.resize((size, size))]
    for side in (1.0, 0.5):
        half = side * height / 2
        left, top, right, bottom = (round(point[n % 2] + (half if n > 1 else -half)) for n in range(4))
        views.append(photo.crop((left, top, right, bottom)).resize((size, size)))
    canvas = Image.new("RGB", (3 * size + 2 * gap, size), "white")
    for number, (view, text) in enumerate(
        zip(views, ("whole picture", "surroundings", "close by"), strict=True)
    ):
        canvas.paste(view, (number * (size + gap), 0))
        axis.text(number * (size + gap), -10, text, fontsize=10, va="bottom")
    axis.imshow(np.asarray(canvas))


def _surfaces(axis: Axes, photo: Image.Image, chances: np.ndarray) -> None:
    _picture(axis, photo.convert("L").convert("RGB"))
    colours = np.array([to_rgb(c) for c in SEEN])
    seen = chances.argmax(0)
    axis.imshow(colours[seen], alpha=0.55, extent=(0, photo.width, photo.height, 0), interpolation="nearest")
    for number, name in enumerate(SURFACES):
        if (seen == number).mean() > 0.01:
            axis.plot([], [], "s", color=SEEN[number], label=name)
    axis.legend(loc="lower right", fontsize=8, framealpha=0.9)


def _scores(axis: Axes, everyone: list[scenepose.Pose]) -> None:
    axis.axis("on")
    ranked = everyone[::-1]
    axis.barh(
        range(len(ranked)),
        [pose.score or 0.0 for pose in ranked],
        color=[hex_colour(template_colour(pose.template)) for pose in ranked],
    )
    axis.set_yticks(range(len(ranked)), [pose.template_name or "" for pose in ranked], fontsize=8)
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 0.5, 1])
    axis.spines[["top", "right"]].set_visible(False)


def _offsets(axis: Axes, photo: Image.Image, pose: scenepose.Pose, template: np.ndarray) -> None:
    """The template in its predicted box, dashed, and the pose that its offsets make of it."""
    _picture(axis, photo)
    box = pose.keypoints.max(0) - pose.keypoints.min(0)
    middle = (pose.keypoints.max(0) + pose.keypoints.min(0)) / 2
    before = template * box + middle
    axis.add_patch(Rectangle(middle - box / 2, *box, fill=False, ec="white", lw=1.5, ls=":"))
    for a, b in LIMBS:
        axis.plot(*before[[a, b]].T, color="white", lw=2.2, ls=(0, (3, 2)))
        axis.plot(*pose.keypoints[[a, b]].T, color=hex_colour(template_colour(pose.template)), lw=3)
    reach = 0.75 * max(box.max(), 0.45 * photo.height)
    middle = np.clip(middle, [1.3 * reach, reach], np.array(photo.size) - [1.3 * reach, reach])
    axis.set_xlim(middle[0] - 1.3 * reach, middle[0] + 1.3 * reach)
    axis.set_ylim(middle[1] + reach, middle[1] - reach)
