"""Tables answered on a local Ray of two workers are what the plain run writes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scenepose import cli
from scenepose.errors import RequestError
from scenepose.predict import batch, cluster
from scenepose.predict.generator import Generator
from scenepose.predict.points import Row
from tests.conftest import ROOT, room

pytest.importorskip("ray", reason="needs Ray: pip install 'scenepose[ray]'")

ROWS = [
    Row("a.png", 100, 90), Row("b.png", 50, 60), Row("a.png", 40, 60), Row("gone.png", 1, 1),
    Row("b.png", 5000, 1), Row("broken.png", 1, 1), Row("c.png", 70, 50), Row("a.png", 30, 20),
]  # fmt: skip
FORMATS = ["openpose", "coco", "png"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "pictures"
    path.mkdir()
    for name, width in (("a", 200), ("b", 160), ("c", 180)):
        room(width, 120).save(path / f"{name}.png")
    (path / "broken.png").write_bytes((path / "a.png").read_bytes()[:200])
    return path


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix != ".parquet"}


@pytest.mark.slow
def test_two_workers_write_what_one_process_writes(
    generator: Generator, random_checkpoint: Path, folder: Path, tmp_path: Path
) -> None:
    import pyarrow.parquet

    batch.run(generator, folder, ROWS, tmp_path / "plain", top_k=2, formats=FORMATS)
    out = tmp_path / "ray"
    path, failed = cluster.run(
        "local", "scenepose", random_checkpoint, folder, ROWS, out, workers=2, top_k=2, formats=FORMATS
    )
    assert (path, failed) == (out / "results.jsonl", 3)
    assert contents(out) == contents(tmp_path / "plain")
    table = pyarrow.parquet.read_table(out / "results.parquet").to_pylist()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for number, (row, line) in enumerate(zip(table, lines, strict=True)):
        assert (row["row"], row["scene"], [row["x"], row["y"]]) == (number, line["scene"], line["point"])
        assert row["error"] == line.get("error")
        assert [pose["keypoints"] for pose in row["poses"]] == [pose["keypoints"] for pose in line["poses"]]
    assert "gone.png" in table[3]["error"]
    assert "outside" in table[4]["error"]
    assert "broken.png" in table[5]["error"]
    # What is complete costs no cluster, and is completed without one.
    (folder / "gone.png").write_bytes((folder / "a.png").read_bytes())
    _, failed = batch.run(generator, folder, ROWS, out, top_k=2, formats=FORMATS)
    assert failed == 2


@pytest.mark.slow
def test_a_killed_run_goes_on(
    generator: Generator, random_checkpoint: Path, folder: Path, tmp_path: Path
) -> None:
    for number in range(20):
        room(150 + number, 110).save(folder / f"{number}.png")
    rows = [Row(f"{number % 20}.png", 10 + number, 20) for number in range(40)]
    table = tmp_path / "p.csv"
    table.write_text("scene;x;y\n" + "".join(f"{row.scene};{row.x};{row.y}\n" for row in rows))
    out = tmp_path / "out"
    command = [
        "predict", str(folder), "--points", str(table), "--out", str(out), "--top-k", "1", "--ray", "local",
        "--checkpoint", str(random_checkpoint),
    ]  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "scenepose.cli", *command], cwd=ROOT)
    kept = [out / "results.jsonl", out / "results.waiting.jsonl"]
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline and not any(path.exists() and path.stat().st_size for path in kept):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    already = sum(path.read_text().count("\n") for path in kept if path.exists())
    assert 0 < already < len(rows)
    batch.run(generator, folder, rows, out, top_k=1)
    batch.run(generator, folder, rows, tmp_path / "plain", top_k=1)
    assert contents(out) == contents(tmp_path / "plain")


def test_no_cluster_is_a_sentence(folder: Path, random_checkpoint: Path, tmp_path: Path) -> None:
    for address, complaint in {
        "127.0.0.1:1": "no Ray cluster at 127.0.0.1:1: Connection refused",
        "nowhere": "HOST:PORT or ray://HOST:PORT, not nowhere",
        "ray://x:99999": "not ray://x:99999",
    }.items():
        with pytest.raises(RequestError, match=complaint):
            cluster.run(address, "scenepose", random_checkpoint, folder, ROWS, tmp_path / "out", top_k=1)
    assert not (tmp_path / "out").exists()


def test_ray_is_named_where_it_is_missing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "p.csv").write_text("scene,x,y\na.png,1,1\n")
    with pytest.raises(SystemExit):
        cli.main(
            [
                "predict",
                str(folder),
                "--points",
                str(tmp_path / "p.csv"),
                "--ray",
                "local",
                "--out",
                str(tmp_path),
            ]
        )
    assert "pip install 'scenepose[ray]'" in capsys.readouterr().err
