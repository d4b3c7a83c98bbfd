"""The shell command: what it writes, and that mistakes are one sentence and exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose import cli
from tests.conftest import room
from tests.readers import READERS


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


def test_only_some_kinds(
    scene: Path, tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ("--out", tmp_path, "--top-k", 14, "--checkpoint", random_checkpoint)
    run("predict", scene, "--point", 300, 250, "--kinds", "sit, walk", *options)
    poses = json.loads((tmp_path / "room.json").read_text())["poses"]
    assert {pose["kind"] for pose in poses} == {"sit", "walk"}
    # A table says what it was made with.
    points = table(tmp_path / "p.csv", ("room.jpg", 300, 250))
    command = ("predict", scene.parent, "--points", points, *options)
    run(*command, "--kinds", "sit")
    assert {pose["kind"] for pose in json.loads((tmp_path / "results.jsonl").read_text())["poses"]} == {"sit"}
    assert "was made with kinds sit, not walk" in mistake(capsys, *command, "--kinds", "walk")


def test_predict_formats(scene: Path, tmp_path: Path, random_checkpoint: Path) -> None:
    run(
        "predict", scene, "--point", 9, 9, "--formats", "coco,openpose", "--out", tmp_path, "--checkpoint",
        random_checkpoint,
    )  # fmt: skip
    assert {path.name for path in tmp_path.glob("*.json")} == {"room.coco.json", "room.openpose.json"}


def test_another_answer_is_never_replaced_silently(
    scene: Path, tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out"
    options = ("--out", out, "--checkpoint", random_checkpoint)
    run("predict", scene, "--point", 300, 250, *options)
    first = (out / "room.json").read_text()
    run("predict", scene, "--point", 300, 250, *options)
    assert {path.name for path in out.iterdir()} == {"room.json", "room.png"}
    assert capsys.readouterr().err == ""
    run("predict", scene, "--point", 120.5, 200, *options)
    shown = capsys.readouterr()
    assert shown.out.split() == [str(out / f"room-at-120.5-200{end}") for end in (".json", ".png")]
    assert "another answer is in" in shown.err
    room().save(scene.with_suffix(".png"))
    run("predict", scene.with_suffix(".png"), "--point", 300, 250, *options, "--formats", "json")
    assert json.loads((out / "room-png.json").read_text())["scene"] == "room.png"
    command = ("predict", scene, "--point", 120.5, 200, "--top-k", 1, "--formats", "json", *options)
    assert "room-at-120.5-200.json holds another answer" in mistake(capsys, *command)
    assert (out / "room.json").read_text() == first
    run(*command, "--overwrite")
    assert json.loads((out / "room.json").read_text())["point"] == [120.5, 200]


def test_another_map_is_never_replaced_silently(
    scene: Path, tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ("--out", tmp_path, "--checkpoint", random_checkpoint)
    run("map", scene, "--columns", 2, *options)
    before = (tmp_path / "room.map.npy").read_bytes()
    run("map", scene, "--columns", 2, *options)
    assert "room.map.png holds something else" in mistake(capsys, "map", scene, "--columns", 3, *options)
    assert (tmp_path / "room.map.npy").read_bytes() == before
    run("map", scene, "--columns", 3, *options, "--overwrite")
    assert (tmp_path / "room.map.npy").read_bytes() != before


def test_the_scene_in_openpose_and_its_alternatives(
    scene: Path, tmp_path: Path, random_checkpoint: Path
) -> None:
    command = ("predict", scene, "--point", 300, 250, "--out", tmp_path, "--checkpoint", random_checkpoint)
    run(*command, "--formats", "openpose,pose", "--size", 512)
    for reader in READERS.values():
        assert len(reader(json.loads((tmp_path / "room.openpose.json").read_text()))) == 1
    with Image.open(tmp_path / "room.pose.png") as image:
        assert image.size == (680, 512)
    assert {path.name for path in tmp_path.glob("room.*")} == {"room.openpose.json", "room.pose.png"}
    run(*command, "--formats", "openpose", "--alternatives", "--top-k", 3)
    assert {path.name for path in tmp_path.glob("room.*.openpose.json")} == {
        "room.2.openpose.json", "room.3.openpose.json",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["noext", "photo.txt", "Room.JPEG.bak"])
def test_the_content_says_what_a_file_is(name: str, tmp_path: Path, random_checkpoint: Path) -> None:
    room().save(tmp_path / name, "JPEG")
    out = tmp_path / "out"
    run("predict", tmp_path / name, "--point", 9, 9, "--out", out, "--checkpoint", random_checkpoint)
    assert json.loads((out / f"{Path(name).stem}.json").read_text())["scene"] == name


@pytest.mark.parametrize("name", ["Zip.jpg", "Room.jxl", "MY photo (1).HEIC", "Küche.PNG"])
def test_messages_keep_the_name_of_a_file(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 is no picture")
    assert name in mistake(capsys, "predict", tmp_path / name, "--point", 9, 9)
    (tmp_path / "p.csv").write_text(f"scene;x;y\n{name};1;2\n", encoding="cp1252")
    out = tmp_path / "out"
    mistake(capsys, "predict", tmp_path, "--points", tmp_path / "p.csv", "--out", out)
    line = json.loads((out / "results.jsonl").read_text())
    assert line["scene"] == name
    assert name in line["error"]


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
    assert "not 600" in mistake(capsys, "predict", scene, "--point", 1, 1, "--size", 600, *weights)
    assert "not 2.0" in mistake(capsys, "predict", scene, "--point", 1, 1, "--near", 2, *weights)
    assert "kind 'fly'; there is stand, walk, sit" in mistake(
        capsys, "predict", scene, "--point", 1, 1, "--kinds", "sit,fly", "--out", tmp_path / "out", *weights
    )
    assert "--ray answers a table" in mistake(capsys, "predict", scene, "--point", 1, 1, "--ray", "local")
    (tmp_path / "file").touch()
    assert "cannot be written" in mistake(
        capsys, "predict", scene, "--point", 1, 1, "--out", tmp_path / "file"
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
