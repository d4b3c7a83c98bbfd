"""The picture with the people as SVG: the photo inside, and every person as a group of vectors over it.

What is drawn is what `draw.overlay` draws (see `figure`), in pixels of the original picture. A person is
``<g class="person" data-person="1">``, a joint ``<circle data-joint="r_wrist">``, so that editors and scripts
find them.
"""

from __future__ import annotations

import base64
import io
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from scenepose.export.answer import Answer, Person
from scenepose.picture.draw import badge_places
from scenepose.picture.figure import (
    INK,
    WHITE,
    Dot,
    Head,
    Limb,
    Shape,
    Trunk,
    figure,
    hex_colour,
    ink_on,
    style,
    template_colour,
    unit_of,
)
from scenepose.picture.images import Picture
from scenepose.pose.skeleton import JOINTS


def document(answer: Answer, picture: Picture) -> str:
    """An SVG file of the answer's people over the picture; alternatives look as they do in `draw.overlay`."""
    width, height = answer.width, answer.height
    unit = unit_of(width, height)
    groups = [
        _person(person, rank, answer.together, unit)
        for rank, person in reversed(list(enumerate(answer.people)))
    ]
    if not answer.together:
        groups += [_target(answer.point, unit)] if answer.point else []
        groups += _badges(answer, unit) if len(answer.people) > 1 else []
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" stroke-linecap="round">\n'
        f"<title>{escape(answer.scene)}</title>\n"
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" href="{_photo(picture)}"/>\n'
        + "\n".join(groups)
        + "\n</svg>\n"
    )


def _photo(picture: Picture) -> str:
    file = io.BytesIO()
    picture.image.save(file, "JPEG", quality=92, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _person(person: Person, rank: int, together: bool, unit: float) -> str:
    look = style(0 if together else rank)
    shapes = figure(
        person.keypoints.astype(float), template_colour(person.template), look, unit, person.hidden
    ).shapes
    name = person.template_name or person.kind or "person"
    edited = ' data-edited="true"' if person.edited else ""
    opacity = f' opacity="{look.opacity:g}"' if look.opacity < 1 else ""
    inside = "\n".join(_shape(shape) for shape in shapes)
    return (
        f'<g class="person" data-person="{rank + 1}" data-template={quoteattr(name)}{edited}{opacity}>\n'
        f"<title>{escape(name)}</title>\n{inside}\n</g>"
    )


def _shape(shape: Shape) -> str:
    colour = hex_colour(shape.colour)
    if isinstance(shape, Limb):
        dashes = "".join(f"M{x0:.2f} {y0:.2f}L{x1:.2f} {y1:.2f}" for (x0, y0), (x1, y1) in shape.dashes())
        return f'<path d="{dashes}" stroke="{colour}" stroke-width="{2 * shape.radius:.2f}"/>'
    if isinstance(shape, Trunk):
        corners = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.corners)
        return f'<polygon points="{corners}" fill="{colour}" fill-opacity="{shape.alpha / 255:.2f}"/>'
    if isinstance(shape, Dot):
        x, y = shape.centre
        return (
            f'<circle data-joint="{JOINTS[shape.joint]}" cx="{x:.2f}" cy="{y:.2f}" r="{shape.radius:.2f}" '
            f'fill="{colour}"/>'
        )
    return _head(shape, colour)


def _head(head: Head, colour: str) -> str:
    x, y = head.centre
    # A ring lies on the inner side of the edge, and a stroke on both sides of its line.
    grow = head.grow - head.ring / 2
    along, across = np.hypot(*head.half) + grow, head.across + grow
    angle = np.degrees(np.arctan2(head.half[1], head.half[0]))
    paint = f'fill="{colour}"'
    if head.ring:
        paint += f' fill-opacity="0.2" stroke="{colour}" stroke-width="{head.ring:.2f}"'
    return (
        f'<ellipse cx="{x:.2f}" cy="{y:.2f}" rx="{max(along, 0):.2f}" ry="{max(across, 0):.2f}" '
        f'transform="rotate({angle:.2f} {x:.2f} {y:.2f})" {paint}/>'
    )


def _badges(answer: Answer, unit: float) -> list[str]:
    """The ranks' numbers, as `draw` places them."""
    figures = [person.keypoints.astype(float) for person in answer.people]
    badges = []
    for rank, (x, y), radius in badge_places(figures, (answer.width, answer.height), unit):
        colour = template_colour(answer.people[rank].template)
        fill = hex_colour(colour)
        badges.append(
            f'<g class="badge"><circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:.2f}" fill="{fill}" '
            f'stroke="{hex_colour(INK)}" stroke-width="{max(1.0, unit * 0.3):.2f}"/>'
            f'<text x="{x:.2f}" y="{y:.2f}" dy="0.36em" text-anchor="middle" font-family="sans-serif" '
            f'font-size="{radius * 1.35:.2f}" fill="{hex_colour(ink_on(colour))}">{rank + 1}</text></g>'
        )
    return badges


def _target(point: tuple[float, float], unit: float) -> str:
    """The clicked point, as `draw` marks it."""
    x, y = point
    circles = "".join(
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius * unit:.2f}" fill="{hex_colour(colour)}"/>'
        for radius, colour in ((2.15, INK), (1.75, WHITE), (1.05, INK), (0.62, WHITE))
    )
    return f'<g class="point" opacity="0.95">{circles}</g>'
