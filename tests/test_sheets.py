"""Contact sheets and the comparison with real poses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import train.judge.sheet as sheets
import train.world.compare_poses as compare
from scenepose.data.sources import Source
from scenepose.pose.kinds import KINDS
from tests import tiny
from train.judge.sheet import TRUTH, SheetConfig, choose, draw_pose


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    samples = tiny.samples(frames=6, points=6)
    made = Source("tiny", samples, lambda row: Image.new("RGB", tuple(samples.frame_sizes[row]), "#223344"))
    monkeypatch.setattr(sheets, "open_source", lambda data, split: made)
    monkeypatch.setattr(compare, "open_source", lambda data, split: made)
    return made


def test_pages_hold_twenty_numbered_crops(source: Source, tmp_path: Path) -> None:
    sheets.main(SheetConfig("tiny", tmp_path / "pages", count=23, seed=1))
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["page-01.png", "page-02.png"]
    first, second = (Image.open(tmp_path / "pages" / f"page-0{n}.png") for n in (1, 2))
    assert first.size == (5 * 360, 4 * 360)
    assert second.size == (3 * 360, 360)
    sheets.main(SheetConfig("tiny", tmp_path / "again", count=23, seed=1))
    assert (tmp_path / "again" / "page-01.png").read_bytes() == (
        tmp_path / "pages" / "page-01.png"
    ).read_bytes()


def test_one_sheet_and_whole_scenes(source: Source, tmp_path: Path) -> None:
    sheets.main(SheetConfig("tiny", tmp_path / "one.png", count=8, columns=4, side=100))
    assert Image.open(tmp_path / "one.png").size == (400, 200)
    sheets.main(SheetConfig("tiny", tmp_path / "scenes.png", count=2, columns=2, side=100, scenes=True))
    assert Image.open(tmp_path / "scenes.png").height == 100


def test_pictures_stored_smaller_than_their_frame_show_the_same(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same people at the same positions, whatever size the pictures were packed at."""
    found = {}
    for share in (1, 2):
        small = Source(
            "tiny",
            source.samples,
            lambda row, share=share: Image.new(
                "RGB",
                (
                    int(source.samples.frame_sizes[row, 0]) // share,
                    int(source.samples.frame_sizes[row, 1]) // share,
                ),
                "#223344",
            ),
        )
        monkeypatch.setattr(sheets, "open_source", lambda data, split, small=small: small)
        for name, scenes in (("tiles", False), ("scenes", True)):
            out = tmp_path / f"{name}-{share}.png"
            sheets.main(SheetConfig("tiny", out, count=4, columns=4, side=100, scenes=scenes))
            drawn = np.asarray(Image.open(out), int)
            found[name, share] = np.abs(drawn - np.array([0x22, 0x33, 0x44])).sum(-1) > 60
        sheets.main(SheetConfig("tiny", tmp_path / f"pages-{share}", count=4, side=100))
        page = np.asarray(Image.open(tmp_path / f"pages-{share}" / "page-01.png"), int)
        found["pages", share] = np.abs(page - np.array([0x22, 0x33, 0x44])).sum(-1) > 60
    for name in ("tiles", "scenes", "pages"):
        one, other = found[name, 1], found[name, 2]
        assert one.shape == other.shape
        assert one.mean() > 0.01
        assert (one & other).sum() / (one | other).sum() > 0.7, name


def test_points_of_one_kind_are_chosen(source: Source) -> None:
    kind = KINDS[source.samples.kinds[source.samples.primary_rows.max()]]
    points = choose(source, 100, kind, 0)
    rows = source.samples.primary_rows[points]
    assert set(source.samples.kinds[rows]) == {KINDS.index(kind)}
    with pytest.raises(ValueError, match="no kind 'swim'"):
        choose(source, 1, "swim", 0)
    missing = next(k for k in KINDS if KINDS.index(k) not in source.samples.kinds)
    with pytest.raises(ValueError, match=f"no points of kind '{missing}'"):
        choose(source, 1, missing, 0)


def test_hidden_limbs_are_drawn_with_gaps() -> None:
    pose = np.random.default_rng(0).uniform(20, 180, (16, 2))
    whole, dotted = (Image.new("RGB", (200, 200)) for _ in range(2))
    draw_pose(whole, pose, TRUTH, 3)
    draw_pose(dotted, pose, TRUTH, 3, np.ones(16, int))
    painted = [int((np.asarray(one).sum(-1) > 0).sum()) for one in (whole, dotted)]
    assert 0.15 * painted[0] < painted[1] < 0.75 * painted[0]


def test_poses_are_compared_with_real_ones(source: Source, tmp_path: Path) -> None:
    rows = source.samples.primary_rows
    same = source.samples.keypoints[rows[rows >= 0]]
    np.savez(tmp_path / "same.npz", keypoints=same)
    out = tmp_path / "compared.png"
    compare.main(compare.ComparePosesConfig("tiny", tmp_path / "same.npz", out=out))
    measures = json.loads(out.with_suffix(".json").read_text())["measures"]
    assert {"thigh", "knee", "elbow"} <= set(measures)
    assert all(row["ks"] == 0 for row in measures.values())
    assert Image.open(out).width > 600
    stretched = same.copy()
    stretched[..., 1, :] += 60
    np.savez(tmp_path / "other.npz", keypoints=stretched)
    compare.main(compare.ComparePosesConfig("tiny", tmp_path / "other.npz", out=out))
    assert json.loads(out.with_suffix(".json").read_text())["measures"]["knee"]["ks"] > 0.2
    with pytest.raises(FileNotFoundError, match="no real poses at"):
        compare.main(compare.ComparePosesConfig("tiny", tmp_path / "none.npz", out=out))


def test_lengths_and_angles_are_those_of_a_known_pose() -> None:
    pose = np.zeros((1, 16, 2))
    pose[0, 7] = (0, -100)  # thorax 100 above the pelvis
    pose[0, 2], pose[0, 1], pose[0, 0] = (10, 0), (10, 80), (90, 80)  # a right angle at the right knee
    pose[0, 3], pose[0, 4], pose[0, 5] = (-10, 0), (-10, 80), (-10, 160)
    found = compare.measure(pose)
    np.testing.assert_allclose(found["thigh"], [0.8, 0.8])
    np.testing.assert_allclose(found["knee"], [90, 180])
