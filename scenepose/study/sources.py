"""Pose sources: every method, the ground truth, and the plain template without offsets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import scenepose
from scenepose import methods
from scenepose.errors import RequestError
from scenepose.pose import geometry
from scenepose.predict.generator import Generator, Pose, Scene
from scenepose.study.design import TEMPLATE, TRUTH
from scenepose.study.items import Place

Keypoints = NDArray[np.float32]


def available(checkpoints: dict[str, Path] | None = None) -> list[str]:
    """What a study compares by default: the methods whose weights are there, the truth, the template."""
    listed = [
        name for name in scenepose.METHODS if name in (checkpoints or {}) or methods.weights(name).is_file()
    ]
    return [*listed, TRUTH, TEMPLATE]


def possible(names: Sequence[str], known: bool) -> list[str]:
    """Those of the sources that can have a pose at a place; the truth only where one is ``known``."""
    return [name for name in names if name != TRUTH or known]


def check_sources(names: Sequence[str]) -> None:
    """Refuse unknown or doubled names, and fewer than two.

    Raises:
        RequestError: the sentence names the offending one.
    """
    known = [*scenepose.METHODS, TRUTH, TEMPLATE]
    for name in names:
        if name not in known:
            raise RequestError(f"there is no pose source {name!r}; there is {', '.join(known)}")
    if len(set(names)) != len(names):
        raise RequestError(f"a pose source is named twice in {', '.join(names)}")
    if len(names) < 2:
        raise RequestError("a study compares at least 2 pose sources")


def template_pose(scene: Scene, pose: Pose, point: tuple[float, float]) -> Keypoints:
    """A pose's template at the pose's own scale, without offsets: (16, 2), pixels.

    Raises:
        RequestError: the method has no templates.
    """
    if pose.template is None:
        raise RequestError(f"{scene.generator.name} has no templates to show without offsets")
    shape = np.asarray(scene.generator.templates[pose.template], float)
    pixels = np.array(pose.scale) * scene.height
    return geometry.compose(shape, pixels, np.array(point)).astype(np.float32)


def poses(
    places: Sequence[Place],
    names: Sequence[str],
    checkpoints: dict[str, Path] | None = None,
    progress: Callable[[int], object] | None = None,
) -> list[dict[str, Keypoints]]:
    """Each place's poses by source; the truth only where one is known.

    The template always comes along, because attention checks turn it upside down where there is no truth; it
    is that of the first method that has templates.

    Args:
        places: where. names: which sources.
        checkpoints: weights of methods other than the bundled ones.
        progress: called with 1 after each answer of a method.

    Raises:
        CheckpointError: a method's weights are missing.
    """
    found: list[dict[str, Keypoints]] = [
        {TRUTH: place.truth} if place.truth is not None else {} for place in places
    ]
    asked = [name for name in names if name in scenepose.METHODS] or [next(iter(scenepose.METHODS))]
    for name in asked:
        generator = scenepose.load(name, (checkpoints or {}).get(name))
        _answer(generator, places, found, keep=name in names, progress=progress)
    return found


def _answer(
    generator: Generator,
    places: Sequence[Place],
    found: list[dict[str, Keypoints]],
    keep: bool,
    progress: Callable[[int], object] | None,
) -> None:
    """One method's best pose at every place; the places of a scene stand together or cost more."""
    scene, scene_name = None, None
    for place, poses_here in zip(places, found, strict=True):
        if scene is None or place.scene != scene_name:
            scene, scene_name = generator.encode(place.picture()), place.scene
        pose = scene.generate(place.point, top_k=1)[0]
        if keep:
            poses_here[generator.name] = pose.keypoints
        if TEMPLATE not in poses_here and pose.template is not None:
            poses_here[TEMPLATE] = template_pose(scene, pose, place.point)
        if progress:
            progress(1)
