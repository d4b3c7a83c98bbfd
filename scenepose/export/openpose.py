"""OpenPose JSON, as ControlNet and pose editors read it.

The layout is that of OpenPose's own output (CMU-Perceptual-Computing-Lab/openpose, doc/02_output_body_...),
with the 18 joints of its COCO model and the size of the canvas, which ControlNet adds. Readers differ in
what they make of a confidence: ControlNet (Mikubill/sd-webui-controlnet) drops what is below 1, the editor
huchenlei/sd-webui-openpose-editor shows a joint only with confidence 1, x > 0 and y > 0, and
westNeighbor/ComfyUI-ultimate-openpose-editor moves joints outside the canvas to its edge unless their
confidence is 0. So a joint in the picture has confidence 1 and lies strictly within it, and one that is
outside or unknown is 0, 0, 0, at every edge alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenepose.export.answer import Answer, Person
from scenepose.pose import skeleton as sk

#: OpenPose's 18 joints in its order.
NAMES = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip

#: OpenPose joint -> MPII joint, for those that both have.
_FROM_MPII = {
    2: sk.R_SHOULDER, 3: sk.R_ELBOW, 4: sk.R_WRIST, 5: sk.L_SHOULDER, 6: sk.L_ELBOW, 7: sk.L_WRIST,
    8: sk.R_HIP, 9: sk.R_KNEE, 10: sk.R_ANKLE, 11: sk.L_HIP, 12: sk.L_KNEE, 13: sk.L_ANKLE,
}  # fmt: skip

#: Joints keep this distance from the picture's edge, pixels: readers take 0 for missing.
_MARGIN = 0.01


def joints_of(keypoints: NDArray) -> NDArray:
    """MPII (16, 2) to OpenPose (18, 3) = (x, y, confidence 1 or 0); nose and neck are estimates."""
    joints = np.zeros((18, 3))
    places = {target: keypoints[source] for target, source in _FROM_MPII.items()}
    places[0] = (keypoints[sk.UPPER_NECK] + keypoints[sk.HEAD_TOP]) / 2
    places[1] = (keypoints[sk.R_SHOULDER] + keypoints[sk.L_SHOULDER]) / 2
    for target, place in places.items():
        if not np.isnan(place).any():
            joints[target] = (*place, 1)
    return joints


def joints_in_picture(keypoints: NDArray, width: int, height: int) -> NDArray:
    """The same (18, 3), with 0, 0, 0 for what lies outside the picture."""
    joints = joints_of(keypoints)
    size = np.array([width, height])
    outside = ((joints[:, :2] < 0) | (joints[:, :2] > size)).any(1)
    joints[outside | (joints[:, 2] == 0)] = 0
    there = joints[:, 2] > 0
    joints[there, :2] = joints[there, :2].clip(_MARGIN, size - _MARGIN)
    return joints


def document(answer: Answer) -> dict[str, Any]:
    """An OpenPose file of the people who are in the scene together.

    ``pose_keypoints_2d`` are 18 times (x, y, confidence) in pixels; somebody without any joint in the picture
    is left out. ``edited`` says whose joints were moved by hand; readers pass over it.
    """
    people = []
    for person in answer.present():
        joints = joints_in_picture(person.keypoints, answer.width, answer.height)
        if joints[:, 2].any():
            people.append(_written(person, joints))
    return {
        "version": 1.3,
        "canvas_width": answer.width,
        "canvas_height": answer.height,
        "people": people,
    }


def _written(person: Person, joints: NDArray) -> dict[str, Any]:
    one: dict[str, Any] = {
        "person_id": [-1],
        "pose_keypoints_2d": [round(float(value), 2) for value in joints.reshape(-1)],
        "face_keypoints_2d": [],
        "hand_left_keypoints_2d": [],
        "hand_right_keypoints_2d": [],
    }
    return one | {"edited": True} if person.edited else one
