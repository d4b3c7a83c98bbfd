"""Our own JSON: the schema to the letter, and whatever is read back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scenepose import export
from scenepose.errors import RequestError
from scenepose.picture.images import Picture
from scenepose.predict.generator import Generator, Pose
from tests.conftest import person, room

PICTURE = Picture(room(), 640, 480)


@pytest.fixture(scope="module")
def poses(generator: Generator) -> list[Pose]:
    return generator.encode(room()).generate((300, 250), top_k=3)


def pose(at: tuple[float, float] = (320, 240), height: float = 300, **known) -> Pose:
    keypoints = ((person() - (0, 0.5)) * height + np.array(at)).astype(np.float32)
    return Pose(keypoints, **known)


def test_the_schema(poses: list[Pose]) -> None:
    result = export.record("room.jpg", PICTURE, (300, 250), poses, "scenepose")
    assert list(result) == ["scene", "width", "height", "point", "method", "poses"]
    assert (result["scene"], result["width"], result["height"]) == ("room.jpg", 640, 480)
    assert result["point"] == [300.0, 250.0]
    assert result["method"] == "scenepose"
    assert len(result["poses"]) == 3
    for written, given in zip(result["poses"], poses, strict=True):
        keys = ["keypoints", "score", "template", "scale", "template_name", "kind"]
        assert list(written)[:6] == keys
        assert set(written) <= {*keys, "point", "hidden"}
        assert (written["template_name"], written["kind"]) == (given.template_name, given.kind)
        assert np.array(written["keypoints"]).shape == (16, 2)
        np.testing.assert_allclose(written["keypoints"], given.keypoints, atol=0.001)
        assert len(written["scale"]) == 2
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_unknown_joints_are_null() -> None:
    keypoints = person() * 100
    keypoints[9] = np.nan
    result = export.record("room.jpg", PICTURE, (1, 2), [Pose(keypoints)], "other")
    assert result["poses"][0]["keypoints"][9] == [None, None]
    assert result["poses"][0]["scale"] == [None, None]
    json.dumps(result, allow_nan=False)
    (back,) = export.read_record(result).people
    np.testing.assert_array_equal(np.isnan(back.keypoints).any(1), np.arange(16) == 9)
    assert np.isnan(back.scale).all()


def scene_of_two() -> dict:
    """Two people who are together, one of them moved by hand and half hidden."""
    hidden = np.arange(16) < 3
    moved = {"keypoints": (person() * 200 + 50).tolist(), "edited": True, "method": "vae", "point": [66, 150]}
    seen = pose(score=0.75, template=4, kind="sit", template_name="sit 2", scale=(0.2, 0.4), point=(1, 2))
    half = pose((100, 200), hidden=hidden)
    return export.record("a room.jpg", PICTURE, None, [seen, half, moved], "scenepose", together=True)


@pytest.mark.parametrize("form", ["record", "text", "bytes", "file", "marked"])
def test_what_was_written_is_read_again(form: str, tmp_path: Path) -> None:
    result = scene_of_two()
    text = json.dumps(result)
    (tmp_path / "room.json").write_text(text)
    source = {
        "record": result, "text": text, "bytes": text.encode(), "file": tmp_path / "room.json",
        "marked": b"\xef\xbb\xbf" + text.encode(),
    }[form]  # fmt: skip
    answer = export.read_record(source)
    assert answer.record() == result
    first, second, third = answer.people
    assert (first.score, first.template, first.kind, first.point) == (0.75, 4, "sit", (1.0, 2.0))
    assert second.hidden is not None
    assert second.hidden.tolist() == [True] * 3 + [False] * 13
    assert [one.edited for one in answer.people] == [False, False, True]
    assert third.method == "vae"
    assert len(answer.present()) == 3


def test_of_alternatives_one_is_present(poses: list[Pose]) -> None:
    answer = export.read_record(export.record("room.jpg", PICTURE, (300, 250), poses, "scenepose"))
    assert [one.score for one in answer.present()] == [answer.people[0].score]
    assert [one.score for one in answer.alternative(2).present()] == [answer.people[2].score]


JOINT = [10.0, 20.0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"poses": None}, "the poses of it.json are not a list"),
        ({"poses": [3]}, "pose 1 of it.json is 3, not a pose"),
        ({"poses": [{}]}, "pose 1 of it.json has no list of keypoints"),
        ({"poses": [{"keypoints": [JOINT] * 15}]}, "pose 1 of it.json has 15 keypoints, and needs 16"),
        ({"poses": [{"keypoints": [*[JOINT] * 15, [1, "a"]]}]}, "the l_wrist of pose 1 .* is \\[1, \"a\"\\]"),
        ({"poses": [{"keypoints": [*[JOINT] * 15, [1]]}]}, "the l_wrist .* not a pair"),
        ({"poses": [{"keypoints": [*[JOINT] * 15, [1, True]]}]}, "the l_wrist .* not a pair"),
        ({"poses": [{"keypoints": [*[JOINT] * 15, [1, 1e30]]}]}, "the l_wrist .* up to 1000000"),
        ({"poses": [{"keypoints": [*[JOINT] * 15, "ab"]}]}, "the l_wrist .* is \"ab\""),
        ({"poses": [{"keypoints": [JOINT] * 16, "score": 2}]}, "the score of pose 1 .* is 2"),
        ({"poses": [{"keypoints": [JOINT] * 16, "template": 1.5}]}, "the template of pose 1"),
        ({"poses": [{"keypoints": [JOINT] * 16, "hidden": [True]}]}, "'hidden' of pose 1"),
        ({"poses": [{"keypoints": [JOINT] * 16, "edited": "yes"}]}, "'edited' of pose 1 .* \"yes\""),
        ({"poses": [{"keypoints": [JOINT] * 16, "kind": "a\nb"}]}, "'kind' of pose 1"),
        ({"poses": [{"keypoints": [JOINT] * 16, "scale": 3}]}, "the scale of pose 1"),
        ({"poses": [{}] * 1001}, "at most 1000"),
        ({"width": "640"}, "the width of it.json is \"640\""),
        ({"height": 0}, "the height of it.json is 0"),
        ({"point": [1]}, "the point of it.json"),
        ({"scene": 5}, "the scene of it.json is 5"),
        ({"scene": "x" * 301}, "the scene of it.json"),
        ({"method": []}, "the method of it.json"),
        ({"together": 1}, "'together' of it.json is 1"),
        ({"error": "no picture"}, "no answer but an error: \"no picture\""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(change: dict, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        export.read_record({**scene_of_two(), **change}, "it.json")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xd8\xff\xe0", "it.json is not JSON"),
        (b"", "it.json is not JSON"),
        (b"[" * 100_000, "it.json is not JSON"),
        (b"[1, 2]", "not an answer of ScenePose but \\[1, 2\\]"),
        (b'{"a": 1}', "it has no 'scene'"),
        (b'{"people": []}', "is an OpenPose file"),
        (b'{"annotations": []}', "is a COCO file"),
        (b'{"scene": "a", "width": 1, "height": 1, "poses": [NaN]}', "pose 1 of it.json is NaN"),
    ],
)
def test_other_files_are_named(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    path.write_bytes(content)
    with pytest.raises(RequestError, match=complaint):
        export.read_record(path)
    with pytest.raises(RequestError, match=r"it\.json cannot be read: No such file"):
        export.read_record(tmp_path / "gone" / "it.json")


def test_a_format_that_there_is_not() -> None:
    answer = export.read_record(scene_of_two())
    with pytest.raises(RequestError, match="no format 'gif'"):
        export.content(answer, "gif", PICTURE)
    with pytest.raises(RequestError, match="svg needs the picture"):
        export.content(answer, "svg")
