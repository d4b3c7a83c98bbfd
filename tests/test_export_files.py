"""Files on disk: what they are called, and that nobody's answer is lost."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose import export
from scenepose.errors import RequestError
from scenepose.export import Answer, Person, files
from scenepose.picture.images import Picture
from tests.conftest import person, room

PICTURE = Picture(room(), 640, 480)


def answer(point: tuple[float, float] = (300, 250), scene: str = "room.jpg", count: int = 3) -> Answer:
    people = [
        Person(
            ((person() - (0, 0.5)) * (200 - 20 * rank) + np.array(point)).astype(np.float32), 0.9 - 0.1 * rank
        )
        for rank in range(count)
    ]
    return Answer(scene, 640, 480, point, "scenepose", people)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_every_format(tmp_path: Path) -> None:
    paths = export.save(tmp_path / "new" / "folder", "room", answer(), export.FORMATS, PICTURE)
    assert [path.name for path in paths] == [
        "room.json", "room.png", "room.svg", "room.pose.png", "room.openpose.json", "room.coco.json",
    ]  # fmt: skip
    assert json.loads(paths[0].read_text()) == answer().record()
    for path in (paths[1], paths[3]):
        with Image.open(path) as image:
            assert image.size == (640, 480)
    assert len(json.loads(paths[4].read_text())["people"]) == 1
    assert len(json.loads(paths[5].read_text())["annotations"]) == 1


def test_alternatives_are_further_files(tmp_path: Path) -> None:
    formats = ["json", "openpose", "pose", "coco"]
    export.save(tmp_path, "room", answer(), formats, alternatives=True)
    assert names(tmp_path) == {"room.json"} | {
        f"room{rank}.{suffix}"
        for rank in ("", ".2", ".3")
        for suffix in ("openpose.json", "pose.png", "coco.json")
    }
    noses = [
        json.loads((tmp_path / f"room{rank}.openpose.json").read_text())["people"][0]["pose_keypoints_2d"][1]
        for rank in ("", ".2", ".3")
    ]
    assert noses == sorted(noses)
    assert len(set(noses)) == 3


def test_the_same_again_writes_the_same(tmp_path: Path) -> None:
    for _ in range(2):
        paths = export.save(tmp_path, "room", answer(), ["json", "png"], PICTURE)
        assert [path.name for path in paths] == ["room.json", "room.png"]
    # More formats of it stand beside it.
    assert export.save(tmp_path, "room", answer(), ["svg"], PICTURE) == [tmp_path / "room.svg"]
    assert names(tmp_path) == {"room.json", "room.png", "room.svg"}


@pytest.mark.parametrize("formats", [["json", "png"], ["png"], ["openpose", "json"], ["coco"]])
def test_another_point_goes_elsewhere(formats: list[str], tmp_path: Path) -> None:
    first = export.save(tmp_path, "room", answer(), ["json", *formats], PICTURE)
    before = {path: path.read_bytes() for path in first}
    second = export.save(tmp_path, "room", answer((120.5, 200)), formats, PICTURE)
    assert [path.name for path in second] == [f"room-at-120.5-200{files.SUFFIXES[name]}" for name in formats]
    assert {path: path.read_bytes() for path in first} == before
    again = export.save(tmp_path, "room", answer((120.5, 200)), formats, PICTURE)
    assert again == second


def test_another_picture_goes_elsewhere(tmp_path: Path) -> None:
    export.save(tmp_path, "room", answer(), ["json"])
    (other,) = export.save(tmp_path, "room", answer(scene="room.png"), ["json"])
    assert other.name == "room-png.json"
    (third,) = export.save(tmp_path, "room", answer((1, 2), scene="room.png"), ["json"])
    assert third.name == "room-png-at-1-2.json"
    (bare,) = export.save(tmp_path, "room", answer(scene="room"), ["json"])
    assert bare.name == "room-other.json"
    assert json.loads((tmp_path / "room.json").read_text())["scene"] == "room.jpg"


def test_other_options_are_refused_in_a_sentence(tmp_path: Path) -> None:
    export.save(tmp_path, "room", answer(), ["json"])
    export.save(tmp_path, "room", answer(count=2), ["json"])  # room-at-300-250.json
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RequestError, match=r"room-at-300-250.json holds another answer; .*--overwrite"):
        export.save(tmp_path, "room", answer(count=1), ["json", "openpose"])
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    (path,) = export.save(tmp_path, "room", answer(count=1), ["json"], overwrite=True)
    assert len(json.loads(path.read_text())["poses"]) == 1
    assert names(tmp_path) == {"room.json", "room-at-300-250.json"}


def test_a_foreign_file_stays(tmp_path: Path) -> None:
    (tmp_path / "room.json").write_text("my notes")
    (tmp_path / "room-at-300-250.png").mkdir()
    (path,) = export.save(tmp_path, "room", answer(), ["json"])
    assert path.name == "room-at-300-250.json"
    assert (tmp_path / "room.json").read_text() == "my notes"
    with pytest.raises(RequestError, match=r"room-at-300-250.png holds another answer"):
        export.save(tmp_path, "room", answer(), ["png"], PICTURE)


def test_people_together_have_no_point_to_be_named_by(tmp_path: Path) -> None:
    one = replace(answer(), point=None, together=True)
    export.save(tmp_path, "room", one, ["json"])
    with pytest.raises(RequestError, match=r"room.json holds another answer"):
        export.save(tmp_path, "room", replace(one, people=one.people[:1]), ["json"])


def test_the_picture_itself_is_never_replaced(tmp_path: Path) -> None:
    room().save(mine := tmp_path / "mine.png")
    before = mine.read_bytes()
    for overwrite in (False, True):
        with pytest.raises(RequestError, match="is the picture itself"):
            export.save(
                tmp_path, "mine", answer(), ["json", "png"], PICTURE, source=mine, overwrite=overwrite
            )
    assert names(tmp_path) == {"mine.png"}
    assert mine.read_bytes() == before


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="cannot be written"):
        export.save(tmp_path / "file", "room", answer(), ["json"])
    with pytest.raises(RequestError, match=r"cannot be written to .*file"):
        files.check_folder(tmp_path / "file" / "below")
    files.check_folder(tmp_path / "fresh")
    assert not os.listdir(tmp_path / "fresh")


def test_a_png_is_as_large_as_the_photo() -> None:
    with Image.open(io.BytesIO(export.content(answer(), "png", PICTURE))) as image:
        assert (image.format, image.size) == ("PNG", (640, 480))
