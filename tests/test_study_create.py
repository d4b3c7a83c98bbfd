"""Making studies: places, pose sources, and the `scenepose study` commands."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import scenepose
from scenepose import cli, methods
from scenepose.errors import PointError, RequestError
from scenepose.picture import images
from scenepose.pose import geometry
from scenepose.predict.generator import Generator
from scenepose.study import items, sources
from scenepose.study.database import Database
from scenepose.study.results import studies
from scenepose.study.sessions import Sessions
from tests import tiny
from tests.conftest import person, room
from tests.studies import finish, rows_of
from train.world import pack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    folder.mkdir()
    room(320, 240).save(folder / "hall.png")
    room(400, 300, "#c5d2d9").save(folder / "kitchen.jpg")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(autouse=True)
def random_weights(monkeypatch: pytest.MonkeyPatch, generator: Generator) -> None:
    """What a study loads: the small model that nobody trained; and a coarse grid for its proposals."""
    monkeypatch.setattr(scenepose, "load", lambda *_arguments: generator)
    monkeypatch.setattr(items, "COLUMNS", 5)


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["scene,x,y", *rows]))
    return path


def test_points_given_in_a_table(folder: Path, generator: Generator) -> None:
    points = table(folder / "points.csv", "hall.png,100,120", "kitchen.jpg,50.5,60", "hall.png,10,20")
    found = items.places(str(folder), points, 1, 0, lambda: generator)
    assert [(place.scene, place.point) for place in found] == [
        ("hall.png", (100, 120)), ("kitchen.jpg", (50.5, 60)), ("hall.png", (10, 20))
    ]  # fmt: skip
    assert found[1].picture().width == 400
    with pytest.raises(PointError, match="outside"):
        items.places(str(folder), table(folder / "points.csv", "hall.png,999,1"), 1, 0, lambda: generator)


def test_points_proposed_in_a_folder(folder: Path, generator: Generator) -> None:
    found = items.places(str(folder), None, 5, 0, lambda: generator)
    assert [place.scene for place in found] == ["hall.png"] * 3 + ["kitchen.jpg"] * 2
    for one, other in pairwise(found):
        if one.scene == other.scene:
            assert np.hypot(*np.subtract(one.point, other.point)) >= 0.3 * 240 - 1e-6


def test_points_of_samples_bring_their_truth(generator: Generator) -> None:
    found = items.places("rooms:test", None, 6, 0, lambda: generator)
    assert len({place.scene for place in found}) == 6
    for place in found:
        assert place.truth is not None
        assert place.truth.shape == (16, 2)
        centre, _ = geometry.box(place.truth.astype(float))
        assert np.hypot(*(centre - place.point)) < 0.1 * place.picture().height
    again = items.places("rooms:test", None, 6, 0, lambda: generator)
    assert [place.point for place in again] == [place.point for place in found]
    with pytest.raises(RequestError, match="neither bundled, nor a folder"):
        items.places("nowhere", None, 6, 0, lambda: generator)


def test_points_of_samples_lie_in_the_stored_picture(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "open_source", lambda name, split: tiny.source())
    pack.main(pack.PackConfig(data="tiny", out=tmp_path / "pack", height=36, splits=["val"]))
    samples = tiny.samples()
    points = samples.points[samples.primary_rows >= 0] / 2
    for place in items.places(f"pack:{tmp_path / 'pack'}:val", None, 4, 0, lambda: generator):
        picture = place.picture()
        assert (picture.width, picture.height) == (48, 36)
        assert np.abs(points - np.array(place.point)).sum(1).min() < 0.1
        assert place.truth is not None
        centre, _ = geometry.box(place.truth.astype(float))
        np.testing.assert_allclose(centre, place.point, atol=0.1)


def test_the_template_is_the_top_pose_without_offsets(generator: Generator) -> None:
    picture = images.read(room(320, 240))
    place = items.Place("hall", lambda: picture, (150.0, 110.0), person() * 100)
    (here,) = sources.poses([place], ["scenepose", "template", "truth"])
    assert set(here) == {"scenepose", "template", "truth"}
    top = generator.encode(picture).generate(place.point, top_k=1)[0]
    np.testing.assert_allclose(here["scenepose"], top.keypoints, atol=1e-3)
    assert top.template is not None
    centre, scale, shape = geometry.decompose((here["template"] - np.array(place.point)) / 240)
    np.testing.assert_allclose(shape, generator.templates[top.template], atol=1e-3)
    np.testing.assert_allclose(scale, top.scale, atol=1e-4)
    np.testing.assert_allclose(centre, 0, atol=1e-4)
    assert np.abs(here["template"] - here["scenepose"]).max() > 0.5


def test_sources_are_checked() -> None:
    assert sources.available()[-2:] == ["truth", "template"]
    for names, says in (
        (["scenepose", "other"], "'other'"),
        (["truth"], "at least 2"),
        (["truth"] * 2, "twice"),
    ):
        with pytest.raises(RequestError, match=says):
            sources.check_sources(names)


def run(capsys: pytest.CaptureFixture, *arguments: object) -> str:
    cli.main(["study", *map(str, arguments)])
    return capsys.readouterr().out


def mistake(capsys: pytest.CaptureFixture, *arguments: object) -> str:
    with pytest.raises(SystemExit) as caught:
        cli.main(["study", *map(str, arguments)])
    assert caught.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_from_create_to_import(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    url = tmp_path / "study.sqlite"
    points = table(tmp_path / "points.csv", *(f"hall.png,{90 + 30 * k},{100 + 9 * k}" for k in range(6)))
    said = run(
        capsys, "create", "--scenes", folder, "--points", points, "--pairs", 5, "--database", url,
        "--address", "https://study.example", "--checks", 0.2, "--repeats", 0.2,
    )  # fmt: skip
    study, token = re.findall(r"\?study=(\w+)|token +(\S+)", said)
    name = study[0]
    assert f"https://study.example/?study={name}" in said
    assert f"{name}  " in run(capsys, "list", "--database", url)

    links = run(capsys, "link", name, "--invite", 2, "--database", url).split()
    assert len({*links}) == 2
    key = links[0].split("participant=")[1]
    database = Database(str(url))
    assert studies(database)[0]["sources"] == [*methods.available(), "template"]
    finish(Sessions(database), name, key, "a")
    rows = rows_of(database, name)
    database.close()
    assert {(row.source_a, row.turned_a or row.turned_b) for row in rows if row.kind == "check"} == {
        ("template", True)
    }

    said = run(capsys, "results", name, "--database", url, "--out", tmp_path / "results", "--resamplings", 30)
    assert "3 votes of 1 raters, 1 finished" in said
    assert json.loads((tmp_path / "results" / "results.json").read_text())["votes"] == 3
    assert (tmp_path / "results" / "ranking.png").stat().st_size > 5000

    for kind in ("json", "csv"):
        exported, other = tmp_path / f"study.{kind}", tmp_path / f"{kind}.sqlite"
        run(capsys, "export", name, "--out", exported, "--database", url)
        run(capsys, "import", exported, "--database", other)
        assert "3 votes of 1 raters" in run(capsys, "results", name, "--database", other)
    run(capsys, "backup", tmp_path / "backup.sqlite", "--database", url)
    assert name in run(capsys, "list", "--database", tmp_path / "backup.sqlite")
    assert "closed" in run(capsys, "close", name, "--database", url)
    assert token[1] not in (url.read_bytes() + (tmp_path / "study.json").read_bytes()).decode("latin1")


def test_mistakes_are_one_sentence(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    url, points = tmp_path / "study.sqlite", table(tmp_path / "points.csv", "hall.png,9,9")
    for arguments, says in (
        (("create", "--scenes", folder, "--points", points), "32 different pairs"),
        (("create", "--methods", "scenepose,nobody"), "'nobody'"),
        (("create", "--pairs", 0), "not 0"),
        (("results", "none"), "no study 'none'"),
        (("link", "none"), "no study 'none'"),
        (("export", "none", "--out", tmp_path / "a.xls"), "a.xls"),
        (("import", tmp_path / "gone.json"), "gone.json"),
        (("simulate", "--raters", 0, "--out", tmp_path), "0 raters"),
    ):
        sentence = mistake(capsys, *arguments, "--database", url)
        assert sentence.startswith("scenepose: ")
        assert says in sentence
