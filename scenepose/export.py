"""Poses as files: our JSON, COCO keypoints, OpenPose JSON, and PNG.

MPII's 16 joints say nothing about a face. In both foreign formats the shoulders, elbows, wrists, hips,
knees and ankles are the model's own; eyes and ears are always missing; COCO's nose is missing too.
OpenPose's nose is *estimated* as the middle of the head (half way from upper neck to head top), because
programs that draw from these files need it to place a head, and its neck is, by OpenPose's definition,
the middle of the two shoulders.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scenepose import skeleton as sk
from scenepose.errors import RequestError

if TYPE_CHECKING:
    from scenepose.predictor import Pose, Scene

#: COCO's 17 names in its order.
COCO_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

#: COCO's skeleton as its own annotation files give it: pairs of 1-based joints.
COCO_SKELETON = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9),
    (8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip

#: COCO joint -> MPII joint, for those that both have.
_COCO_FROM_MPII = {
    5: sk.L_SHOULDER, 6: sk.R_SHOULDER, 7: sk.L_ELBOW, 8: sk.R_ELBOW, 9: sk.L_WRIST, 10: sk.R_WRIST,
    11: sk.L_HIP, 12: sk.R_HIP, 13: sk.L_KNEE, 14: sk.R_KNEE, 15: sk.L_ANKLE, 16: sk.R_ANKLE,
}  # fmt: skip

#: OpenPose's 18-joint body (nose, neck, right arm, left arm, right leg, left leg, eyes, ears).
_OPENPOSE_FROM_MPII = {
    2: sk.R_SHOULDER, 3: sk.R_ELBOW, 4: sk.R_WRIST, 5: sk.L_SHOULDER, 6: sk.L_ELBOW, 7: sk.L_WRIST,
    8: sk.R_HIP, 9: sk.R_KNEE, 10: sk.R_ANKLE, 11: sk.L_HIP, 12: sk.L_KNEE, 13: sk.L_ANKLE,
}  # fmt: skip

FORMATS = ("json", "png", "coco", "openpose")


class Sized(Protocol):
    """Anything with a picture's size in pixels: a `Scene` or a `Picture`."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...


def check_formats(names: Sequence[str]) -> None:
    """Raises RequestError: one of the names is none of `FORMATS`."""
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise RequestError(f"there is no format {unknown[0]!r}; there are {', '.join(FORMATS)}")


def record(
    scene_name: str, scene: Sized, point: tuple[float, float], poses: Sequence[Pose], method: str
) -> dict[str, Any]:
    """The project's own schema, ready for JSON: pixels of the original picture, best pose first.

    Returns:
        ``{"scene", "width", "height", "point": [x, y], "method", "poses": [{"keypoints": [[x, y] * 16],
        "score", "template", "scale": [w, h], "template_name", "kind"}]}``; scale in picture heights; what a
        method does not know is null.
    """
    return {
        "scene": scene_name,
        "width": scene.width,
        "height": scene.height,
        "point": [float(point[0]), float(point[1])],
        "method": method,
        "poses": [
            {
                "keypoints": [[_number(x), _number(y)] for x, y in pose.keypoints],
                "score": None if pose.score is None else round(pose.score, 6),
                "template": pose.template,
                "scale": [_number(side, 5) for side in pose.scale],
                "template_name": pose.template_name,
                "kind": pose.kind,
            }
            for pose in poses
        ],
    }


def poses_of(result: dict[str, Any]) -> list[Pose]:
    """The poses of a `record`, to draw them again."""
    from scenepose.predictor import Pose

    return [
        Pose(
            keypoints=_array(pose["keypoints"]).astype(np.float32),
            score=pose["score"],
            template=pose["template"],
            template_name=pose["template_name"],
            kind=pose["kind"],
            scale=tuple(_array([pose["scale"]])[0].tolist()),
        )
        for pose in result["poses"]
    ]


def coco(result: dict[str, Any], file_name: str | None = None) -> dict[str, Any]:
    """A COCO keypoint file of one `record`: one image, one annotation a pose.

    ``keypoints`` are (x, y, v) with v = 2 for the model's joints in the picture, 1 for those outside of it
    and 0, 0, 0 for missing ones (nobody says what furniture hides); ``score`` is the compatibility score;
    ``bbox`` encloses all 16 MPII joints as far as they are in the picture; ``area`` is the box's.
    """
    size = (result["width"], result["height"])
    annotations = []
    for number, pose in enumerate(result["poses"], start=1):
        keypoints = _array(pose["keypoints"])
        joints = to_coco(keypoints)
        outside = ((joints[:, :2] < 0) | (joints[:, :2] > size)).any(1)
        joints[outside, 2] = 1
        low = np.clip(np.nanmin(keypoints, axis=0), 0, size)
        high = np.clip(np.nanmax(keypoints, axis=0), 0, size)
        x, y, width, height = (float(value) for value in (*low, *(high - low)))
        annotations.append(
            {
                "id": number,
                "image_id": 1,
                "category_id": 1,
                "keypoints": [round(float(value), 2) for value in joints.reshape(-1)],
                "num_keypoints": int((joints[:, 2] > 0).sum()),
                "bbox": [round(value, 2) for value in (x, y, width, height)],
                "area": round(width * height, 2),
                "iscrowd": 0,
                "score": pose["score"],
            }
        )
    image = {
        "id": 1,
        "file_name": file_name or result["scene"],
        "width": result["width"],
        "height": result["height"],
    }
    person = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(COCO_NAMES),
        "skeleton": [list(pair) for pair in COCO_SKELETON],
    }
    return {"images": [image], "annotations": annotations, "categories": [person]}


def openpose(result: dict[str, Any]) -> dict[str, Any]:
    """An OpenPose file of one `record`, as ControlNet and its editors read it: one person a pose.

    ``pose_keypoints_2d`` are 18 times (x, y, confidence) in pixels; missing joints are 0, 0, 0.
    """
    return {
        "version": 1.3,
        "canvas_width": result["width"],
        "canvas_height": result["height"],
        "people": [
            {
                "person_id": [-1],
                "pose_keypoints_2d": [
                    round(float(value), 2) for value in to_openpose(_array(pose["keypoints"])).reshape(-1)
                ],
                "face_keypoints_2d": [],
                "hand_left_keypoints_2d": [],
                "hand_right_keypoints_2d": [],
            }
            for pose in result["poses"]
        ],
    }


def to_coco(keypoints: NDArray) -> NDArray:
    """MPII (16, 2) to COCO (17, 3) = (x, y, v); see this module's docstring for what is missing."""
    joints = np.zeros((17, 3))
    for target, source in _COCO_FROM_MPII.items():
        if not np.isnan(keypoints[source]).any():
            joints[target] = (*keypoints[source], 2)
    return joints


def to_openpose(keypoints: NDArray) -> NDArray:
    """MPII (16, 2) to OpenPose (18, 3) = (x, y, confidence 1 or 0); nose and neck are estimates."""
    joints = np.zeros((18, 3))
    nose = (keypoints[sk.UPPER_NECK] + keypoints[sk.HEAD_TOP]) / 2
    neck = (keypoints[sk.R_SHOULDER] + keypoints[sk.L_SHOULDER]) / 2
    found = {
        0: nose,
        1: neck,
        **{target: keypoints[source] for target, source in _OPENPOSE_FROM_MPII.items()},
    }
    for target, place in found.items():
        if not np.isnan(place).any():
            joints[target] = (*place, 1)
    return joints


def save(
    folder: Path,
    stem: str,
    scene: Scene,
    result: dict[str, Any],
    poses: Sequence[Pose],
    formats: Sequence[str],
    source: Path | None = None,
) -> list[Path]:
    """Write one answer in some of `FORMATS`; returns the files. ``source``: the picture's own file.

    Raises:
        RequestError: a format is unknown, the folder cannot be written, or ``source`` would be overwritten.
    """
    check_formats(formats)
    written = []
    paths = {name: path_of(folder, stem, name) for name in formats}
    for path in paths.values():
        if source is not None and path.exists() and path.samefile(source):
            raise RequestError(f"{path} is the picture itself and would be overwritten; give another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            if name == "png":
                from scenepose.draw import overlay

                overlay(scene.picture, poses, tuple(result["point"])).save(path)
            else:
                contents = {
                    "json": lambda: result,
                    "coco": lambda: coco(result),
                    "openpose": lambda: openpose(result),
                }
                path.write_text(json.dumps(contents[name](), allow_nan=False) + "\n", encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise RequestError(f"the results cannot be written to {folder}: {error.strerror or error}") from error
    return written


def path_of(folder: Path, stem: str, format: str) -> Path:
    """Where `save` writes a format."""
    return folder / f"{stem}{_SUFFIX[format]}"


_SUFFIX = {"json": ".json", "png": ".png", "coco": ".coco.json", "openpose": ".openpose.json"}


def _number(value: float, digits: int = 3) -> float | None:
    """A plain float for JSON, null for NaN."""
    return None if np.isnan(value) else round(float(value), digits)


def _array(keypoints: list) -> NDArray:
    """(16, 2) with NaN where the record says null."""
    return np.array(
        [[np.nan if value is None else value for value in joint] for joint in keypoints], np.float64
    )
