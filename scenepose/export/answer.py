"""The answer that every format is made of, and our own JSON: written by `record`, read by `read_record`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scenepose.errors import RequestError
from scenepose.pose.skeleton import JOINTS, NUM_JOINTS

if TYPE_CHECKING:
    from scenepose.predict.generator import Pose

#: What a file that we read may hold at most: bytes, people, pixels from the corner, letters of a name.
MAX_BYTES, MAX_PEOPLE, MAX_PIXEL, MAX_NAME = 16_000_000, 1000, 1_000_000, 300


class Sized(Protocol):
    """Anything with a picture's size in pixels: a `Scene` or a `Picture`."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...


@dataclass(frozen=True, eq=False)
class Person:
    """One person of an answer: what a `Pose` knows, and what became of it since.

    Attributes:
        keypoints: (16, 2) float32, MPII order, pixels of the original picture; NaN where unknown.
        score, template, template_name, kind, scale, point, hidden: as in `Pose`.
        edited: whether somebody moved joints by hand.
        method: who proposed this one, where it is not the answer's method.
    """

    keypoints: NDArray[np.float32]
    score: float | None = None
    template: int | None = None
    template_name: str | None = None
    kind: str | None = None
    scale: tuple[float, float] = (math.nan, math.nan)
    point: tuple[float, float] | None = None
    hidden: NDArray[np.bool_] | None = None
    edited: bool = False
    method: str | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """The people of one picture.

    Attributes:
        scene: the picture's name, as the user wrote it. width, height: its size, pixels.
        point: (x, y) of the click, pixels; None where people of several clicks are together.
        method: the method's name. people: best first, or in the order in which they were kept.
        together: whether all of them are in the scene at the same time.
    """

    scene: str
    width: int
    height: int
    point: tuple[float, float] | None
    method: str
    people: list[Person]
    together: bool = False

    def present(self) -> list[Person]:
        """Who is in the scene together: everybody, or of alternatives the best one."""
        return self.people if self.together else self.people[:1]

    def alternative(self, rank: int) -> Answer:
        """The answer with the alternative of a rank alone, 0 being the best."""
        return replace(self, people=self.people[rank : rank + 1])

    def record(self) -> dict[str, Any]:
        """See the function `record`."""
        return record(self.scene, self, self.point, self.people, self.method, together=self.together)


def record(
    scene_name: str,
    scene: Sized,
    point: tuple[float, float] | None,
    people: Sequence[Pose | Person | Mapping[str, Any]],
    method: str,
    *,
    together: bool = False,
) -> dict[str, Any]:
    """The project's own schema, ready for JSON: pixels of the original picture, best pose first.

    Args:
        people: poses, or records like those that this function writes; see there for what they need.
        together: whether they are all in the scene, instead of alternatives to each other.

    Returns:
        ``{"scene", "width", "height", "point": [x, y], "method", "poses": [{"keypoints": [[x, y] * 16],
        "score", "template", "scale": [w, h], "template_name", "kind"}]}``; scale in picture heights; what a
        method does not know is null. A pose has "point": [x, y] and "hidden": [16 booleans] where they are
        known, "edited": true where somebody moved its joints, and "method" where it is another one; the
        answer has "together": true where its poses are.

    Raises:
        RequestError: a record lacks something; the sentence names it.
    """
    whole: dict[str, Any] = {
        "scene": scene_name,
        "width": scene.width,
        "height": scene.height,
        "point": None if point is None else [float(point[0]), float(point[1])],
        "method": method,
        "poses": [
            _written(_person(one, rank, "the answer") if isinstance(one, Mapping) else one)
            for rank, one in enumerate(people, start=1)
        ],
    }
    return whole | {"together": True} if together else whole


def _written(person: Pose | Person) -> dict[str, Any]:
    one: dict[str, Any] = {
        "keypoints": [[_number(x), _number(y)] for x, y in person.keypoints],
        "score": None if person.score is None else round(person.score, 6),
        "template": person.template,
        "scale": [_number(side, 5) for side in person.scale],
        "template_name": person.template_name,
        "kind": person.kind,
    }
    if person.point is not None:
        one["point"] = [_number(value) for value in person.point]
    if person.hidden is not None:
        one["hidden"] = [bool(value) for value in person.hidden]
    if isinstance(person, Person):
        if person.edited:
            one["edited"] = True
        if person.method is not None:
            one["method"] = person.method
    return one


def _number(value: float, digits: int = 3) -> float | None:
    """A plain float for JSON, null for NaN."""
    return None if np.isnan(value) else round(float(value), digits)


def read_record(source: Path | str | bytes | Mapping[str, Any], name: str | None = None) -> Answer:
    """Read what `record` wrote, from this program, a file or a browser.

    Args:
        source: a file's path, its text (str or bytes), or the parsed record.
        name: what messages call it; by default the file's name.

    Raises:
        RequestError: it is something else, or a value makes no sense; one sentence says which.
    """
    name = name or (source.name if isinstance(source, Path) else "the file")
    whole = _parsed(source, name)
    if "people" in whole:
        raise RequestError(f"{name} is an OpenPose file; only ScenePose's own JSON can be read")
    if "annotations" in whole:
        raise RequestError(f"{name} is a COCO file; only ScenePose's own JSON can be read")
    for key in ("scene", "width", "height", "poses"):
        if key not in whole:
            raise RequestError(f"{name} is not an answer of ScenePose: it has no {key!r}")
    if isinstance(whole.get("error"), str):
        raise RequestError(f"{name} holds no answer but an error: {_short(whole['error'])}")
    poses = whole["poses"]
    if not isinstance(poses, list) or len(poses) > MAX_PEOPLE:
        raise RequestError(f"the poses of {name} are not a list of at most {MAX_PEOPLE}")
    point = whole.get("point")
    together = whole.get("together", False)
    if not isinstance(together, bool):
        raise RequestError(f"'together' of {name} is {_short(together)}, not true or false")
    return Answer(
        scene=_name(whole["scene"], f"the scene of {name}"),
        width=_side(whole["width"], f"the width of {name}"),
        height=_side(whole["height"], f"the height of {name}"),
        point=None if point is None else _pair(point, f"the point of {name}"),
        method=_name(whole.get("method", ""), f"the method of {name}"),
        people=[_person(pose, rank, name) for rank, pose in enumerate(poses, start=1)],
        together=together,
    )


def _parsed(source: Path | str | bytes | Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    if isinstance(source, Path):
        try:
            if source.stat().st_size > MAX_BYTES:
                raise RequestError(f"{name} is too large for an answer (over {MAX_BYTES // 10**6} MB)")
            source = source.read_bytes()
        except OSError as error:
            raise RequestError(f"{name} cannot be read: {error.strerror or error}") from error
    if len(source) > MAX_BYTES:
        raise RequestError(f"{name} is too large for an answer (over {MAX_BYTES // 10**6} MB)")
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source
        whole = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestError(f"{name} is not JSON") from None
    if not isinstance(whole, dict):
        raise RequestError(f"{name} is not an answer of ScenePose but {_short(whole)}")
    return whole


def _person(pose: object, rank: int, name: str) -> Person:
    """A pose's record as a `Person`; ``rank`` (from 1) and ``name`` are for messages."""
    where = f"pose {rank} of {name}"
    if not isinstance(pose, Mapping):
        raise RequestError(f"{where} is {_short(pose)}, not a pose")
    joints = pose.get("keypoints")
    if not isinstance(joints, Sequence) or len(joints) != NUM_JOINTS:
        count = f"{len(joints)} keypoints" if isinstance(joints, Sequence) else "no list of keypoints"
        raise RequestError(f"{where} has {count}, and needs {NUM_JOINTS}")
    keypoints = np.full((NUM_JOINTS, 2), np.nan, np.float32)
    for joint, place in enumerate(joints):
        if not isinstance(place, Sequence) or list(place) != [None, None]:
            keypoints[joint] = _pair(place, f"the {JOINTS[joint]} of {where}")
    scale = pose.get("scale")
    sides = (math.nan, math.nan)
    if scale is not None and list(scale if isinstance(scale, Sequence) else "") != [None, None]:
        sides = _pair(scale, f"the scale of {where}")
    hidden, edited = pose.get("hidden"), pose.get("edited", False)
    if hidden is not None and not (
        isinstance(hidden, Sequence)
        and len(hidden) == NUM_JOINTS
        and all(isinstance(value, bool) for value in hidden)
    ):
        raise RequestError(f"'hidden' of {where} is not {NUM_JOINTS} times true or false")
    if not isinstance(edited, bool):
        raise RequestError(f"'edited' of {where} is {_short(edited)}, not true or false")
    point, score, template = pose.get("point"), pose.get("score"), pose.get("template")
    if score is not None and not (_is_number(score) and 0 <= score <= 1):
        raise RequestError(f"the score of {where} is {_short(score)}, not between 0 and 1")
    if template is not None and not (
        _is_number(template) and template == int(template) and 0 <= template < 10**6
    ):
        raise RequestError(f"the template of {where} is {_short(template)}, not the number of one")
    words = {
        key: None if pose.get(key) is None else _name(pose[key], f"{key!r} of {where}")
        for key in ("template_name", "kind", "method")
    }
    return Person(
        keypoints=keypoints,
        score=None if score is None else float(score),
        template=None if template is None else int(template),
        scale=sides,
        point=None if point is None else _pair(point, f"the point of {where}"),
        hidden=None if hidden is None else np.array(hidden, bool),
        edited=edited,
        **words,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _pair(value: object, what: str) -> tuple[float, float]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise RequestError(f"{what} is {_short(value)}, not a pair of numbers")
    for part in value:
        if not _is_number(part) or abs(part) > MAX_PIXEL:
            raise RequestError(f"{what} is {_short(value)}, not a pair of numbers up to {MAX_PIXEL}")
    return float(value[0]), float(value[1])


def _side(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_PIXEL:
        raise RequestError(f"{what} is {_short(value)}, not a number of pixels")
    return value


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_NAME or not value.isprintable():
        raise RequestError(f"{what} is {_short(value)}, not a name")
    return value


def _short(value: object) -> str:
    """A value as a message shows it: its beginning."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value).__name__)
    return text if len(text) <= 60 else text[:57] + "..."
