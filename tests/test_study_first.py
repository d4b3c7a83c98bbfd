"""What is wrong with a command is said before anything is computed: here computing is an error."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import scenepose
from scenepose import cli
from scenepose.study import results, sources
from scenepose.study.database import Database
from tests.conftest import room
from tests.studies import small_study


@pytest.fixture(autouse=True)
def nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def computed(*_arguments: object, **_named: object) -> None:
        pytest.fail("this was to be refused before it was computed")

    monkeypatch.setattr(scenepose, "load", computed)
    monkeypatch.setattr(sources, "poses", computed)
    monkeypatch.setattr(results, "results", computed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scenes").mkdir()
    room(320, 240).save(tmp_path / "scenes" / "hall.png")
    (tmp_path / "points.csv").write_text("scene,x,y\nhall.png,100,120\nhall.png,200,120\n")
    (tmp_path / "file").touch()
    return tmp_path


def mistake(capsys: pytest.CaptureFixture, *arguments: object) -> str:
    """The sentence on stderr."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["study", *map(str, arguments)])
    assert caught.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--points", "points.csv"), "32 different pairs, and these scenes and methods make 2"),
        (("--places", "3"), "32 different pairs, and these scenes and methods make 3"),
        (("--places", "0"), "make 0"),
        (("--places", "500", "--title", "x" * 201), "the title has 1 to 200 letters, not 201"),
        (("--places", "500", "--question", ""), "the question has 1 to 400 letters, not 0"),
        (("--points", "gone.csv"), "gone.csv"),
        (("--points", "points.csv", "--pairs", "2", "--checks", "0", "--repeats", "0", "--methods",
          "scenepose,truth"), "make 0"),
    ],
)  # fmt: skip
def test_a_study_that_cannot_be(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, arguments: tuple, words: str
) -> None:
    monkeypatch.chdir(folder)
    methods = () if "--methods" in arguments else ("--methods", "scenepose,template")
    sentence = mistake(
        capsys, "create", "--scenes", "scenes", "--database", "study.sqlite", *methods, *arguments
    )
    assert words in sentence


def test_a_database_that_cannot_be_written_to(folder: Path, capsys: pytest.CaptureFixture) -> None:
    Database(str(folder / "study.sqlite")).close()
    with sqlite3.connect(folder / "study.sqlite") as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    url = f"sqlite:///file:{folder / 'study.sqlite'}?mode=ro&uri=true"
    for name in (url, folder / "file" / "below.sqlite", "postgresql://nobody@127.0.0.1:9/none"):
        sentence = mistake(
            capsys, "create", "--scenes", folder / "scenes", "--places", 99, "--database", name
        )
        assert "cannot be" in sentence


def test_folders_that_cannot_be_written_to(folder: Path, capsys: pytest.CaptureFixture) -> None:
    database = Database(str(folder / "study.sqlite"))
    study, below = small_study(database, places=4).study, folder / "file" / "below"
    database.close()
    for arguments in (
        ("results", study, "--out", below),
        ("export", study, "--out", below / "study.json"),
        ("simulate", "--out", below),
    ):
        sentence = mistake(capsys, *arguments, "--database", folder / "study.sqlite")
        assert sentence.startswith(f"scenepose: nothing can be written to the folder {below} ")
