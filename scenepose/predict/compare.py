"""One click answered by several methods, from one encoding."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scenepose import export, methods
from scenepose.errors import CheckpointError, ScenePoseError, sentence
from scenepose.pose.metrics import pck

if TYPE_CHECKING:
    from scenepose.predict.generator import Generator, Pose, Scene


@dataclass(frozen=True)
class Truth:
    """A pose known to fit at a point: keypoints (16, 2) in pixels, which of them are known (16,)."""

    keypoints: NDArray
    known: NDArray


@dataclass(frozen=True)
class Panel:
    """One method's answer.

    Attributes:
        method: its name. pose: its answer, None where it failed.
        milliseconds: from the click's features, which all methods share, to the pose; 0 where it was not
            measured.
        seed: of a stochastic method, None for the others.
        pck: PCK@0.2 against the truth, None where no truth is known.
        error: what went wrong, a sentence.
    """

    method: str
    pose: Pose | None = None
    milliseconds: float = 0.0
    seed: int | None = None
    pck: float | None = None
    error: str | None = None

    @property
    def note(self) -> str:
        """What stands beside the title: "31 ms · PCK 0.56 · seed 3"."""
        if self.error:
            return self.error
        parts = [f"{self.milliseconds:.0f} ms"] if self.milliseconds else []
        if self.pck is not None:
            parts.append(f"PCK {self.pck:.2f}")
        if self.seed is not None:
            parts.append(f"seed {self.seed}")
        return " · ".join(parts)


def comparable(folder: Path | None = None) -> list[str]:
    """The methods that have weights, the main one first, whose weights are checked elsewhere.

    Args:
        folder: where the others' weights are; by default among the bundled ones.
    """
    return ["scenepose", *(name for name in methods.available(folder) if name != "scenepose")]


@dataclass
class Compared:
    """The methods on one encoder, each loaded when it is first asked for.

    Attributes:
        main: the main method. folder: where the others' weights are; by default among the bundled ones.
    """

    main: Generator
    folder: Path | None = None
    _loaded: dict[str, Generator] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Those that have weights, the main method first."""
        return comparable(self.folder)

    def __contains__(self, name: str) -> bool:
        """Whether a method has been loaded already."""
        return name == "scenepose" or name in self._loaded

    def generator(self, name: str) -> Generator:
        """One of them.

        Raises:
            CheckpointError: its weights are missing, damaged or of another encoder.
        """
        if name == "scenepose":
            return self.main
        if name not in self._loaded:
            path = methods.weights(name, self.folder) if self.folder else None
            if path is not None and not path.is_file():
                raise CheckpointError(f"there are no weights of {name} in {self.folder}")
            self._loaded[name] = self.main.with_method(name, path)
        return self._loaded[name]


def compare(
    compared: Compared,
    scene: Scene,
    point: tuple[float, float],
    names: Iterable[str],
    *,
    seed: int = 0,
    truth: Truth | None = None,
) -> Iterator[Panel]:
    """Each method's best pose at a point, one after another as they finish; one that fails says so.

    Args:
        scene: encoded by the main method. point: in its picture, pixels. seed: of the stochastic methods.

    Raises:
        PointError: the point lies outside the picture; before anything is computed.
    """
    from scenepose.predict.generator import check_point

    point = check_point(point, scene.width, scene.height)
    features = scene.features([point])
    for name in names:
        try:
            fresh = name not in compared
            generator = compared.generator(name)
            if fresh:  # a network's first pass is slow (memory, kernels): let it not count
                generator.answer(features, point, scene.height, 1, seed)
            start = time.perf_counter()
            (pose, *_) = generator.answer(features, point, scene.height, 1, seed)
            elapsed = 1000 * (time.perf_counter() - start)
            if not np.isfinite(pose.keypoints).all():
                raise CheckpointError(f"{name} answers with keypoints that are not finite numbers")
        except ScenePoseError as error:
            yield Panel(name, error=sentence(error))
        except Exception as error:  # whatever happens in one method, the others' panels come
            yield Panel(name, error=sentence(f"{name} failed: {(str(error) or repr(error)).splitlines()[0]}"))
        else:
            drawn = seed if generator.stochastic else None
            yield Panel(name, pose, elapsed, drawn, _pck(pose, truth))


def _pck(pose: Pose, truth: Truth | None) -> float | None:
    if truth is None:
        return None
    value = float(pck(pose.keypoints.astype(np.float64), truth.keypoints, truth.known))
    return None if np.isnan(value) else value


def truth_panel(truth: Truth) -> Panel:
    """The true pose as a panel of its own."""
    from scenepose.predict.generator import Pose

    keypoints = np.where(truth.known[:, None], truth.keypoints, np.nan).astype(np.float32)
    return Panel("truth", Pose(keypoints))


def record(name: str, scene: Scene, point: tuple[float, float], panels: Sequence[Panel]) -> dict[str, Any]:
    """A comparison as JSON: `export.record` with a list of methods in the place of its one.

    Each has "method", "milliseconds", "seed" (null where there is none), "poses" and "error" (or null).
    """
    whole = export.record(name, scene, point, [], "")
    rows = []
    for panel in panels:
        poses = [] if panel.pose is None else [panel.pose]
        rows.append(
            {
                "method": panel.method,
                "milliseconds": round(panel.milliseconds, 2),
                "seed": panel.seed,
                "poses": export.record(name, scene, point, poses, panel.method)["poses"],
                "error": panel.error,
            }
        )
    return {key: whole[key] for key in ("scene", "width", "height", "point")} | {"methods": rows}
