"""Poses as files that other programs open: one format a file, and one place that writes them.

    json      our own record, which `read_record` reads again, edits and all
    png, svg  the picture with the people
    pose      the pose picture on black that image generators take (`pose_picture`)
    openpose  OpenPose JSON, as ControlNet and pose editors read it
    coco      COCO keypoints

An answer's poses are either *alternatives*, best first, or people who are in the scene *together*. Formats
that are read as a scene (pose, openpose, coco) hold who is there together: all of these, or of alternatives
the best one.

MPII's 16 joints say nothing about a face. In the foreign formats the shoulders, elbows, wrists, hips, knees
and ankles are the model's own; eyes and ears are always missing; COCO's nose is missing too. OpenPose's nose
is *estimated* as the middle of the head (half way from upper neck to head top), because programs that draw
from these files need it to place a head, and its neck is, by OpenPose's definition, the middle of the two
shoulders.
"""

from __future__ import annotations

from scenepose.export.answer import Answer, Person, read_record, record
from scenepose.export.files import FORMATS, check_formats, content, save

__all__ = ["FORMATS", "Answer", "Person", "check_formats", "content", "read_record", "record", "save"]
