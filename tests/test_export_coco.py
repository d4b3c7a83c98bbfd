"""COCO files: what pycocotools makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from scenepose.export import Answer, Person, coco
from scenepose.pose import skeleton as sk
from tests.conftest import person


def somebody(at: tuple[float, float], score: float | None = 0.5, **known) -> Person:
    return Person(((person() - (0, 0.5)) * 300 + np.array(at)).astype(np.float32), score, **known)


def answer(scene: str, *people: Person, together: bool = False) -> Answer:
    return Answer(scene, 640, 480, (320, 240), "scenepose", list(people), together)


def loaded(document: dict, path: Path) -> COCO:
    path.write_text(json.dumps(document, allow_nan=False))
    return COCO(str(path))


def precision(truth: COCO, answers: COCO) -> float:
    """COCOeval's average precision of keypoints."""
    evaluation = COCOeval(truth, answers, "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[0])


def test_joints() -> None:
    keypoints = person() * 100
    joints = coco.joints_of(keypoints, np.arange(16) == sk.R_WRIST)
    by_name: dict[str, np.ndarray] = dict(zip(coco.NAMES, joints, strict=True))
    for side, short in (("left", "l"), ("right", "r")):
        for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
            expected = keypoints[sk.JOINTS.index(f"{short}_{part}")]
            seen = 1 if (side, part) == ("right", "wrist") else 2
            np.testing.assert_allclose(by_name[f"{side}_{part}"], (*expected, seen))
    for part in ("nose", "left_eye", "right_eye", "left_ear", "right_ear"):
        np.testing.assert_array_equal(by_name[part], 0)


def test_cocoeval_runs_on_a_file_and_finds_it_perfect(tmp_path: Path) -> None:
    answers = [answer("a.jpg", somebody((200, 240), 0.9)), answer("b.jpg", somebody((400, 250), 0.8))]
    document = coco.document(answers)
    truth = loaded(document, tmp_path / "truth.json")
    assert precision(truth, truth.loadRes(document["annotations"])) == pytest.approx(1)
    # Somebody elsewhere is somebody else.
    other = coco.document([answer("a.jpg", somebody((350, 240))), answer("b.jpg", somebody((200, 250)))])
    assert precision(truth, truth.loadRes(other["annotations"])) < 0.1


def test_a_method_without_scores(tmp_path: Path) -> None:
    document = coco.document([answer("a.jpg", somebody((200, 240), None))])
    assert "score" not in document["annotations"][0]
    truth = loaded(document, tmp_path / "truth.json")
    scored = coco.document([answer("a.jpg", somebody((200, 240), 0.7))])
    assert precision(truth, truth.loadRes(scored["annotations"])) == pytest.approx(1)


def test_numbers_are_what_the_format_asks_for() -> None:
    hidden = np.arange(16) < 6
    document = coco.document([answer("a.jpg", somebody((200, 300), hidden=hidden))])
    (annotation,) = document["annotations"]
    joints = annotation["keypoints"]
    assert len(joints) == 51
    assert all(type(value) is int and value in (0, 1, 2) for value in joints[2::3])
    # Hidden legs are 1, arms are 2, the face is 0; ankles lie in the picture.
    assert joints[2::3] == [0] * 5 + [2] * 6 + [1] * 6
    assert annotation["num_keypoints"] == 12
    assert (annotation["category_id"], annotation["iscrowd"]) == (1, 0)
    assert document["categories"][0]["keypoints"] == list(coco.NAMES)
    assert len(document["categories"][0]["skeleton"]) == 19


def test_joints_outside_the_picture_are_not_seen() -> None:
    (annotation,) = coco.document([answer("a.jpg", somebody((320, 400)))])["annotations"]
    joints = np.array(annotation["keypoints"]).reshape(17, 3)
    outside = joints[:, 1] > 480
    assert outside.any()
    assert (joints[outside, 2] == 1).all()
    assert set(joints[~outside, 2]) == {0, 2}
    x, y, width, height = annotation["bbox"]
    assert min(x, y) >= 0
    assert x + width <= 640
    assert y + height == pytest.approx(480, abs=0.02)
    assert annotation["area"] == pytest.approx(width * height, abs=0.1)


def test_one_file_of_a_table_has_unique_ids(tmp_path: Path) -> None:
    answers = [
        answer("a.jpg", somebody((200, 240)), somebody((300, 240))),
        answer("b.jpg", somebody((400, 240))),
        answer("a.jpg", somebody((500, 240))),
        answer("c.jpg", somebody((100, 240)), somebody((500, 240)), together=True),
        answer("d.jpg"),
    ]
    document = coco.document(answers)
    # One image a picture, and of each row who is there: the best alternative, or everybody.
    assert [image["file_name"] for image in document["images"]] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert [image["id"] for image in document["images"]] == [1, 2, 3, 4]
    assert [one["id"] for one in document["annotations"]] == [1, 2, 3, 4, 5]
    assert [one["image_id"] for one in document["annotations"]] == [1, 2, 1, 3, 3]
    read = loaded(document, tmp_path / "table.json")
    assert [len(read.getAnnIds(imgIds=[number])) for number in (1, 2, 3, 4)] == [2, 1, 2, 0]


def test_edits_are_named() -> None:
    document = coco.document([answer("a.jpg", somebody((200, 240), edited=True))])
    assert document["annotations"][0]["edited"] is True


def test_somebody_without_joints() -> None:
    nobody = Person(np.full((16, 2), np.nan, np.float32))
    (annotation,) = coco.document([answer("a.jpg", nobody)])["annotations"]
    assert (annotation["bbox"], annotation["num_keypoints"]) == ([0, 0, 0, 0], 0)
