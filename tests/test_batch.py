"""Tables of points that are run again: with other weights, another folder, more formats."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scenepose import batch
from scenepose.batch import Row
from scenepose.errors import PictureError, RequestError
from scenepose.model.checkpoint import save_checkpoint
from scenepose.model.scenepose import ScenePose
from scenepose.predictor import Generator
from scenepose.templates import TemplateSet
from tests.conftest import SMALL, room

ROWS = [Row("room.png", 100, 90), Row("room.png", 40, 60)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "pictures"
    path.mkdir()
    room(200, 120).save(path / "room.png")
    return path


@pytest.fixture
def out(generator: Generator, folder: Path, tmp_path: Path) -> Path:
    """The folder of a finished run."""
    batch.run(generator, folder, ROWS, tmp_path / "out", top_k=2)
    return tmp_path / "out"


def test_other_weights_do_not_mix(
    generator: Generator, folder: Path, out: Path, template_set: TemplateSet, tmp_path: Path
) -> None:
    before = (out / "results.jsonl").read_text()
    torch.manual_seed(1)
    save_checkpoint(tmp_path / "other.safetensors", ScenePose(SMALL, template_set), {"data": "none"})
    other = Generator.from_checkpoint("scenepose", tmp_path / "other.safetensors", "cpu")
    old, new = batch.weights_of(generator), batch.weights_of(other)
    with pytest.raises(RequestError, match=f"was made with weights {old}, not {new}; give another --out"):
        batch.run(other, folder, ROWS, out, top_k=2)
    assert (out / "results.jsonl").read_text() == before
    # Where the results are removed, there is nothing to mix with.
    (out / "results.jsonl").unlink()
    batch.run(other, folder, ROWS, out, top_k=2)
    assert json.loads((out / "results.about.json").read_text())["weights"] == new


def test_the_same_weights_are_recognised(
    generator: Generator, random_checkpoint: Path, tmp_path: Path
) -> None:
    shutil.copy(random_checkpoint, tmp_path / "copy.safetensors")
    copy = Generator.from_checkpoint("scenepose", tmp_path / "copy.safetensors", "cpu")
    assert batch.weights_of(copy) == batch.weights_of(generator)


def test_another_folder_does_not_mix(generator: Generator, folder: Path, out: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "others")
    with pytest.raises(RequestError, match=r"was made with folder .*pictures, not .*others;"):
        batch.run(generator, tmp_path / "others", ROWS, out, top_k=2)
    with pytest.raises(RequestError, match="was made with top_k 2, not 3"):
        batch.run(generator, folder, ROWS, out, top_k=3)
    (out / "results.about.json").write_text("[]")
    with pytest.raises(RequestError, match="does not say what it was made with"):
        batch.run(generator, folder, ROWS, out, top_k=2)


def test_a_run_without_any_answer_can_be_mended(generator: Generator, folder: Path, tmp_path: Path) -> None:
    _, failed = batch.run(generator, tmp_path / "wrong", ROWS, tmp_path / "out", top_k=2)
    assert failed == 2
    _, failed = batch.run(generator, folder, ROWS, tmp_path / "out", top_k=2)
    assert failed == 0


def test_more_formats_are_written_later(
    generator: Generator, folder: Path, out: Path, tmp_path: Path
) -> None:
    before = (out / "results.jsonl").read_text()
    more = [*ROWS, Row("room.png", 10, 10)]
    batch.run(generator, folder, more, out, top_k=2, formats=["json", "png"])
    stems = [f"room-{number:05d}" for number in range(3)]
    assert {path.name for path in out.iterdir()} == {
        "results.jsonl", "results.about.json",
        *(f"{stem}{suffix}" for stem in stems for suffix in (".json", ".png")),
    }  # fmt: skip
    lines = (out / "results.jsonl").read_text()
    assert lines.startswith(before)
    written = [json.loads((out / f"{stem}.json").read_text()) for stem in stems]
    assert written == [json.loads(line) for line in lines.splitlines()]
    # They are what a run with these formats writes at once, but for the record's rounding.
    batch.run(generator, folder, more, tmp_path / "once", top_k=2, formats=["png"])
    for stem in stems:
        once, later = (
            np.asarray(Image.open(place / f"{stem}.png"), float) for place in (tmp_path / "once", out)
        )
        assert np.abs(once - later).mean() < 0.1
    # What is there already stays; what is lacking and cannot be drawn is a sentence.
    (out / "room-00001.png").unlink()
    (out / "room-00000.png").write_text("mine")
    batch.run(generator, folder, more, out, top_k=2, formats=["png"])
    assert (out / "room-00000.png").read_text() == "mine"
    assert (out / "room-00001.png").stat().st_size > 100
    (out / "room-00001.png").unlink()
    (folder / "room.png").unlink()
    with pytest.raises(PictureError, match="no picture at"):
        batch.run(generator, folder, more, out, top_k=2, formats=["png"])
    assert (out / "results.jsonl").read_text() == lines
