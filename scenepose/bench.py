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
from scenepose.assets import bundled_scenes
from scenepose.errors import ScenePoseError
from scenepose.methods.build import build
from scenepose.predict.generator import Generator, Scene
from scenepose.predict.near import grid

#: Ratio that each measurement should stay below.
TARGETS = {
    "click": 0.5,
    "first click": 0.5,
    "encoding": 6.5,
    "map": 70.0,
    "comparison": 1.0,
    "server start": 1.2,
}
#: What is measured against: one forward pass of ResNet-18 on one picture of 224 x 224.
BARE = "a bare ResNet-18 pass"

#: The slowest start that is waited for, in seconds.
PATIENCE = 300


def report(checkpoint: Path | None = None, repeats: int = 20, server: bool = True) -> None:
    """Measure and print one line for each ratio."""
    generator = scenepose.load(checkpoint=checkpoint)
    threads = torch.get_num_threads()
    print(f"{generator.device}, {threads} threads, torch {torch.__version__}, median of {repeats}")
    picture, point = _scene()
    click, bare = _click(generator, picture, point, repeats)
    _print("click", click, bare, BARE)
    _print("first click", *_first_click(generator, picture, point, repeats), BARE)
    _print("encoding", *_encoding(generator, picture, repeats), BARE)
    _print("map", *_map(generator, picture, max(1, repeats // 6)), BARE)
    together, allowed = _comparison(generator, picture, point, repeats)
    _print("comparison", together, allowed, "2.5 clicks, or 1.5 bare passes where that is more")
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
    """A bundled scene where there is one, cut to 4 : 3, else noise of that shape: the time is the same."""
    from scenepose.picture import images

    try:
        scene = bundled_scenes()[0]
        image = images.read(scene.path).image
        width = min(image.width, image.height * 4 // 3)
        left = min(max(0, round(scene.point[0] - width / 2)), image.width - width)
        point = (float(scene.point[0] - left), float(scene.point[1]))
        return np.asarray(image.crop((left, 0, left + width, width * 3 // 4))), point
    except (ScenePoseError, IndexError):
        return np.random.default_rng(0).integers(0, 255, (720, 960, 3), np.uint8), (480.0, 400.0)


def _bare(generator: Generator) -> Callable[[], None]:
    """One pass of the bare network."""
    network = resnet18().eval().to(generator.device)
    view = torch.rand(1, 3, 224, 224, device=generator.device)

    def run() -> None:
        with torch.inference_mode():
            network(view)
        _finish(generator)

    return run


def _click(
    generator: Generator, picture: np.ndarray, point: tuple[float, float], repeats: int
) -> tuple[float, float]:
    """Seconds of a further click on an encoded picture, and of the bare pass."""
    scene = generator.encode(picture)
    return _alternate(lambda: scene.generate(point), _bare(generator), repeats)


def _first_click(
    generator: Generator, picture: np.ndarray, point: tuple[float, float], repeats: int
) -> tuple[float, float]:
    """Seconds of the first click on a freshly encoded picture, and of the bare pass."""
    scenes: list[Scene] = []

    def prepare() -> None:
        scenes[:] = [generator.encode(picture)]

    return _alternate(lambda: scenes[0].generate(point), _bare(generator), repeats, prepare)


def _encoding(generator: Generator, picture: np.ndarray, repeats: int) -> tuple[float, float]:
    """Seconds of encoding a picture of 4 : 3, read already, and of the bare pass."""
    from scenepose.picture import images

    read = images.read(picture)
    return _alternate(lambda: generator.encode(read), _bare(generator), repeats)


def _map(generator: Generator, picture: np.ndarray, repeats: int) -> tuple[float, float]:
    """Seconds of scoring the 24 x 18 cells over an encoded picture, and of the bare pass."""
    scene = generator.encode(picture)
    points = grid(scene.width, scene.height).reshape(-1, 2)
    return _alternate(lambda: scene.compatibility(points), _bare(generator), repeats)


def _comparison(
    generator: Generator, picture: np.ndarray, point: tuple[float, float], repeats: int
) -> tuple[float, float]:
    """Seconds of a click answered by all methods, and what it may take: 2.5 clicks of the main method alone,
    or 1.5 bare passes, whichever is more.

    Fresh heads of the compared methods' sizes are timed: weights change no time.
    """
    encoder, device = generator.encoder, str(generator.device)
    others = [
        Generator(encoder, build(name, encoder.config, generator.head.template_set), name=name, device=device)
        for name in scenepose.METHODS
        if name != generator.name
    ]
    scene = generator.encode(picture)

    def together() -> None:
        features = scene.features([point])
        for method in (generator, *others):
            method.answer(features, point, scene.height, 1)

    own, click = _alternate(together, lambda: scene.generate(point, top_k=1), repeats)
    _, bare = _alternate(lambda: None, _bare(generator), repeats)
    return own, max(2.5 * click, 1.5 * bare)


def _finish(generator: Generator) -> None:
    """Wait for a GPU's queue; answers of ours are numpy arrays, so they have waited already."""
    if generator.device.type == "cuda":
        torch.cuda.synchronize()


def _alternate(
    one: Callable[[], object],
    other: Callable[[], object],
    repeats: int,
    prepare: Callable[[], object] = lambda: None,
) -> tuple[float, float]:
    """Median seconds of two things, timed in turns after two untimed ones; ``prepare`` is called, untimed,
    before each."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats + 2):
        prepare()
        for run, taken in zip((one, other), times, strict=True):
            start = time.perf_counter()
            run()
            if turn >= 2:
                taken.append(time.perf_counter() - start)
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
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever the environment says
    try:
        while time.perf_counter() - start < PATIENCE:
            if process.poll() is not None:
                raise ScenePoseError(
                    f"the demo stopped with exit code {process.returncode} before its first page"
                )
            try:
                with direct.open(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as page:
                    page.read()
                    return time.perf_counter() - start
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.02)
        raise ScenePoseError(f"the demo gave no page within {PATIENCE} seconds")
    finally:
        process.terminate()
        process.wait()
