"""The files we write: our schema to the letter, and joints that other tools find in their places."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose import export
from scenepose import skeleton as sk
from scenepose.errors import RequestError
from scenepose.predictor import Generator
from tests.conftest import person, room


@pytest.fixture(scope="module")
def answer(generator: Generator):
    scene = generator.encode(room())
    poses = scene.generate((300, 250), top_k=3)
    return scene, poses, export.record("room.jpg", scene, (300, 250), poses, "scenepose")


def test_the_schema(answer) -> None:
    _, poses, result = answer
    assert list(result) == ["scene", "width", "height", "point", "method", "poses"]
    assert (result["scene"], result["width"], result["height"]) == ("room.jpg", 640, 480)
    assert result["point"] == [300.0, 250.0]
    assert result["method"] == "scenepose"
    assert len(result["poses"]) == 3
    for written, pose in zip(result["poses"], poses, strict=True):
        assert list(written) == ["keypoints", "score", "template", "scale", "template_name", "kind"]
        assert (written["template_name"], written["kind"]) == (pose.template_name, pose.kind)
        assert np.array(written["keypoints"]).shape == (16, 2)
        np.testing.assert_allclose(written["keypoints"], pose.keypoints, atol=0.001)
        assert len(written["scale"]) == 2
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_coco_joints() -> None:
    keypoints = person() * 100
    joints = export.to_coco(keypoints)
    by_name: dict[str, np.ndarray] = dict(zip(export.COCO_NAMES, joints, strict=True))
    for side, short in (("left", "l"), ("right", "r")):
        for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
            expected = keypoints[sk.JOINTS.index(f"{short}_{part}")]
            np.testing.assert_allclose(by_name[f"{side}_{part}"], (*expected, 2))
    for part in ("nose", "left_eye", "right_eye", "left_ear", "right_ear"):
        np.testing.assert_array_equal(by_name[part], 0)


def test_coco_file(answer) -> None:
    _, _, result = answer
    written = export.coco(result)
    assert [annotation["id"] for annotation in written["annotations"]] == [1, 2, 3]
    for annotation, pose in zip(written["annotations"], result["poses"], strict=True):
        assert len(annotation["keypoints"]) == 51
        assert annotation["num_keypoints"] == 12
        x, y, width, height = annotation["bbox"]
        points = np.array(pose["keypoints"]).clip(0, (640, 480))
        np.testing.assert_allclose((x, y, x + width, y + height), (*points.min(0), *points.max(0)), atol=0.05)
    assert len(written["categories"][0]["keypoints"]) == 17
    assert written["images"][0]["file_name"] == "room.jpg"


def test_coco_says_what_is_outside_the_picture(answer) -> None:
    from scenepose.predictor import Pose

    scene, _, _ = answer
    keypoints = person() * 100
    keypoints += (0, 480 - keypoints[:, 1].max() + 20) - keypoints.min(0) * (1, 0)
    ankles_out = export.coco(export.record("room.jpg", scene, (1, 2), [Pose(keypoints)], "other"))
    (annotation,) = ankles_out["annotations"]
    joints = np.array(annotation["keypoints"]).reshape(17, 3)
    outside = joints[:, 1] > 480
    assert outside.any()
    assert (joints[outside, 2] == 1).all()
    assert set(joints[~outside, 2]) == {0, 2}
    x, y, width, height = annotation["bbox"]
    assert min(x, y) >= 0
    assert x + width <= 640
    assert y + height == pytest.approx(480, abs=0.02)


def test_openpose_joints() -> None:
    keypoints = person() * 100
    joints = export.to_openpose(keypoints)
    np.testing.assert_allclose(joints[1, :2], (keypoints[sk.R_SHOULDER] + keypoints[sk.L_SHOULDER]) / 2)
    np.testing.assert_allclose(joints[4, :2], keypoints[sk.R_WRIST])
    np.testing.assert_allclose(joints[13, :2], keypoints[sk.L_ANKLE])
    assert keypoints[sk.HEAD_TOP, 1] < joints[0, 1] < keypoints[sk.UPPER_NECK, 1]
    np.testing.assert_array_equal(joints[14:], 0)
    keypoints[sk.R_WRIST] = np.nan
    np.testing.assert_array_equal(export.to_openpose(keypoints)[4], 0)


def test_openpose_file(answer) -> None:
    _, _, result = answer
    written = export.openpose(result)
    assert (written["canvas_width"], written["canvas_height"]) == (640, 480)
    assert all(len(one["pose_keypoints_2d"]) == 54 for one in written["people"])


def test_saving(answer, tmp_path: Path) -> None:
    scene, poses, result = answer
    paths = export.save(tmp_path / "new" / "folder", "room", scene, result, poses, export.FORMATS)
    assert [path.name for path in paths] == ["room.json", "room.png", "room.coco.json", "room.openpose.json"]
    assert json.loads(paths[0].read_text()) == result
    with Image.open(paths[1]) as image:
        assert image.size == (640, 480)
    with pytest.raises(RequestError, match="'svg'"):
        export.save(tmp_path, "room", scene, result, poses, ["svg"])
    Image.new("RGB", (640, 480)).save(mine := tmp_path / "mine.png")
    with pytest.raises(RequestError, match="is the picture itself"):
        export.save(tmp_path, "mine", scene, result, poses, ["json", "png"], mine)
    assert not (tmp_path / "mine.json").exists()
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="cannot be written"):
        export.save(tmp_path / "file", "room", scene, result, poses, ["json"])


def test_unknown_joints_are_null(answer) -> None:
    from scenepose.predictor import Pose

    scene, _, _ = answer
    keypoints = person() * 100
    keypoints[9] = np.nan
    result = export.record("room.jpg", scene, (1, 2), [Pose(keypoints)], "other")
    assert result["poses"][0]["keypoints"][9] == [None, None]
    assert result["poses"][0]["scale"] == [None, None]
    json.dumps(result, allow_nan=False)
    assert export.coco(result)["annotations"][0]["num_keypoints"] == 12
