"""The table of methods: what a row needs, and that one more row is all that a further method takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch

import scenepose
from scenepose.methods.build import build
from scenepose.methods.head import Head
from scenepose.methods.table import METHODS
from scenepose.predict.panels import COLOURS, TITLES
from tests import tiny

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", METHODS)
def test_a_row_names_a_head_and_its_sizes(name: str) -> None:
    row = METHODS[name]
    module = import_module(f"scenepose.methods.{row.module}")
    assert issubclass(getattr(module, row.head), Head)
    with torch.device("meta"):
        head = build(name, tiny.ENCODER, tiny.template_set())
    assert isinstance(head.sizes, getattr(module, row.config))
    assert (head.noise_size > 0) == row.stochastic
    assert row.title
    assert not row.line.endswith(".")


def test_everything_is_listed_from_the_table() -> None:
    listed = [name for name, row in METHODS.items() if not row.variant]
    assert list(scenepose.METHODS) == listed
    assert {name: TITLES[name] for name in listed} == {name: METHODS[name].title for name in listed}
    assert len({COLOURS[name] for name in METHODS}) == len(METHODS)


def test_a_ninth_method_is_one_file_and_one_row(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
    command = [sys.executable, "-m", "tests.ninth", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["poses"] == 1
    assert seen["all"][-1] == "toy"
    assert "toy" in seen["unbundled"]
    assert seen["compared"] == {"scenepose": None, "toy": None}
    assert {"name": "toy", "title": "Toy"} in seen["choices"]
    assert seen["panels"][-1]["method"] == "toy"
    assert {"title": "Toy", "text": "the same pose everywhere"} in seen["about"]
    assert "\n| toy | " in seen["table"]
    assert "toy" in seen["studied"]
