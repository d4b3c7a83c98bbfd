"""How other programs read OpenPose files: their rules, written down anew from their published sources.

Each reader takes a parsed file and gives, for every person, 18 places (x, y) in pixels or None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Places = list[tuple[float, float] | None]


def _triples(numbers: list[float]) -> list[tuple[float, float, float]]:
    assert len(numbers) % 3 == 0
    return list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))


def controlnet(document: dict[str, Any]) -> list[Places]:
    """Mikubill/sd-webui-controlnet: a confidence below 1 means that there is no joint; places that all lie
    within 1 are shares of the canvas."""
    width, height = document["canvas_width"], document["canvas_height"]
    people = []
    for person in document.get("people", []):
        found = [(x, y) if c >= 1 else None for x, y, c in _triples(person["pose_keypoints_2d"])]
        known = [place for place in found if place]
        shares = bool(known) and all(abs(x) <= 1 and abs(y) <= 1 for x, y in known)
        scale = (width, height) if shares else (1, 1)
        people.append([(place[0] * scale[0], place[1] * scale[1]) if place else None for place in found])
    return people


def webui_editor(document: dict[str, Any]) -> list[Places]:
    """huchenlei/sd-webui-openpose-editor: shown are joints with confidence 1, x > 0 and y > 0; numbers that
    all lie within 1 are shares of the canvas; people of fewer than 18 joints are passed over."""
    people = []
    for person in document.get("people", []):
        numbers = person["pose_keypoints_2d"]
        shares = all(abs(number) <= 1 for number in numbers)
        across, down = (document["canvas_width"], document["canvas_height"]) if shares else (1, 1)
        joints = _triples(numbers)
        if len(joints) >= 18:
            people.append(
                [(x * across, y * down) if x > 0 and y > 0 and c == 1 else None for x, y, c in joints]
            )
    return people


def comfy_editor(document: dict[str, Any]) -> list[Places]:
    """westNeighbor/ComfyUI-ultimate-openpose-editor: numbers above 2 are pixels; what is outside the canvas
    is moved to its edge; drawn are joints whose confidence is above 0."""
    width, height = document["canvas_width"], document["canvas_height"]
    people = []
    for person in document["people"]:
        numbers = person["pose_keypoints_2d"]
        across, down = (width, height) if max(numbers) > 2 else (1, 1)
        people.append(
            [
                (min(max(x / across, 0), 1) * width, min(max(y / down, 0), 1) * height) if c > 0 else None
                for x, y, c in _triples(numbers)
            ]
        )
    return people


READERS: dict[str, Callable[[dict[str, Any]], list[Places]]] = {
    "ControlNet": controlnet,
    "editor of the web UI": webui_editor,
    "editor of ComfyUI": comfy_editor,
}
