"""The Sitcom layout: reading it exactly, naming bad lines, and the way there and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose.data.samples import Samples
from scenepose.data.sitcom import (
    SitcomList,
    from_samples,
    is_validation,
    kind_of,
    read_list,
    to_samples,
    write_list,
)
from scenepose.data.sources import Source, open_source
from scenepose.pose.kinds import KINDS
from tests import tiny
from train.world.convert import ConvertConfig, write_sitcom
from train.world.convert import main as convert

#: A standing and a sitting pose, 16 joints, then the target point.
STAND = [100, 300, 101, 250, 102, 200, 118, 200, 119, 250, 120, 300, 110, 200, 110, 120, 110, 110, 110, 80,
         92, 190, 94, 160, 96, 122, 124, 122, 126, 160, 128, 190]  # fmt: skip
SIT = [130, 260, 132, 212, 102, 205, 118, 205, 146, 214, 148, 262, 110, 205, 110, 125, 110, 115, 110, 85,
       120, 200, 94, 165, 96, 127, 124, 127, 126, 165, 128, 200]  # fmt: skip


def line(
    image: str, joints: Sequence[float], point: tuple[float, float] = (111.5, 190), kind: int = 7
) -> str:
    return " ".join([image, *map(str, joints), *map(str, point), str(kind)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    missing = [*STAND[:20], -1, -1, *STAND[22:]]
    images = [f"show{n}/ep1/f.jpg" for n in range(30)]
    (tmp_path / "trainlist.txt").write_text(
        "\n".join(line(image, missing if n == 2 else STAND, kind=n + 1) for n, image in enumerate(images))
        + "\n\n"
    )
    (tmp_path / "testlist.txt").write_text(line("friends/ep1/f.jpg", SIT, kind=30) + "\n")
    for image in [*images, "friends/ep1/f.jpg"]:
        path = tmp_path / "data" / image
        path.parent.mkdir(parents=True)
        Image.new("RGB", (320, 280), "#336699").save(path)
    return tmp_path


def test_the_original_layout_is_read_exactly(folder: Path) -> None:
    listed = read_list(folder / "trainlist.txt")
    assert len(listed) == 30
    np.testing.assert_array_equal(listed.keypoints[0], np.reshape(STAND, (16, 2)))
    np.testing.assert_array_equal(listed.points[0], (111.5, 190))
    np.testing.assert_array_equal(listed.classes, np.arange(30) + 1)
    assert np.isnan(listed.keypoints[2, 10]).all()
    assert np.isfinite(np.delete(listed.keypoints[2], 10, 0)).all()


def test_it_is_a_data_source(folder: Path) -> None:
    source = open_source(f"sitcom:{folder}", "test")
    samples = source.samples
    assert source.picture(0).size == (320, 280)
    assert KINDS[samples.kinds[0]] == "sit"
    # An ankle below the picture's lower border is known but outside; nothing is known of other poses.
    assert (samples.visibility[0] == 2).all()
    assert (samples.tried == 0).all()
    train, val = (open_source(f"sitcom:{folder}", split).samples for split in ("train", "val"))
    assert len(train) + len(val) == 30
    assert len(val) > 0
    assert not set(train.frame_places) & set(val.frame_places)
    row = (
        int(np.flatnonzero(train.frame_names == "show2/ep1/f.jpg")[0])
        if not is_validation("show2/ep1/f.jpg")
        else -1
    )
    if row >= 0:
        pose = train.primary_rows[np.flatnonzero(train.point_frames == row)[0]]
        assert train.visibility[pose, 10] == 0
        assert np.isnan(train.keypoints[pose, 10]).all()
        assert train.visibility[pose, 0] == 1  # y = 300 in a picture 280 high


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("a.jpg 1 2 3", "expected 36 values"),
        (line("a.jpg", STAND).replace("300", "abc", 1), "could not convert string to float: 'abc'"),
        (line("a.jpg", STAND, kind=31), "class 31 is not between 1 and 30"),
        (line("a.jpg", STAND, kind=0), "class 0 is not between 1 and 30"),
        (line("a.jpg", STAND).replace("300", "nan", 1), "a coordinate is not a finite number"),
        (line("a.jpg", STAND)[:-1] + "7.5", "invalid literal"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, broken: str, reason: str) -> None:
    path = tmp_path / "trainlist.txt"
    path.write_text(f"{line('a.jpg', STAND)}\n\n{broken}\n")
    with pytest.raises(ValueError, match=rf"trainlist\.txt, line 3: .*{reason}"):
        read_list(path)


def test_missing_files_are_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no Sitcom list at .*x\.txt"):
        read_list(tmp_path / "x.txt")
    with pytest.raises(FileNotFoundError, match="no Sitcom folder at"):
        open_source(f"sitcom:{tmp_path / 'none'}", "train")
    (folder / "data" / "friends" / "ep1" / "f.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"names friends/ep1/f\.jpg, but there is no picture"):
        open_source(f"sitcom:{folder}", "test")


def test_a_list_written_is_read_back(folder: Path, tmp_path: Path) -> None:
    listed = read_list(folder / "trainlist.txt")
    write_list(tmp_path / "copy.txt", listed)
    again = read_list(tmp_path / "copy.txt")
    for name in ("images", "keypoints", "points", "classes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(listed, name))


def test_from_sitcom_to_samples_and_back(folder: Path, tmp_path: Path) -> None:
    convert(ConvertConfig(f"sitcom:{folder}", tmp_path / "s.npz", split="test"))
    samples = Samples.load(tmp_path / "s.npz")
    back = from_samples(samples, np.array([30]))
    listed = read_list(folder / "testlist.txt")
    np.testing.assert_allclose(back.keypoints, listed.keypoints, atol=0.01)
    np.testing.assert_allclose(back.points, listed.points, atol=0.01)
    np.testing.assert_array_equal(back.images, listed.images)
    with pytest.raises(ValueError, match=r"s\.txt is not an \.npz file"):
        convert(ConvertConfig(f"sitcom:{folder}", tmp_path / "s.txt"))


def test_from_samples_to_sitcom_and_back(tmp_path: Path) -> None:
    samples = tiny.samples(frames=8, points=6)
    source = Source("tiny", samples, lambda row: Image.new("RGB", tuple(samples.frame_sizes[row]), "#884422"))
    count = write_sitcom(source, tmp_path / "sitcom", "testlist.txt")
    assert count == int(samples.primary.sum())
    centres = np.loadtxt(tmp_path / "sitcom" / "centers_30.txt")
    assert centres.shape == (30, 34)
    assert (centres[:, 32:] == 0).all()
    again = open_source(f"sitcom:{tmp_path / 'sitcom'}", "test").samples
    assert len(again) == count
    rows = samples.primary_rows[samples.primary_rows >= 0]
    expected = samples.keypoints[rows].astype(float)
    expected[(expected < 0).any(-1) | (samples.visibility[rows] == 0)] = np.nan
    order = np.lexsort(again.points.T.round(2))
    before = np.lexsort(samples.points[samples.pose_points[rows]].T.round(2))
    np.testing.assert_allclose(again.keypoints[order], expected[before], atol=0.011)
    np.testing.assert_array_equal(np.sort(again.frame_sizes[:, 0]), np.sort(samples.frame_sizes[:, 0]))


def test_kinds_are_told_from_shape() -> None:
    poses = np.array([np.reshape(STAND, (16, 2)), np.reshape(SIT, (16, 2)), np.full((16, 2), np.nan)], float)
    assert [KINDS[kind] for kind in kind_of(poses)] == ["stand", "sit", "stand"]


def test_points_without_a_picture_size_are_an_error() -> None:
    listed = SitcomList(np.array(["a.jpg"]), np.zeros((1, 16, 2)), np.zeros((1, 2)), np.ones(1, int))
    with pytest.raises(KeyError, match=r"a\.jpg"):
        to_samples(listed, {})
