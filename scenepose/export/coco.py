"""COCO keypoint files of any number of answers, with unique ids, for annotation tools and COCOeval.

The format is that of https://cocodataset.org/#format-data, with COCO's 17 joints and its skeleton.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenepose.export.answer import Answer, Person
from scenepose.pose import skeleton as sk

#: COCO's 17 names in its order.
NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

#: COCO's skeleton as its own annotation files give it: pairs of 1-based joints.
SKELETON = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9),
    (8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip

#: COCO joint -> MPII joint, for those that both have.
_FROM_MPII = {
    5: sk.L_SHOULDER, 6: sk.R_SHOULDER, 7: sk.L_ELBOW, 8: sk.R_ELBOW, 9: sk.L_WRIST, 10: sk.R_WRIST,
    11: sk.L_HIP, 12: sk.R_HIP, 13: sk.L_KNEE, 14: sk.R_KNEE, 15: sk.L_ANKLE, 16: sk.R_ANKLE,
}  # fmt: skip


def joints_of(keypoints: NDArray, hidden: NDArray | None = None) -> NDArray:
    """MPII (16, 2) to COCO (17, 3) = (x, y, v): v = 2 seen, 1 hidden, and 0, 0, 0 for unknown joints."""
    joints = np.zeros((17, 3))
    for target, source in _FROM_MPII.items():
        if not np.isnan(keypoints[source]).any():
            joints[target] = (*keypoints[source], 1 if hidden is not None and hidden[source] else 2)
    return joints


def document(answers: Sequence[Answer]) -> dict[str, Any]:
    """A COCO keypoint file of answers: one image a picture, one annotation for each person present.

    ``keypoints`` are (x, y, v) with v = 2 for joints that are seen, 1 for those that furniture hides (where
    the method knows) or that lie outside the picture, and 0, 0, 0 for unknown ones. ``bbox`` encloses all 16
    MPII joints as far as they are in the picture; ``area`` is the box's. There is a ``score`` where the
    method gives one, and ``edited`` where somebody moved joints by hand.
    """
    images: dict[str, dict[str, Any]] = {}
    annotations = []
    for answer in answers:
        size = {"width": answer.width, "height": answer.height}
        fresh = {"id": len(images) + 1, "file_name": answer.scene, **size}
        image = images.setdefault(answer.scene, fresh)
        for person in answer.present():
            number = len(annotations) + 1
            annotations.append({"id": number, "image_id": image["id"], **_annotation(person, answer)})
    person_category = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(NAMES),
        "skeleton": [list(pair) for pair in SKELETON],
    }
    return {
        "info": {"description": "People proposed by ScenePose"},
        "licenses": [],
        "images": list(images.values()),
        "annotations": annotations,
        "categories": [person_category],
    }


def _annotation(person: Person, answer: Answer) -> dict[str, Any]:
    size = np.array([answer.width, answer.height])
    joints = joints_of(person.keypoints, person.hidden)
    outside = ((joints[:, :2] < 0) | (joints[:, :2] > size)).any(1)
    joints[outside, 2] = 1
    known = person.keypoints[~np.isnan(person.keypoints).any(1)]
    corners = known.clip(0, size) if len(known) else np.zeros((1, 2))
    low, high = corners.min(0), corners.max(0)
    x, y, width, height = (float(value) for value in (*low, *(high - low)))
    one: dict[str, Any] = {
        "category_id": 1,
        "keypoints": [
            value for x, y, v in joints for value in (round(float(x), 2), round(float(y), 2), int(v))
        ],
        "num_keypoints": int((joints[:, 2] > 0).sum()),
        "bbox": [round(value, 2) for value in (x, y, width, height)],
        "area": round(width * height, 2),
        "iscrowd": 0,
    }
    if person.score is not None:
        one["score"] = round(person.score, 6)
    if person.edited:
        one["edited"] = True
    return one
