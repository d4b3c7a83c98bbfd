"""The shell command: what it writes, and that mistakes are one sentence and exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scenepose import batch, cli
from tests.conftest import room


def run(*arguments: object) -> None:
    cli.main([str(argument) for argument in arguments])


def mistake(capsys: pytest.CaptureFixture, *arguments: object) -> str:
    """The sentence that a command line is refused with."""
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    sentence = capsys.readouterr().err.strip().splitlines()[-1]
    assert sentence.startswith("scenepose: ")
    return sentence


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scenes" / "room.jpg"
    path.parent.mkdir()
    room().save(path)
    return path


def test_predict(scene: Path, tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out"
    run(
        "predict", scene, "--point", 300, 250.5, "--top-k", 2, "--out", out, "--checkpoint", random_checkpoint
    )
    assert capsys.readouterr().out.split() == [str(out / "room.json"), str(out / "room.png")]
    result = json.loads((out / "room.json").read_text())
    assert result["scene"] == "room.jpg"
    assert result["point"] == [300, 250.5]
    assert len(result["poses"]) == 2


def test_predict_formats(scene: Path, tmp_path: Path, random_checkpoint: Path) -> None:
    run(
        "predict", scene, "--point", 9, 9, "--formats", "coco,openpose", "--out", tmp_path, "--checkpoint",
        random_checkpoint,
    )  # fmt: skip
    assert {path.name for path in tmp_path.glob("*.json")} == {"room.coco.json", "room.openpose.json"}


def test_mistakes(
    scene: Path, tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    weights = ("--checkpoint", random_checkpoint)
    assert "outside the picture, which is 640 x 480" in mistake(
        capsys, "predict", scene, "--point", 900, 1, *weights
    )
    assert "no picture at" in mistake(capsys, "predict", "gone.jpg", "--point", 1, 1, *weights)
    assert "either --point" in mistake(capsys, "predict", scene, *weights)
    assert "no method 'x'" in mistake(capsys, "predict", scene, "--point", 1, 1, "--method", "x")
    assert "no format 'gif'" in mistake(
        capsys, "predict", scene, "--point", 1, 1, "--formats", "gif", *weights
    )
    assert "gone.safetensors" in mistake(
        capsys, "predict", scene, "--point", 1, 1, "--checkpoint", tmp_path / "gone.safetensors"
    )
    assert "not 0" in mistake(capsys, "predict", scene, "--point", 1, 1, "--top-k", 0, *weights)
    assert "folder of pictures" in mistake(capsys, "predict", scene, "--points", "p.csv", *weights)
    assert "no table" in mistake(capsys, "predict", scene.parent, "--points", tmp_path / "p.csv", *weights)


def table(path: Path, *rows: tuple) -> Path:
    path.write_text("scene,x,y\n" + "".join(f"{scene},{x},{y}\n" for scene, x, y in rows))
    return path


def test_a_table_of_points(
    scene: Path, tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    points = table(tmp_path / "p.csv", ("room.jpg", 10, 20), ("room.jpg", 300, 200), ("room.jpg", 5.5, 6))
    out = tmp_path / "out"
    command = ("predict", scene.parent, "--points", points, "--out", out, "--checkpoint", random_checkpoint)
    run(*command)
    whole = (out / "results.jsonl").read_text()
    lines = [json.loads(line) for line in whole.splitlines()]
    assert [line["point"] for line in lines] == [[10, 20], [300, 200], [5.5, 6]]
    assert list(lines[0]) == ["scene", "width", "height", "point", "method", "poses"]
    # A run that was killed in the middle of a line goes on and ends the same.
    first = whole.index("\n") + 1
    (out / "results.jsonl").write_text(whole[: first + 40])
    run(*command)
    assert (out / "results.jsonl").read_text() == whole
    assert "with top_k 5, not 3" in mistake(capsys, *command, "--top-k", 3)
    table(points, ("room.jpg", 11, 20))
    assert "holds results of other points" in mistake(capsys, *command)


def test_a_table_with_mistakes_goes_on(
    scene: Path, tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    points = table(
        tmp_path / "p.csv",
        ("gone.jpg", 1, 1),
        ("room.jpg", 9999, 1),
        ("room.jpg", "nan", 1),
        ("room.jpg", 1, 1),
    )
    weights = ("--checkpoint", random_checkpoint)
    command = ("predict", scene.parent, "--points", points, "--out", tmp_path / "out", *weights)
    assert "3 of 4 points" in mistake(capsys, *command)
    lines = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert ["error" in line for line in lines] == [True, True, True, False]
    assert "outside" in lines[1]["error"]
    assert "3 of 4 points" in mistake(capsys, *command)
    # What is mended is answered by the next run.
    table(points, ("room.jpg", 1, 1), ("room.jpg", 9, 1), ("room.jpg", 2, 1), ("room.jpg", 1, 1))
    run(*command)
    mended = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [line["point"] for line in mended] == [[1, 1], [9, 1], [2, 1], [1, 1]]
    assert mended[3] == lines[3]
    assert not any("error" in line for line in mended)
    for junk in ("[1]\n", "{\n", "\udcff"):
        (tmp_path / "out" / "results.jsonl").write_text(junk, errors="surrogateescape")
        assert "remove" in mistake(capsys, *command)


def test_a_folder_that_is_a_file(
    scene: Path, tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").touch()
    weights = ("--checkpoint", random_checkpoint, "--out", tmp_path / "file")
    assert "file: File exists" in mistake(capsys, "map", scene, "--columns", 2, *weights)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("scene,x\n", "lacks the column 'y'"), ("scene,x,y\na,b,c\n", "line 2"), ("", "lacks")],
)
def test_a_bad_table(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        batch.read_points(path)


def test_map(scene: Path, tmp_path: Path, random_checkpoint: Path) -> None:
    run("map", scene, "--columns", 4, "--out", tmp_path, "--checkpoint", random_checkpoint)
    scores = np.load(tmp_path / "room.map.npy")
    assert scores.shape == (3, 4)
    assert ((scores > 0) & (scores < 1)).all()
    assert (tmp_path / "room.map.png").is_file()


def test_methods(capsys: pytest.CaptureFixture) -> None:
    run("methods")
    assert "scenepose" in capsys.readouterr().out


def test_help_needs_neither_torch_nor_gradio() -> None:
    code = (
        "import sys; from scenepose import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'gradio', 'matplotlib', 'sklearn'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "predict" in done.stdout
