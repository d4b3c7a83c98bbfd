"""The answers of any methods at many points, and what a click costs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import scenepose
from scenepose.data.sources import Source
from scenepose.predictor import Generator
from train.judge import Answers, answer
from train.judge_heads import answer_heads

#: Samples drawn from a stochastic method at each point, by which its diversity is measured.
SAMPLES = 10
#: How systems that were trained end to end are called: "regression-finetuned".
FINETUNED = "-finetuned"


def every_name(more: Path) -> list[str]:
    """Every method, the variants, and what ``more`` holds of systems trained end to end."""
    end_to_end = [f"{name}{FINETUNED}" for name in scenepose.METHODS if name != "scenepose"]
    trained = {path.stem for path in more.glob(f"**/*{FINETUNED}.safetensors")}
    return [*scenepose.METHODS, *scenepose.VARIANTS, *(name for name in end_to_end if name in trained)]


def open_method(
    name: str, main: Path, checkpoints: Path, more: Path, *, wanted: bool, device: str
) -> Generator | None:
    """A method with its weights; None where it is not ``wanted`` by name and has none for this encoder.

    Args:
        name: a method or variant; with "-finetuned" a system that has an encoder of its own.
        main: the main method's weights, whose encoder the others read.
        checkpoints, more: folders of weights; in ``more`` a method may have a folder of its name.

    Raises:
        ValueError: there is no such method, or the one that is wanted has no weights.
    """
    system = name.removesuffix(FINETUNED)
    folders = (checkpoints, more, more / name)
    places = [main] if name == "scenepose" else [folder / f"{name}.safetensors" for folder in folders]
    path = next((place for place in places if place.is_file()), places[0])
    known = system in (*scenepose.METHODS, *scenepose.VARIANTS)
    if known and not wanted and not path.is_file():
        return None
    own = path.with_name(f"{name}.encoder.safetensors")
    encoder = None if name == "scenepose" else main if system == name else own
    try:
        return scenepose.load(system, path, device, encoder)
    except scenepose.CheckpointError as error:
        if wanted or name == "scenepose":
            raise
        print(error)
        return None


def answers_of(
    generators: Mapping[str, Generator], source: Source, points: np.ndarray, *, workers: int = 1
) -> dict[str, Answers]:
    """Every method's best answers at some points of a source: 5 of the main one, `SAMPLES` of the others.

    Methods on the same encoder are asked together: each click is encoded once for them all.
    """
    found: dict[str, Answers] = {}
    others: dict[str, dict[str, Generator]] = {}
    for name, generator in generators.items():
        if generator.head is None:
            found[name] = answer(generator.model, source, points, workers=workers)
        else:
            others.setdefault(generator.fingerprint, {})[name] = generator
    for group in others.values():
        heads = {name: generator.head for name, generator in group.items() if generator.head is not None}
        model = next(iter(group.values())).model
        found |= answer_heads(model, heads, source, points, workers=workers, top=SAMPLES)
    return {name: found[name] for name in generators}


def ms_per_click(generator: Generator, source: Source, repeats: int = 15) -> float:
    """Median milliseconds from a further click on an encoded scene to its poses, drawing aside."""
    picture = source.picture(int(source.samples.point_frames[0]))
    point = (picture.width / 2, picture.height / 2)
    scene = generator.encode(picture)
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        scene.generate(point)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[2:]))


def parameters_of(generator: Generator) -> int:
    """How many numbers a method has learnt, its encoder's among them."""
    parts = [generator.model] if generator.head is None else [generator.model.foundation, generator.head]
    return sum(parameter.numel() for part in parts for parameter in part.parameters())


def together(parts: list[Answers]) -> Answers:
    """Answers at the points of several sources, one after the other."""
    scores = [part.scores for part in parts if part.scores is not None]
    return Answers(
        np.concatenate([part.poses for part in parts]),
        np.concatenate([part.templates for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate(scores) if len(scores) == len(parts) else None,
    )
