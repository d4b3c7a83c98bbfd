"""What stands beside the picture: a card for each pose, as HTML with a small drawing of its template."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from scenepose import skeleton as sk
from scenepose.draw import hex_colour, ink_on, limb_colour, limb_width, template_colour

if TYPE_CHECKING:
    from scenepose.predictor import Generator, Pose

#: Sides of a drawing, in its own units.
_WIDE, _HIGH = 64, 76


def cards(generator: Generator, poses: Sequence[Pose]) -> str:
    """One card a pose: rank, drawing of the template, its name, the score and the size."""
    items = "".join(_card(generator, rank, pose) for rank, pose in enumerate(poses))
    note = "A person’s left arm and leg are the lighter ones."
    return f'<ol class="sp-cards">{items}</ol><p class="sp-note">{note}</p>'


def hint(text: str) -> str:
    """A friendly box that says what to do next."""
    return f'<div class="sp-hint">{escape(text)}</div>'


def status(text: str, link: str | None = None) -> str:
    """The line under the picture; ``link`` opens the same answer again."""
    anchor = f' <a href="{escape(link, quote=True)}">Link to this result</a>' if link else ""
    return f'<p class="sp-status" role="status" aria-live="polite">{escape(text)}{anchor}</p>'


def scene_link(name: str, point: tuple[float, float]) -> str:
    """The address that opens a bundled scene with a point."""
    return f"?scene={quote(name)}&x={point[0]:.0f}&y={point[1]:.0f}"


def _card(generator: Generator, rank: int, pose: Pose) -> str:
    colour = hex_colour(template_colour(pose.template))
    ink = hex_colour(ink_on(template_colour(pose.template)))
    shape = (
        generator.templates[pose.template] * np.array(pose.scale)
        if pose.template is not None
        else pose.keypoints
    )
    percent = round(100 * pose.score) if pose.score is not None else None
    score = (
        f'<div class="sp-bar" role="img" aria-label="compatibility {percent} %">'
        f'<i style="width:{percent}%"></i></div>'
        f'<span class="sp-percent">{percent}&nbsp;%</span>'
        if percent is not None
        else "<span>no score</span>"
    )
    width, height = (round(100 * side) for side in pose.scale)
    name = escape(pose.template_name or pose.kind or "pose")
    return (
        f'<li class="sp-card" style="--colour:{colour};--ink:{ink}" data-template="{pose.template}">'
        f'<span class="sp-rank">{rank + 1}</span>{drawing(shape, pose.template)}'
        f'<div class="sp-text"><strong>{name[:1].upper() + name[1:]}</strong>'
        f'<div class="sp-score" title="Compatibility score: how well this template fits here">{score}</div>'
        f"<small>{width} × {height} % of the picture’s height</small></div></li>"
    )


def drawing(keypoints: NDArray, template: int | None) -> str:
    """A pose as a small SVG, filling its frame; (16, 2) in any unit."""
    colour = template_colour(template)
    low, high = np.nanmin(keypoints, axis=0), np.nanmax(keypoints, axis=0)
    margin = 7
    factor = min(
        (_WIDE - 2 * margin) / max(high[0] - low[0], 1e-6), (_HIGH - 2 * margin) / max(high[1] - low[1], 1e-6)
    )
    placed = (keypoints - (low + high) / 2) * factor + np.array([_WIDE / 2, _HIGH / 2])
    lines = []
    for a, b in sk.LIMBS:
        if np.isnan(placed[[a, b]]).any() or (a, b) == (sk.UPPER_NECK, sk.HEAD_TOP):
            continue
        (x0, y0), (x1, y1) = placed[a], placed[b]
        lines.append(
            f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
            f'stroke="{hex_colour(limb_colour((a, b), colour))}" '
            f'stroke-width="{4 * limb_width((a, b)):.1f}"/>'
        )
    neck, top = placed[sk.UPPER_NECK], placed[sk.HEAD_TOP]
    if not np.isnan([neck, top]).any():
        centre, radius = top - (top - neck) * 0.43, max(2.5, float(np.linalg.norm(top - neck)) * 0.4)
        lines.append(
            f'<circle cx="{centre[0]:.1f}" cy="{centre[1]:.1f}" r="{radius:.1f}" '
            f'fill="{hex_colour(colour)}"/>'
        )
    return (
        f'<svg class="sp-figure" viewBox="0 0 {_WIDE} {_HIGH}" aria-hidden="true" '
        f'stroke-linecap="round">{"".join(lines)}</svg>'
    )
