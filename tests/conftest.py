"""What several tests share: a small random checkpoint, scenes, and the demo as a real server."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, sync_playwright

from scenepose.assets import assets, checkpoint_path
from scenepose.data.surfaces import SURFACES
from scenepose.methods.scenepose import ScenePose, ScenePoseConfig
from scenepose.model.encoder import Encoder, EncoderConfig
from scenepose.pose import geometry
from scenepose.pose.templates import TemplateSet
from scenepose.predict.generator import Generator
from scenepose.study.database import Database
from tests import postgres, tiny
from tests.placed import bank, placed, samples  # noqa: F401 (fixtures of the data's and the placer's tests)

# The networks here are small: on a busy machine several threads would only wait for each other.
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("stand", "walk", "sit")
#: The whole network, only narrower and with smaller views: quick on a busy machine.
ENCODER = EncoderConfig(view_size=96, channels=64, view_channels=32, surfaces=len(SURFACES))
SMALL = ScenePoseConfig(heads=4, scale_layers=1, ffn=64, hidden_joints=True)
#: Browsers by the names that systems know them by.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def person() -> np.ndarray:
    """Somebody who stands and faces us: (16, 2), one unit high, y down; their left is on our right."""
    joints = [
        (-0.08, 1.0), (-0.08, 0.76), (-0.07, 0.52), (0.07, 0.52), (0.08, 0.76), (0.08, 1.0), (0.0, 0.52),
        (0.0, 0.24), (0.0, 0.17), (0.0, 0.0), (-0.17, 0.5), (-0.15, 0.36), (-0.11, 0.22), (0.11, 0.22),
        (0.15, 0.36), (0.17, 0.5),
    ]  # fmt: skip
    return np.array(joints, np.float32)


#: Who uses one of these waits for a server, a browser, a database or a training.
SLOW_FIXTURES = {
    "server",
    "browser",
    "served",
    "watched",
    "behind",
    "client",
    "heads_folder",
    "postgres_server",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those as slow, beside the tests that say so themselves."""
    for item in items:
        if isinstance(item, pytest.Function) and SLOW_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def ordinary_arithmetic() -> Iterator[None]:
    """Training commands round the tiniest numbers to zero for the rest of their process; tests share one."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def template_set() -> TemplateSet:
    """14 templates: variations of one standing person."""
    poses = person() + np.random.default_rng(0).normal(0, 0.03, (14, 16, 2)).astype(np.float32)
    return TemplateSet(
        templates=geometry.normalise(poses),
        kinds=tuple(KINDS[k % 3] for k in range(14)),
        names=tuple(f"{KINDS[k % 3]} {k + 1}" for k in range(14)),
        counts=np.arange(14, 0, -1),
        mean_scale=np.array([0.3, 0.7], np.float32),
        scale_std=np.array([0.1, 0.2], np.float32),
        offset_std=0.1,
    )


def random_weights(folder: Path, template_set: TemplateSet, seed: int = 0) -> Path:
    """Weights nobody trained in a folder: encoder.safetensors, and the head's file, whose path this is."""
    torch.manual_seed(seed)
    encoder, head = Encoder(ENCODER), ScenePose(SMALL, ENCODER, template_set)
    head.sizes = SMALL
    return tiny.save(folder, encoder, head, {"data": ["none"]})


@pytest.fixture(scope="session")
def random_checkpoint(template_set: TemplateSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights nobody trained: enough for everything but good answers."""
    return random_weights(tmp_path_factory.mktemp("checkpoint"), template_set)


@pytest.fixture(scope="session")
def heads_folder(random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those weights, and the compared methods trained on their encoder for a moment."""
    from tests.tiny_heads import trained

    return trained(tmp_path_factory.mktemp("heads"), random_checkpoint.parent)


@pytest.fixture(scope="session")
def generator(random_checkpoint: Path) -> Generator:
    """A generator with random weights, on the CPU."""
    return Generator.from_checkpoint("scenepose", random_checkpoint, "cpu")


def room(width: int = 640, height: int = 480, wall: str = "#d9d2c5") -> Image.Image:
    """A drawn room: wall, floor and a sofa."""
    image = Image.new("RGB", (width, height), wall)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 0.6, width, height), fill="#8a6f52")
    draw.rounded_rectangle((width * 0.3, height * 0.45, width * 0.8, height * 0.75), 20, fill="#4f6d7a")
    return image


@pytest.fixture(scope="session")
def scenes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled scenes where there are some, else two drawn ones with their list."""
    bundled = assets() / "scenes"
    if (bundled / "scenes.json").is_file():
        return bundled
    folder = tmp_path_factory.mktemp("scenes")
    entries = []
    for name, wall in (("living-room", "#d9d2c5"), ("hall", "#c5d2d9")):
        room(960, 720, wall).save(folder / f"{name}.webp")
        entries.append({"file": f"{name}.webp", "title": name.capitalize(), "point": [500, 430]})
    (folder / "scenes.json").write_text(json.dumps(entries))
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium; its absence is a failure, or a broken page could land unseen."""
    return find_chromium() or pytest.fail(
        "The browser tests need Chromium and it is not installed: apt-get install chromium"
    )


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """The system's Chromium, for the tests of one file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def find_chromium() -> str | None:
    """Chromium or Chrome as the system calls it."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def server(
    random_checkpoint: Path, scenes_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The demo's address, served by a process of its own; with the real weights where they are."""
    real = checkpoint_path("scenepose")
    folder = tmp_path_factory.mktemp("server")
    with serving(real if real.is_file() else random_checkpoint, scenes_folder, folder) as address:
        yield address
    log = (folder / "log").read_text()
    assert "Traceback" not in log, log[-20_000:]


def serving(
    checkpoint: Path, scenes: Path, folder: Path, *options: str, port: int | None = None
) -> AbstractContextManager[str]:
    """Run the whole demo until the block ends; its log and files go to ``folder``."""
    return running(
        "--checkpoint", str(checkpoint), "--scenes", str(scenes), *options, folder=folder, port=port
    )


@contextmanager
def running(
    *options: str,
    folder: Path,
    port: int | None = None,
    host: str = "127.0.0.1",
    environment: Mapping[str, str | None] | None = None,
    program: Sequence[str] = ("demo.py",),
) -> Iterator[str]:
    """Run the demo with options until the block ends; gives its address, logs to ``folder/log``.

    Args:
        environment: further variables; None takes one away.
        program: what Python runs.
    """
    port = port or free_port()
    command = [sys.executable, *program, "--port", str(port), "--host", host, *options]
    variables: dict[str, str | None] = {
        **os.environ,
        "GRADIO_TEMP_DIR": str(folder / "files"),
        "SCENEPOSE_STUDY_DATABASE": str(folder / "study.sqlite"),
        **(environment or {}),
    }
    env = {name: value for name, value in variables.items() if value is not None}
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=env)
        try:
            _wait_until_up(process, f"{address}/", folder / "log")
            yield address
        finally:
            process.terminate()
            process.wait(60)


def _wait_until_up(process: subprocess.Popen, address: str, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(1800):
        if process.poll() is not None:
            raise RuntimeError(f"the demo stopped with exit code {process.returncode}: {log.read_text()}")
        try:
            with direct.open(address, timeout=60):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"the demo gave no page within three minutes: {log.read_text()}")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from more threads, which on a busy machine wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: the one that is named, else one started for the session."""
    if postgres.VARIABLE in os.environ:
        yield os.environ[postgres.VARIABLE]
        return
    programs = postgres.binaries()
    if programs is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql, or set SCENEPOSE_TEST_POSTGRES")
    with postgres.cluster(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def study_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty study database, once on SQLite and once on PostgreSQL."""
    with ExitStack() as stack:
        url = str(tmp_path / "study.sqlite")
        if request.param == "postgresql":
            url = stack.enter_context(postgres.fresh_database(request.getfixturevalue("postgres_server")))
        database = Database(url)
        yield database
        database.close()
