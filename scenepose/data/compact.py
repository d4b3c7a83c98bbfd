"""The compact form of samples: every pose as a body of a table, set down in the room and photographed.

A file in this form holds the bodies themselves, so that reading it needs nothing else:

===============  ==================  ============================================================
column           shape, type         meaning
===============  ==================  ============================================================
frame_*                              as in `scenepose.data.samples`
intrinsics       (F, 3, 3) float64   of each frame, for continuous pixel coordinates
world_to_camera  (F, 4, 4) float64   of each frame; world: z up, the floor at z = 0, metres
point_counts     (F,) int32          points of each frame, in their order
points           (P, 2) float32      pixels; counts only where a point has no pose, elsewhere it is the middle
                                     of the first pose's box
tried            (P, 9) int16        as in `scenepose.data.samples`
pose_counts      (P,) uint8          poses of each point, in their order; the first is the primary one
bodies           (B, 16, 3) int16    body-frame keypoints of a 1.70 m person, millimetres
body_kinds       (B,) uint8          index into KINDS
body_facing      (B,) float32        direction the body faces, radians counter-clockwise from its +y
body             (2, N) uint8        row of each pose's body, less that of the pose before it (the first: less
                                     0), modulo 65536, low and high bytes
height           (N,) uint8          body height: 1.50 m + 5 mm times this
turn             (N,) uint8          turn about the vertical, 256 a full one, counter-clockwise from above
place            (2, 3, N) uint8     where the body's origin is, low and high bytes of steps of 5 mm, less
                                     those of the point's first pose, plus 32768
first_place      (Q, 3) int16        the origin of each first pose, in steps of 5 mm
hidden           (2, N) uint8        one bit a joint: known to be behind something
===============  ==================  ============================================================

Keypoints are computed on reading: scale by height / 1.70, turn, move, project. The numbers were rounded
before the pose was checked, so nothing is lost.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenepose.data.samples import Samples
from scenepose.pose.skeleton import (HIDDEN, SEEN)

HEIGHT_STEP, LOWEST_HEIGHT = 0.005, 1.50
TURNS = 256
PLACE_STEP = 0.005
REFERENCE_HEIGHT = 1.70


def set_down(bodies: NDArray, heights: NDArray, yaws: NDArray, places: NDArray) -> NDArray:
    """World keypoints (N, 16, 3) of bodies (N, 16, 3): scaled to heights, turned by yaws, moved to places."""
    scaled = bodies * (heights / REFERENCE_HEIGHT)[:, None, None]
    cosine, sine = np.cos(yaws)[:, None], np.sin(yaws)[:, None]
    x, y = scaled[..., 0], scaled[..., 1]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, scaled[..., 2]], -1) + places[:, None]


@dataclass(frozen=True)
class PlacedSamples:
    """What the placer found, before it is packed: columns as in the module's docstring, but whole numbers.

    Attributes:
        body: (N,) int64 rows of the bank. height: (N,) and turn: (N,) uint8 steps.
        place: (N, 3) int32 steps of 5 mm. hidden: (N,) uint16, bit j for joint j.
    """

    frame_names: NDArray
    frame_sizes: NDArray
    frame_places: NDArray
    intrinsics: NDArray
    world_to_camera: NDArray
    point_counts: NDArray
    points: NDArray
    tried: NDArray
    pose_counts: NDArray
    body: NDArray
    height: NDArray
    turn: NDArray
    place: NDArray
    hidden: NDArray

    @staticmethod
    def join(parts: list[PlacedSamples]) -> PlacedSamples:
        """The samples of several lists, one after another."""
        return PlacedSamples(
            *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(PlacedSamples))
        )

    @staticmethod
    def load(path: Path) -> tuple[PlacedSamples, NDArray, NDArray, NDArray]:
        """What `save` was given: the samples, and the bodies, kinds and directions of the bodies in use.

        Raises:
            ValueError: this is not a file in the compact form.
        """
        with np.load(path, allow_pickle=False) as file:
            if not is_compact(file):
                raise ValueError(f"{path} does not hold samples in the compact form")
            columns = {name: file[name] for name in file}
        counts = columns["pose_counts"].astype(np.int64)
        origins = np.repeat(columns["first_place"].astype(np.int32), counts[counts > 0], axis=0)
        whole = {
            "pose_counts": counts,
            "body": np.cumsum(_numbers(columns["body"])) % 65536,
            "place": (_numbers(columns["place"]) - 32768).T.astype(np.int32) + origins,
            "hidden": _numbers(columns["hidden"]).astype(np.uint16),
        }
        samples = PlacedSamples(**{f.name: (columns | whole)[f.name] for f in fields(PlacedSamples)})
        bodies = columns["bodies"].astype(np.float32) / 1000
        return samples, bodies, columns["body_kinds"], columns["body_facing"]

    def showing(self, rows: NDArray) -> PlacedSamples:
        """The same samples with other poses first: ``rows`` (Q,), one of each point that has poses.

        The rest follow ordered by their body, as `train.world.place.command` leaves them.
        """
        point = np.repeat(np.arange(len(self.pose_counts)), self.pose_counts)
        later = np.ones(len(point), bool)
        later[rows] = False
        order = np.lexsort((self.body, later, point))
        columns = {name: getattr(self, name)[order] for name in ("body", "height", "turn", "place", "hidden")}
        return replace(self, **columns)

    def save(self, path: Path, bodies: NDArray, kinds: NDArray, facing: NDArray) -> None:
        """Pack into a file, LZMA-compressed; equal samples give equal bytes.

        ``bodies`` (B, 16, 3) metres, ``kinds`` (B,), ``facing`` (B,) are the bank's; those in use are kept.
        """
        used, row = np.unique(self.body, return_inverse=True)
        first = np.repeat(np.cumsum(self.pose_counts) - self.pose_counts, self.pose_counts).astype(int)
        has = self.pose_counts > 0
        columns: dict[str, NDArray] = {
            name: getattr(self, name)
            for name in (
                "frame_names", "frame_sizes", "frame_places", "intrinsics", "world_to_camera", "point_counts",
                "points", "tried", "height", "turn",
            )
        }  # fmt: skip
        columns |= {
            "pose_counts": self.pose_counts.astype(np.uint8),
            "bodies": np.round(bodies[used] * 1000).astype(np.int16),
            "body_kinds": kinds[used].astype(np.uint8),
            "body_facing": facing[used].astype(np.float32),
            "body": _bytes(np.diff(row, prepend=0) % 65536),
            "place": _bytes((self.place - self.place[first]).T + 32768),
            "first_place": self.place[(np.cumsum(self.pose_counts) - self.pose_counts)[has]].astype(np.int16),
            "hidden": _bytes(self.hidden),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
            for name, column in columns.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, np.ascontiguousarray(column), allow_pickle=False)
                # A date would make equal samples unequal files.
                member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
                member.compress_type = zipfile.ZIP_LZMA
                file.writestr(member, buffer.getvalue())


def _bytes(numbers: NDArray) -> NDArray:
    """Low and high bytes of numbers 0..65535, one after the other along a new first axis."""
    return np.stack([numbers & 255, numbers >> 8]).astype(np.uint8)


def _numbers(planes: NDArray) -> NDArray:
    return planes[0].astype(np.int64) | (planes[1].astype(np.int64) << 8)


def is_compact(file: Mapping[str, NDArray]) -> bool:
    """Whether a loaded samples file is in the compact form."""
    return "first_place" in file


def unpack(file: Mapping[str, NDArray]) -> Samples:
    """The samples of a compact file: every pose set down and projected again.

    Raises KeyError with the name of a missing column.
    """
    pose_counts, point_counts = file["pose_counts"].astype(np.int64), file["point_counts"].astype(np.int64)
    starts = np.cumsum(pose_counts) - pose_counts
    has = pose_counts > 0
    pose_points = np.repeat(np.arange(len(pose_counts)), pose_counts)
    point_frames = np.repeat(np.arange(len(point_counts)), point_counts)
    body = np.cumsum(_numbers(file["body"])) % 65536
    height = LOWEST_HEIGHT + HEIGHT_STEP * file["height"]
    yaw = file["turn"] * (2 * np.pi / TURNS)
    first_place = np.zeros((len(pose_counts), 3), np.int64)
    first_place[has] = file["first_place"]
    place = ((_numbers(file["place"]) - 32768).T + first_place[pose_points]) * PLACE_STEP
    hidden = (_numbers(file["hidden"])[:, None] >> np.arange(16)) & 1
    frame = point_frames[pose_points]
    sizes = file["frame_sizes"].astype(np.int32)
    to_camera = file["world_to_camera"]
    projection = file["intrinsics"] @ to_camera[:, :3]
    eyes = -np.einsum("fji,fj->fi", to_camera[:, :3, :3], to_camera[:, :3, 3])[:, :2]
    bodies, facing = file["bodies"].astype(np.float32) / 1000, file["body_facing"]
    keypoints = np.zeros((len(body), 16, 2), np.float32)
    headings = np.zeros(len(body), np.float32)
    middles = np.zeros((len(body), 2))
    for start in range(0, len(body), 1 << 17):
        some = slice(start, start + (1 << 17))
        world = set_down(bodies[body[some]], height[some], yaw[some], place[some])
        x, y, z = (world[..., axis] for axis in range(3))
        across, down, depth = (
            row[:, 0:1] * x + row[:, 1:2] * y + row[:, 2:3] * z + row[:, 3:4]
            for row in (projection[frame[some], axis] for axis in range(3))
        )
        pixels = np.stack([across / depth, down / depth], -1)
        keypoints[some] = pixels
        middles[some] = (pixels.min(1) + pixels.max(1)) / 2
        line = eyes[frame[some]] - world[:, 6, :2]
        towards = np.arctan2(-line[:, 0], line[:, 1])
        headings[some] = (yaw[some] + facing[body[some]] - towards + np.pi) % (2 * np.pi) - np.pi
    points = file["points"].astype(np.float32)
    points[has] = middles[starts[has]]
    inside = ((keypoints >= 0) & (keypoints <= sizes[frame][:, None])).all(-1)
    primary = np.zeros(len(body), bool)
    primary[starts[has]] = True
    return Samples(
        frame_names=file["frame_names"],
        frame_sizes=sizes,
        frame_places=file["frame_places"],
        point_frames=point_frames.astype(np.int32),
        points=points,
        tried=file["tried"],
        pose_points=pose_points.astype(np.int32),
        keypoints=keypoints,
        visibility=np.where(inside & (hidden == 0), SEEN, HIDDEN).astype(np.uint8),
        kinds=file["body_kinds"][body],
        headings=headings,
        heights=height.astype(np.float32),
        primary=primary,
    )
