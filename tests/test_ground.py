"""Where the floor is: from its own pixels, with up known or not, and from furniture of known heights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose.data import frames
from scenepose.data.frames import Frame
from scenepose.data.furniture import camera_height, ground_from_furniture
from scenepose.data.ground import ground_from_floor
from scenepose.data.nyu import INTRINSICS, Entry, NYUFolder, read_gravity
from tests.placed import write_nyu
from tests.room import BEDROOM, BOXES, WALL, camera, make_room

#: A table too high to be one, and a desk that is rather high.
ODD = (((-1.9, 2.6, 0.0), (1.1, 3.4, 1.35), frames.TABLE), WALL)
HIGH_DESK = (((-1.3, 1.9, 0.0), (0.9, 3.0, 0.92), frames.DESK), WALL)
SOFA_AND_DESK = (
    ((-0.4, 2.4, 0.0), (1.4, 3.3, 0.45), frames.SOFA),
    ((-2.2, 2.4, 0.0), (-0.9, 3.3, 0.73), frames.DESK),
    WALL,
)


def height_of(transform: np.ndarray) -> float:
    """How high the camera is, metres."""
    return float((-transform[:3, :3].T @ transform[:3, 3])[2])


def turned(up: np.ndarray, degrees: float, about: tuple[float, float, float] = (1.0, 0.0, 0.0)) -> np.ndarray:
    """A unit vector turned about an axis."""
    axis, angle = np.array(about), np.radians(degrees)
    return up * np.cos(angle) + np.cross(axis, up) * np.sin(angle) + axis * (axis @ up) * (1 - np.cos(angle))


def rounded(frame: Frame) -> np.ndarray:
    """Depth in steps of 4 cm."""
    return ((frame.depth * 25.5).round() / 25.5).astype(np.float32)


def degrees_between(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.arccos(min(1.0, one @ other))))


def patch_of(frame: Frame, pixels: int) -> np.ndarray:
    """Labels of a frame with all but a patch of its floor called something else."""
    y, x = np.nonzero(frame.labels == frames.FLOOR)
    centre = np.median(y), np.median(x)
    order = np.argsort((y - centre[0]) ** 2 + (x - centre[1]) ** 2)
    labels = frame.labels.copy()
    labels[y[order[pixels:]], x[order[pixels:]]] = 39
    return labels


@pytest.mark.parametrize("degrees", [-4.0, 0.0, 4.0])
def test_a_wide_floor_corrects_the_known_up(degrees: float) -> None:
    frame, (intrinsics, true) = make_room(), camera()
    found = ground_from_floor(rounded(frame), frame.labels, intrinsics, turned(true[:3, 2], degrees))
    assert found is not None
    assert degrees_between(found[:3, 2], true[:3, 2]) < 0.5
    assert height_of(found) == pytest.approx(1.4, abs=0.03)


@pytest.mark.parametrize("degrees", [-2.0, 2.0])
def test_a_little_floor_keeps_the_known_up_and_gives_the_height(degrees: float) -> None:
    frame, (intrinsics, true) = make_room(), camera()
    labels, depth = patch_of(frame, 600), rounded(frame)
    # Without up, so little floor says nothing.
    assert ground_from_floor(depth, labels, intrinsics) is None
    up = turned(true[:3, 2], degrees)
    found = ground_from_floor(depth, labels, intrinsics, up)
    assert found is not None
    assert degrees_between(found[:3, 2], up) < 1.5
    # The patch is about 2.5 m away: 2 degrees are 9 cm there.
    assert height_of(found) == pytest.approx(1.4, abs=0.10)


def test_a_floor_that_is_no_plane_near_the_known_up_is_rejected() -> None:
    frame, (intrinsics, true) = make_room(), camera()
    walls = np.where(frame.labels == frames.WALL, frames.FLOOR, 39)
    assert ground_from_floor(frame.depth, walls, intrinsics, true[:3, 2]) is None


@pytest.mark.parametrize("boxes", [SOFA_AND_DESK, BEDROOM, (*BOXES, SOFA_AND_DESK[1])])
@pytest.mark.parametrize("lift", [0.0, 0.12])
def test_furniture_says_how_high_the_camera_is(boxes: tuple, lift: float) -> None:
    frame, (intrinsics, true) = make_room(boxes), camera()
    bare = np.where(frame.labels == frames.FLOOR, 0, rounded(frame)).astype(np.float32)
    found = ground_from_furniture(bare, frame.labels, intrinsics, true[:3, 2])
    assert found is not None
    np.testing.assert_allclose(found[:3, 2], true[:3, 2], atol=1e-9)
    assert height_of(found) == pytest.approx(1.4, abs=0.06)
    raised = tuple(
        (low, (*high[:2], high[2] - (lift if label != frames.WALL else 0)), label)
        for low, high, label in boxes
    )
    lower = make_room(raised)
    bare = np.where(lower.labels == frames.FLOOR, 0, rounded(lower)).astype(np.float32)
    moved = camera_height(bare, lower.labels, intrinsics, true[:3, 2])
    # Furniture that is lower looks as if the camera were higher.
    assert moved is None or moved[0] - height_of(found) == pytest.approx(lift, abs=0.06)


def test_doubtful_furniture_gives_no_ground() -> None:
    intrinsics, true = camera()
    up = true[:3, 2]
    odd = make_room(ODD)
    bare = np.where(odd.labels == frames.FLOOR, 0, odd.depth).astype(np.float32)
    assert ground_from_furniture(bare, odd.labels, intrinsics, up) is None
    # Walls alone say nothing.
    nothing = np.where(odd.labels == frames.WALL, odd.depth, 0).astype(np.float32)
    assert ground_from_furniture(nothing, odd.labels, intrinsics, up) is None


def test_furniture_puts_nothing_under_the_floor() -> None:
    intrinsics, true = camera()
    high = make_room(HIGH_DESK)
    answer = camera_height(rounded(high), high.labels, intrinsics, true[:3, 2])
    unlabelled = np.where(high.labels == frames.FLOOR, 39, high.labels).astype(np.uint8)
    deep = camera_height(rounded(high), unlabelled, intrinsics, true[:3, 2])
    top = np.where(high.lift()[..., 2] < 0.85, 0, rounded(high)).astype(np.float32)
    fooled = camera_height(top, unlabelled, intrinsics, true[:3, 2])
    # Taken for a usual desk, it would put the camera lower than it is; whatever is seen deeper forbids that.
    assert fooled is not None
    assert fooled[0] < 1.4 - 0.12
    for one in (answer, deep):
        assert one is None or one[0] > 1.4 - 0.07


def test_without_gravity_a_folder_is_read_as_ever(tmp_path: Path) -> None:
    write_nyu(tmp_path)
    reader = NYUFolder(tmp_path)
    assert reader.ups == {}
    entry = reader.entries[0]
    depth = np.asarray(Image.open(tmp_path / "depth" / "0001.png"), np.float32) * (10 / 255)
    labels = make_room().labels
    expected = ground_from_floor(depth, labels, INTRINSICS)
    assert expected is not None
    found = reader.frame(entry)
    assert found is not None
    np.testing.assert_array_equal(found.world_to_camera, expected)
    Image.fromarray(patch_of(make_room(), 600)).save(tmp_path / "labels" / "0001.png")
    assert reader.frame(entry) is None
    Image.fromarray(np.where(labels == frames.FLOOR, 39, labels)).save(tmp_path / "labels" / "0001.png")
    assert reader.frame(entry) is None
    assert [frame.name for frame in reader.frames("train")] == []


def test_gravity_serves_the_frames_it_names(tmp_path: Path) -> None:
    write_nyu(tmp_path)
    known = NYUFolder(tmp_path).frame(Entry("0001", "train", "nyu-0"))
    assert known is not None
    up = known.world_to_camera[:3, 2]
    for name in ("0001", "0002"):
        Image.fromarray(patch_of(make_room(), 600)).save(tmp_path / "labels" / f"{name}.png")
    path = tmp_path / "gravity.csv"
    path.write_text("id,up_x,up_y,up_z\n0002,{:.5f},{:.5f},{:.5f}\n".format(*up))
    np.testing.assert_allclose(read_gravity(path)["0002"], up, atol=1e-5)
    reader = NYUFolder(tmp_path)
    assert reader.frame(reader.entries[0]) is None
    read = reader.frame(reader.entries[1])
    assert read is not None
    assert degrees_between(read.world_to_camera[:3, 2], up) < 1
    assert height_of(read.world_to_camera) == pytest.approx(height_of(known.world_to_camera), abs=0.05)


@pytest.mark.parametrize("row", ["0001,0,0,0", "0001,0,-1", "0001,a,b,c", "0001,0,-30,2", "0001,nan,0,1"])
def test_a_bad_line_of_gravity_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "gravity.csv"
    path.write_text(f"id,up_x,up_y,up_z\n0000,0,-1,0\n{row}\n")
    with pytest.raises(ValueError, match=r"gravity\.csv, line 3: expected id,up_x,up_y,up_z"):
        read_gravity(path)
