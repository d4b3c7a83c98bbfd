"""The answers of any methods at many points, and what a click costs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import scenepose
from scenepose.data.sources import Source
from scenepose.errors import CheckpointError
from scenepose.methods.checkpoint import load_head
from scenepose.methods.table import METHODS
from scenepose.model.checkpoint import fingerprint, load_encoder
from scenepose.model.encoder import Encoder
from scenepose.predict.generator import Generator
from train.judge.measure import Answers, answer

#: Answers at each point: samples of a stochastic method, by which its diversity is measured.
SAMPLES = 10
#: How methods that were trained end to end are called: "regression-finetuned".
FINETUNED = "-finetuned"


def every_name(more: Path) -> list[str]:
    """Every method, the variants last, and what ``more`` holds of methods trained end to end."""
    trained = {path.stem for path in more.glob(f"**/*{FINETUNED}.safetensors")}
    listed = sorted(METHODS, key=lambda name: METHODS[name].variant)
    return [*listed, *(tag for name in METHODS if (tag := f"{name}{FINETUNED}") in trained)]


def folder_of(checkpoint: Path) -> Path:
    """The folder of weights that a path means: itself, or that of a head's file."""
    return checkpoint if checkpoint.is_dir() else checkpoint.parent


def open_main(checkpoint: Path | None, device: str = "cpu") -> Generator:
    """The main method from a folder of weights, or a head's file beside its encoder; else the shipped one."""
    return scenepose.load("scenepose", checkpoint, device)


def open_methods(
    names: Sequence[str], checkpoint: Path, folders: Sequence[Path], *, wanted: Sequence[str], device: str
) -> dict[str, Generator]:
    """Methods with their weights; those that share the encoder share it in memory, too.

    Args:
        names: methods or variants; with "-finetuned" one that has an encoder of its own.
        checkpoint: folder of the encoder, or a file of ``scenepose`` beside which the encoder lies.
        folders: where else heads are looked for.
        wanted: the names without which it is an error; others are left out, with a line that says so.

    Raises:
        CheckpointError: the encoder, or the weights of one that is wanted, are missing or do not fit.
    """
    beside = folder_of(checkpoint)
    encoder = load_encoder(beside / "encoder.safetensors")
    known, found = fingerprint(encoder), {}
    for name in names:
        method = name.removesuffix(FINETUNED)
        places = [folder / f"{name}.safetensors" for folder in (beside, *folders)]
        if name == "scenepose":
            places = [checkpoint / "scenepose.safetensors" if checkpoint.is_dir() else checkpoint]
        path = next((place for place in places if place.is_file()), places[0])
        if not path.is_file() and name not in wanted:
            print(f"{name}: left out, it has no weights")
            continue
        try:
            if method == name:
                own, head = encoder, load_head(path, method, encoder, known)
            else:
                own = load_encoder(path.with_name(f"{name}.encoder.safetensors"))
                head = load_head(path, method, own)
        except CheckpointError as error:
            if name in wanted or name == "scenepose":
                raise
            print(f"{name}: left out; {error}")
            continue
        found[name] = Generator(own, head, name=method, device=device)
    return found


def answers_of(
    generators: Mapping[str, Generator], source: Source, points: np.ndarray, *, workers: int = 1
) -> dict[str, Answers]:
    """Every method's best answers at some points of a source, `SAMPLES` of them at most.

    Methods on the same encoder are asked together: each click is encoded once for them all.
    """
    groups: list[tuple[Encoder, list[str]]] = []
    for name, generator in generators.items():
        group = next((names for encoder, names in groups if encoder is generator.encoder), None)
        if group is None:
            groups.append((generator.encoder, [name]))
        else:
            group.append(name)
    found: dict[str, Answers] = {}
    for encoder, names in groups:
        heads = {name: generators[name].head for name in names}
        found |= answer(encoder, heads, source, points, workers=workers, top=SAMPLES)
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
    parts = (generator.encoder, generator.head)
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
