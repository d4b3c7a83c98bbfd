"""The tab How it works: the way of a click, the templates in use, how good the answers are, and the terms."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from scenepose.assets import assets
from scenepose.methods.table import METHODS
from scenepose.picture.figure import hex_colour, template_colour
from scenepose.pose.skeleton import HEAD_TOP, LIMBS, UPPER_NECK

#: Rows of the results that are no methods.
BESIDE = {"constant": "constant answer", "truth": "another true pose"}
#: Columns of the results: name in the files, heading.
MEASURES = (("posture", "right posture"), ("pck", "PCK@0.2"), ("pck_top5", "best of 5"))

STEPS = """<ol>
<li>The picture is encoded once: a ResNet-18 and a pixel decoder look at all of it, at two sizes.</li>
<li>A click cuts three views out of the feature maps: the whole picture, its surroundings, what is close
by.</li>
<li>The same maps tell floors, seats, beds and tables apart. A click on a seat is where hips go, a click
on a floor where feet go.</li>
<li>Every pose template gets a score: how well somebody in that pose fits there.</li>
<li>The scale transformer gives each template its size (dotted box), and the offset transformer moves its
16 joints (dashed: before).</li>
<li>The best are shown. Of poses with a score of 0.7, about 70 in 100 fit.</li>
</ol>"""

RESULTS = """<p>On photographs and rendered rooms that no training saw. <em>Right posture</em>: where
people of one posture only fit, the first answer has it. <em>PCK@0.2</em>: the share of joints
within a fifth of the torso of one true pose, for the first answer and the best of five. The
<em>constant answer</em> is the most frequent template at its mean size. <em>Another true
pose</em> is a second pose that fits at the same point: two right answers differ that
much.</p>"""

JUDGED = """<p>The poses to learn from are placed by physics, in photographs with depth and in rendered
rooms; two readers who did not write the placer judged random samples of them, and answers of
the model. Their counts are in the repository, in <code>assets/docs/data.md</code> and
<code>assets/docs/results.md</code>. Your own raters can judge in the <strong>Study</strong>
tab.</p>"""

TERMS = """<p>The code, the rendered rooms and the demo's scenes are under the MIT licence. The weights
are for research and other non-commercial use, because they learnt from NYUv2's photographs
(Silberman, Hoiem, Kohli and Fergus, ECCV 2012); none of those photographs is part of this
project. What you open stays on the machine that serves this page and is deleted after a
day.</p>"""


class HowTab:
    """Builds the tab inside the app that is being built."""

    def __init__(self) -> None:
        folder = assets()
        sections = [
            ("From a click to people", _pipeline(folder / "docs" / "pipeline.png") + STEPS),
            ("The templates in use", templates(folder / "templates" / "picked.json")),
            ("How good the answers are", RESULTS + results(folder / "docs" / "results")),
            ("Who judged", JUDGED),
            ("Data and terms", TERMS),
        ]
        content = "".join(f"<section><h2>{title}</h2>{body}</section>" for title, body in sections if body)
        gr.HTML(content, elem_id="sp-how", padding=False)


def _pipeline(path: Path) -> str:
    """The picture of the pipeline; nothing where it is missing."""
    if not path.is_file():
        return ""
    gr.set_static_paths([path])
    text = (
        "A bedroom, a point on the bed, three views of it, the surfaces seen, scores, one pose, five people"
    )
    return f'<img class="sp-pipeline" alt="{text}" src="gradio_api/file={escape(str(path))}">'


def templates(path: Path) -> str:
    """The templates of a file that `python -m train templates` wrote, drawn small, with their names."""
    columns = json.loads(path.read_text(encoding="utf-8"))
    drawn = [
        f"<figure>{_template(np.array(pose, float).reshape(16, 2), scale, number)}"
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for number, (pose, scale, name) in enumerate(
            zip(columns["templates"], columns["scales"], columns["names"], strict=True)
        )
    ]
    return f'<div class="sp-templates">{"".join(drawn)}</div>'


def _template(pose: np.ndarray, scale: list[float], number: int) -> str:
    """One template in its mean proportions."""
    size = np.array(scale, float)
    points = pose * size / size.max() * 84 + 50
    limbs = [(*points[a], *points[b]) for a, b in LIMBS if b != HEAD_TOP]
    lines = "".join(f'<path d="M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}"/>' for x, y, u, v in limbs)
    middle = (points[HEAD_TOP] + points[UPPER_NECK]) / 2
    radius = max(3.0, float(np.linalg.norm(points[HEAD_TOP] - points[UPPER_NECK])) / 2)
    head = f'<circle cx="{middle[0]:.1f}" cy="{middle[1]:.1f}" r="{radius:.1f}"/>'
    colour = hex_colour(template_colour(number))
    return (
        f'<svg viewBox="0 0 100 100" stroke="{colour}" fill="{colour}" aria-hidden="true">{lines}{head}</svg>'
    )


def results(folder: Path) -> str:
    """A table of what `python -m train evaluate` measured; nothing where the files are missing."""
    read: dict[str, dict[str, Any]] = {}
    for name in ("photographs", "rooms"):
        if (path := folder / f"{name}.json").is_file():
            read[name] = json.loads(path.read_text(encoding="utf-8"))["methods"]
    if not read:
        return ""
    titles = {name: method.title for name, method in METHODS.items()} | BESIDE
    names = [name for name in titles if any(name in rows for rows in read.values())]
    heads = "".join(f'<th colspan="{len(MEASURES)}">{where}</th>' for where in read)
    measures = "".join(f"<th>{title}</th>" for _ in read for _, title in MEASURES)
    rows = "".join(
        f"<tr><th>{titles[name]}</th>"
        + "".join(
            f"<td>{_cell(rows.get(name, {}), key)}</td>" for rows in read.values() for key, _ in MEASURES
        )
        + "</tr>"
        for name in names
    )
    return (
        f'<div class="sp-scroll"><table><thead><tr><td></td>{heads}</tr><tr><td></td>{measures}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    return "" if value is None or np.isnan(value) else f"{value:.2f}"
