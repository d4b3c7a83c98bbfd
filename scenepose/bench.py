"""Speed as ratios: what ScenePose costs against bare networks and bare imports, in one run on one machine.

Absolute times say more about the machine than about the program; the ratios should hold anywhere. What
is compared is timed alternately, and the medians are divided, so that a busy moment hits both.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torchvision.models import resnet18

import scenepose
from scenepose import METHODS
from scenepose.assets import bundled_scenes
from scenepose.baselines import build
from scenepose.errors import ScenePoseError
from scenepose.predictor import Generator

#: Ratio that each measurement should stay below.
TARGETS = {"further click": 1.5, "first click": 1.5, "comparison": 2.5, "server start": 1.5}

#: The slowest start that is waited for, in seconds.
PATIENCE = 300


def report(checkpoint: Path | None = None, repeats: int = 20, server: bool = True) -> None:
    """Measure and print one line for each ratio."""
    generator = scenepose.load(checkpoint=checkpoint)
    threads = torch.get_num_threads()
    print(f"{generator.device}, {threads} threads, torch {torch.__version__}, median of {repeats}")
    picture, point = _scene()
    for name, own, bare in _clicks(generator, picture, point, repeats):
        _print(
            name,
            own,
            bare,
            {"further click": "2 ResNet-18 passes", "first click": "3 ResNet-18 passes"}[name],
        )
    _print("comparison", *_comparison(generator, picture, point, repeats), "a further click")
    if server:
        own, bare = server_start(checkpoint)
        _print("server start", own, bare, "import torch, gradio")


def _print(name: str, own: float, bare: float, against: str) -> None:
    ratio, target = own / bare, TARGETS[name]
    verdict = "within" if ratio <= target else "ABOVE"
    print(
        f"{name:14s} {own * 1000:8.1f} ms / {bare * 1000:8.1f} ms ({against}) "
        f"= {ratio:.2f}, {verdict} the target of {target}"
    )


def _scene() -> tuple[np.ndarray, tuple[float, float]]:
    """A bundled scene where there is one, else noise of the same size: the time is the same."""
    from scenepose import images

    try:
        scene = bundled_scenes()[0]
        return np.asarray(images.read(scene.path).image), scene.point
    except (ScenePoseError, IndexError):
        return np.random.default_rng(0).integers(0, 255, (720, 960, 3), np.uint8), (480.0, 400.0)


def _clicks(
    generator: Generator, picture: np.ndarray, point: tuple[float, float], repeats: int
) -> list[tuple[str, float, float]]:
    """(name, our seconds, the bare network's seconds) of a further and of a first click."""
    network = resnet18().eval().to(generator.device)
    view = torch.rand(1, 3, 224, 224, device=generator.device)
    scene = generator.encode(picture)

    def passes(count: int) -> Callable[[], None]:
        def run() -> None:
            with torch.inference_mode():
                for _ in range(count):
                    network(view)
            _finish(generator)

        return run

    def further() -> None:
        scene.generate(point)

    def first() -> None:
        generator.encode(picture).generate(point)

    return [
        ("further click", *_alternate(further, passes(2), repeats)),
        ("first click", *_alternate(first, passes(3), repeats)),
    ]


def _comparison(
    generator: Generator, picture: np.ndarray, point: tuple[float, float], repeats: int
) -> tuple[float, float]:
    """Seconds of a click answered by all eight methods, and of one answered by the main method alone.

    Fresh networks of the compared systems' sizes are timed: weights change no time.
    """
    encoder = generator.model
    heads = [build(name, encoder.config, encoder.template_set) for name in METHODS if name != "scenepose"]
    device = str(generator.device)
    others = [Generator(encoder, name="compared", device=device, head=head) for head in heads]
    scene = generator.encode(picture)

    def alone() -> None:
        scene.generate(point, top_k=1)

    def together() -> None:
        features = scene.features([point])
        for method in (generator, *others):
            method.answer(features, point, scene.height, 1)

    return _alternate(together, alone, repeats)


def _finish(generator: Generator) -> None:
    """Wait for a GPU's queue; answers of ours are numpy arrays, so they have waited already."""
    if generator.device.type == "cuda":
        torch.cuda.synchronize()


def _alternate(one: Callable[[], None], other: Callable[[], None], repeats: int) -> tuple[float, float]:
    """Median seconds of two things, timed in turns after two untimed ones."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats + 2):
        for run, found in zip((one, other), times, strict=True):
            start = time.perf_counter()
            run()
            if turn >= 2:
                found.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def server_start(checkpoint: Path | None = None, repeats: int = 3) -> tuple[float, float]:
    """Seconds from starting the demo's process to its first page, and of ``import torch, gradio``."""
    own, bare = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch, gradio"], check=True)
        bare.append(time.perf_counter() - start)
        own.append(_first_page(checkpoint))
    return statistics.median(own), statistics.median(bare)


def _first_page(checkpoint: Path | None) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "scenepose.app", "--port", str(port)]
    if checkpoint:
        command += ["--checkpoint", str(checkpoint)]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        while time.perf_counter() - start < PATIENCE:
            if process.poll() is not None:
                raise ScenePoseError(
                    f"the demo stopped with exit code {process.returncode} before its first page"
                )
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as page:
                    page.read()
                    return time.perf_counter() - start
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.02)
        raise ScenePoseError(f"the demo gave no page within {PATIENCE} seconds")
    finally:
        process.terminate()
        process.wait()
