"""The examples in api.md that ask a running demo: taken from the page as they stand, and run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scenepose.assets import assets
from tests.conftest import room

#: Where the examples say that the demo is.
ADDRESS = "http://127.0.0.1:7860"


def examples(language: str) -> list[str]:
    """The page's blocks in a language that talk to the demo."""
    text = (assets() / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if ADDRESS in block]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where somebody stands who has a room.jpg."""
    room(640, 480).save(tmp_path / "room.jpg")
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    """What it prints; it must not fail."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python(server: str, folder: Path) -> None:
    (example,) = examples("python")
    for endpoint in ("/generate", "/affordance_map", "/compare"):
        assert endpoint in example
    asked = example.replace(ADDRESS, server).replace("Client(", "Client(analytics_enabled=False, src=")
    printed = run(
        [sys.executable, "-c", f"{asked}\nimport json\nprint(json.dumps([poses, numbers]))"], folder
    )
    poses, numbers = json.loads(printed.splitlines()[-1])
    assert {pose["kind"] for pose in poses["poses"]} == {"sit"}
    assert len(numbers["scores"]) == numbers["rows"]


def test_curl(server: str, folder: Path) -> None:
    (example,) = examples("sh")
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    printed = run(["bash", "-euo", "pipefail", "-c", example.replace(ADDRESS, server)], folder)
    answers = [
        json.loads(line.removeprefix("data: ")) for line in printed.splitlines() if line.startswith("data: [")
    ]
    assert printed.count("event: complete") == 2
    assert {pose["kind"] for pose in answers[0][0]["poses"]} == {"sit"}
    assert answers[1][0]["url"].startswith(server)
    assert answers[1][1]["rows"] == 18
