"""Tables of points that are run again: with other weights, another folder, more formats."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose.errors import PictureError, RequestError
from scenepose.pose.templates import TemplateSet
from scenepose.predict import batch, results
from scenepose.predict.generator import Generator
from scenepose.predict.points import Row
from tests.conftest import random_weights, room

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
    other = Generator.from_checkpoint("scenepose", random_weights(tmp_path / "other", template_set, 1), "cpu")
    old, new = results.weights_of(generator), results.weights_of(other)
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
    shutil.copytree(random_checkpoint.parent, tmp_path / "copy")
    copy = Generator.from_checkpoint("scenepose", tmp_path / "copy", "cpu")
    assert results.weights_of(copy) == results.weights_of(generator)


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


def test_lines_that_came_in_another_order_are_kept(
    generator: Generator, folder: Path, tmp_path: Path
) -> None:
    rows = [*ROWS, Row("room.png", 10, 10), Row("gone.png", 1, 1)]
    batch.run(generator, folder, rows, tmp_path / "once", top_k=1)
    whole = (tmp_path / "once" / "results.jsonl").read_text()
    lines = [json.loads(line) for line in whole.splitlines()]
    # A cluster was stopped: row 0 is in its place, rows 2 and 3 wait, one with a mark of its own.
    out = tmp_path / "out"
    shutil.copytree(tmp_path / "once", out)
    (out / "results.jsonl").write_text(whole.splitlines(keepends=True)[0])
    lines[2]["poses"][0]["score"] = 0.123456
    waiting = [{"row": number, "line": lines[number]} for number in (2, 3)]
    (out / "results.waiting.jsonl").write_text(
        "".join(json.dumps(one) + "\n" for one in waiting) + '{"row": 1'
    )
    _, failed = batch.run(generator, folder, rows, out, top_k=1)
    assert failed == 1
    assert [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()] == lines
    assert not (out / "results.waiting.jsonl").exists()
    (out / "results.waiting.jsonl").write_text('{"row": 9, "line": {}}\n')
    with pytest.raises(RequestError, match=r"results.waiting.jsonl holds other results"):
        batch.run(generator, folder, rows, out, top_k=1)


def test_a_table_has_one_coco_file(generator: Generator, folder: Path, tmp_path: Path) -> None:
    room(300, 200).save(folder / "hall.png")
    rows = [ROWS[0], Row("hall.png", 100, 90), Row("gone.png", 1, 1), ROWS[1]]
    out = tmp_path / "out"
    batch.run(generator, folder, rows, out, top_k=2, formats=["coco", "openpose"], alternatives=True)
    for name in ("results.coco.json", "results.2.coco.json"):
        document = json.loads((out / name).read_text())
        assert [image["file_name"] for image in document["images"]] == ["room.png", "hall.png"]
        assert [one["id"] for one in document["annotations"]] == [1, 2, 3]
        assert [one["image_id"] for one in document["annotations"]] == [1, 2, 1]
    assert len(list(out.glob("*.openpose.json"))) == 6
    assert (out / "hall-00001.2.openpose.json").exists()
    # More rows, more annotations; what belongs to something else stays.
    batch.run(generator, folder, [*rows, Row("room.png", 9, 9)], out, top_k=2, formats=["coco"])
    assert len(json.loads((out / "results.coco.json").read_text())["annotations"]) == 4
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "results.coco.json").write_text("mine")
    with pytest.raises(RequestError, match=r"results.coco.json holds other results; .*--overwrite"):
        batch.run(generator, folder, rows, tmp_path / "other", top_k=2, formats=["coco"])
    batch.run(generator, folder, rows, tmp_path / "other", top_k=2, formats=["coco"], overwrite=True)


def test_rows_do_not_replace_other_files(generator: Generator, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "room-00001.png").write_text("mine")
    with pytest.raises(RequestError, match=r"room-00001.png holds another answer"):
        batch.run(generator, folder, ROWS, out, top_k=1, formats=["png"])
    assert (out / "room-00001.png").read_text() == "mine"
    batch.run(generator, folder, ROWS, tmp_path / "new", top_k=1, formats=["png", "json"])
    # The lines are lost, the files are those that this run makes: it goes on.
    (tmp_path / "new" / "results.jsonl").unlink()
    batch.run(generator, folder, ROWS, tmp_path / "new", top_k=1, formats=["png", "json"])


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
