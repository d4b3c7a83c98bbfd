"""Crops to other shapes: in training, and of a source for validation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scenepose.data.shapes import OUTSIDE, TALLEST, Rectangle, cropped, within
from scenepose.data.sources import Source
from tests import tiny, tiny_run
from train.fit.augment import SHAPES, Change, boxes_of, draw_change, draw_crop
from train.fit.batches import Batches
from train.fit.config import AugmentConfig
from train.judge import evaluate
from train.judge.evaluate import aspect_of

#: Nothing but the geometry changes.
SHAPED = AugmentConfig(colour=0, jpeg=0, noise=0, shapes=1.0, aspect=0.0, smallest_height=400)


def ramp(width: int, height: int) -> Image.Image:
    """A picture whose colour tells the place: red grows to the right, green downwards."""
    y, x = np.mgrid[:height, :width]
    red, green = 255 * (x + 0.5) / width, 255 * (y + 0.5) / height
    return Image.fromarray(np.stack([red, green, 0 * red], -1).round().astype(np.uint8))


def places_in(picture: Image.Image, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What a ramp shows at points (..., 2) in its picture: where that was in the whole picture."""
    pixels = np.asarray(picture, float)
    x = np.floor(points[..., 0]).astype(int).clip(0, picture.width - 1)
    y = np.floor(points[..., 1]).astype(int).clip(0, picture.height - 1)
    return pixels[y, x, :2] / 255 * np.array(size)


def aspect_of_kept(change: Change) -> float:
    return (change.right - change.left) / (change.bottom - change.top)


coordinate = st.floats(0.02, 0.98)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    size=st.sampled_from([(320, 240), (240, 320), (400, 225)]),
    spots=st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=5),
    sides=st.tuples(st.floats(0.02, 0.6), st.floats(0.05, 1.1)),
)
def test_points_and_poses_land_on_the_same_content(
    seed: int, size: tuple[int, int], spots: list, sides: tuple[float, float]
) -> None:
    points = np.array(spots) * size
    half = np.array(sides) * size[1] / 2
    boxes = np.concatenate([points - half, points + half], 1)
    rng = np.random.default_rng(seed)
    if seed % 5 == 0:
        boxes[0] = np.nan  # nobody fits at the first
    kept, change = draw_crop(rng, size, points, boxes, SHAPED, 3)
    boxes = np.where(np.isnan(boxes), np.concatenate([points, points], 1), boxes)
    assert 0 in kept
    assert len(kept) <= 3
    assert 0 <= change.left < change.right <= size[0]
    assert 0 <= change.top < change.bottom <= size[1]
    picture = change.picture(ramp(*size))
    moved = change.points(points[kept])
    assert (moved >= -1e-6).all()
    assert (moved <= np.array([change.width, change.height]) + 1e-6).all()
    # A pose whose joints are a corner, the middle and points between, of which some lie outside.
    poses = boxes[kept, None, :2] + rng.random((len(kept), 16, 2)) * 2 * half
    joints = change.keypoints(poses)
    if change.mirrored:
        poses = poses[:, [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10]]
    for places, originals in ((moved, points[kept]), (joints, poses)):
        inside = ((places > 1) & (places < np.array(picture.size) - 1)).all(-1)
        shown = places_in(picture, places, size)
        np.testing.assert_allclose(shown[inside], originals[inside], atol=0.012 * max(size))
    np.testing.assert_allclose(change.back(moved), points[kept], atol=1e-6)
    # Those that came along fit; the first is there in any case.
    if len(kept) > 1:
        whole = Rectangle(change.left, change.top, change.right, change.bottom)
        assert within(whole, points[kept[1:]], boxes[kept[1:]]).all()


def test_half_of_the_frames_are_reshaped_evenly_between_tall_and_wide() -> None:
    size, point = (640, 480), np.array([[320.0, 240.0]])
    boxes = np.array([[300.0, 180.0, 340.0, 300.0]])
    default = AugmentConfig()
    draws = [draw_crop(np.random.default_rng(n), size, point, boxes, default, 1)[1] for n in range(800)]
    aspects = np.array([aspect_of_kept(draw) for draw in draws])
    own = np.abs(aspects / (4 / 3) - 1) < 1e-6
    assert 0.44 < own.mean() < 0.56
    shares = np.log(aspects[~own] / SHAPES[0]) / np.log(SHAPES[1] / SHAPES[0])
    assert ((shares > -1e-6) & (shares < 1 + 1e-6)).all()
    np.testing.assert_allclose(np.quantile(shares, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.07)


def test_people_are_not_much_higher_than_their_picture() -> None:
    size, point = (640, 480), np.array([[320.0, 250.0]])
    boxes = np.array([[250.0, 10.0, 390.0, 490.0]])
    for seed in range(100):
        _, change = draw_crop(np.random.default_rng(seed), size, point, boxes, SHAPED, 1)
        assert 480 / (change.bottom - change.top) <= TALLEST + 1e-6
        # And four fifths of the box are shown both ways.
        kept = Rectangle(change.left, change.top, change.right, change.bottom)
        assert within(kept, point, boxes).all()


def test_without_boxes_all_points_stay_in_the_picture() -> None:
    points = np.array([[15.0, 60.0], [300.0, 200.0], [150.0, 20.0]])
    for seed in range(60):
        change = draw_change(np.random.default_rng(seed), (320, 240), points, SHAPED)
        moved = change.points(points)
        assert ((moved >= -1e-6) & (moved <= np.array([change.width, change.height]) + 1e-6)).all()


def test_whole_frames_stay_whole() -> None:
    still = replace(SHAPED, crop=1.0, mirror=False, smallest_height=999)
    kept, change = draw_crop(
        np.random.default_rng(0), (96, 72), np.full((3, 2), 30.0), np.full((3, 4), np.nan), still, 2
    )
    assert kept.tolist() == [0, 1]
    assert change[:6] == (0.0, 0.0, 96.0, 72.0, 96, 72)


def test_boxes_are_those_of_the_primary_poses() -> None:
    samples = tiny.samples()
    boxes = boxes_of(samples, np.array([2, len(samples) - 1]))
    keypoints = samples.keypoints[samples.primary_rows[2]]
    np.testing.assert_allclose(boxes[0], [*keypoints.min(0), *keypoints.max(0)], rtol=1e-6)
    assert np.isnan(boxes[1]).all()


def ramps() -> Source:
    """The tiny samples in pictures that tell the place."""
    return replace(tiny.source(), picture=lambda row: ramp(tiny.WIDTH, tiny.HEIGHT))


@pytest.mark.parametrize("aspect", [9 / 16, 3 / 4, 4 / 3, 21 / 9])
def test_a_cropped_source_shows_the_same_content_at_its_points(aspect: float) -> None:
    source = ramps()
    crops = cropped(source, aspect, seed=1)
    samples, whole = crops.samples, source.samples
    assert 0 < len(samples) <= len(whole)
    assert (np.diff(samples.pose_points) >= 0).all()
    assert samples.primary.sum() == (samples.primary_rows >= 0).sum()
    size = (tiny.WIDTH, tiny.HEIGHT)
    originals = {tuple(np.round(pose, 2).ravel()) for pose in whole.keypoints}
    for point in range(len(samples)):
        row = samples.point_frames[point]
        picture = crops.picture(row)
        assert picture.size == tuple(samples.frame_sizes[row])
        assert abs(picture.width / picture.height / aspect - 1) < 0.06  # whole pixels
        assert samples.frame_places[row] in whole.frame_places
        place = samples.points[point]
        assert ((place >= 0) & (place <= picture.size)).all()
        shown = places_in(picture, place, size)
        nearest = np.linalg.norm(whole.points - shown, axis=1).argmin()
        shift = whole.points[nearest] - place
        np.testing.assert_allclose(shown, whole.points[nearest], atol=1.5)
        for pose in samples.pose_rows(point):
            keypoints = samples.keypoints[pose]
            assert tuple(np.round(keypoints + shift, 2).ravel()) in originals
            inside = ((keypoints >= 0) & (keypoints <= picture.size)).all(1)
            np.testing.assert_array_equal(samples.visibility[pose] == 2, inside)
            low, high = keypoints.min(0), keypoints.max(0)
            shared = np.minimum(high, picture.size) - np.maximum(low, 0)
            assert (shared >= (1 - OUTSIDE) * (high - low) - 1e-3).all()


def test_poses_that_leave_a_crop_are_dropped_and_their_kind_is_open() -> None:
    source = ramps()
    samples = source.samples
    keypoints = samples.keypoints.copy()
    # The second pose of every point is far too broad for a tall crop.
    others = ~samples.primary
    keypoints[others] = samples.points[samples.pose_points[others]][:, None]
    keypoints[others, 0, 0] -= 60
    keypoints[others, 1, 0] += 60
    crops = cropped(replace(source, samples=replace(samples, keypoints=keypoints)), 9 / 16).samples
    assert crops.primary.all()
    assert len(crops.primary) > 0
    tried = crops.tried[crops.pose_points]
    assert (tried >= 0).all()
    lost = {tuple(row) for row in tried}
    assert any(0 in (row[0], row[4]) for row in lost)


def test_only_shapes_are_shapes() -> None:
    assert aspect_of("own") is None
    assert aspect_of("3:4") == 0.75
    for shape in ("portrait", "3:0", "-3:4", "3", ""):
        with pytest.raises(ValueError, match=f"'{shape}' is not a shape; write own, or width and height"):
            aspect_of(shape)
    with pytest.raises(ValueError, match="width to height is above 0, and not -1"):
        cropped(ramps(), -1.0)


def test_evaluation_judges_the_points_of_the_crops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "open_source", lambda name, split: ramps())
    counts = {}
    for shape in ("own", "9:16", "21:9"):
        (judged,) = evaluate.open_judged(evaluate.EvaluateConfig(["rooms:val"], tmp_path, shape=shape))
        samples = judged.source.samples
        counts[shape] = len(judged.points)
        assert len(judged.truth.poses) == len(judged.points) > 0
        for row in samples.point_frames[judged.points]:
            width, height = judged.source.picture(int(row)).size
            assert (width < height) == (shape == "9:16")
    assert counts["21:9"] <= counts["own"]


def test_training_batches_hold_what_lies_in_the_crops(tmp_path: Path) -> None:
    whole = tiny_run.settings(tmp_path)
    config = replace(whole, frames=6, points_per_frame=3, augment=replace(whole.augment, shapes=1.0))
    batches = Batches([tiny.source()], tiny.template_set(), config, view_size=32)
    aspects = []
    for step in range(8):
        batch = batches[step]
        assert ((batch.position[:, :2] >= 0) & (batch.position[:, :2] <= 1)).all()
        assert sum(points for _, _, points in batch.sizes) == len(batch.sample)
        aspects += [width / height for height, width, _ in batch.sizes]
        points, mirrored = batches.drawn(step)
        np.testing.assert_array_equal(points, batch.sample.numpy())
        np.testing.assert_array_equal(mirrored, batch.mirrored.numpy())
    assert min(aspects) < 0.8
    assert max(aspects) > 1.6
