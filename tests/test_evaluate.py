"""What evaluation adds: floating people, sizes, cases, other methods; ablations and packs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scenepose.data.samples import Samples
from scenepose.data.sources import open_source
from scenepose.pose.kinds import KINDS
from tests import tiny
from tests.conftest import person
from train.fit import main as scenepose
from train.fit import teacher
from train.fit.batches import Batches
from train.fit.config import TrainConfig
from train.judge import ablate, cases, evaluate
from train.judge import measure as judge
from train.judge.support import support_at
from train.world import pack, stats

pytestmark = pytest.mark.usefixtures("one_thread")

CAMERA, HORIZON, FOCAL = 1.4, 0.3, 1.0


def upright_people(count: int = 30, seed: int = 0) -> Samples:
    """People who stand on the floor of one frame before a camera 1.4 m high; picture heights as units."""
    rng = np.random.default_rng(seed)
    heights, distances = rng.uniform(1.5, 1.9, count), rng.uniform(2, 6, count)
    feet = HORIZON + FOCAL * CAMERA / distances
    shape = person() - np.array([0.0, 1.0])  # feet at 0
    poses = shape * (FOCAL * heights / distances)[:, None, None]
    poses = poses + np.stack([rng.uniform(0.3, 0.9, count), feet], 1)[:, None]
    pixels = (poses * 480).astype(np.float32)
    middles = (pixels.max(1) + pixels.min(1)) / 2
    return Samples(
        frame_names=np.array(["one"]),
        frame_sizes=np.array([[640, 480]], np.int32),
        frame_places=np.array(["place"]),
        point_frames=np.zeros(count, np.int32),
        points=middles,
        tried=np.ones((count, len(KINDS)), np.int16),
        pose_points=np.arange(count, dtype=np.int32),
        keypoints=pixels,
        visibility=np.full((count, 16), 2, np.uint8),
        kinds=np.zeros(count, np.uint8),
        headings=np.zeros(count, np.float32),
        heights=heights.astype(np.float32),
        primary=np.ones(count, bool),
    )


def test_floor_is_found_and_people_beside_it_are_seen() -> None:
    samples = upright_people()
    points = np.arange(len(samples))
    support = support_at(samples, points)
    assert support.horizon == pytest.approx(HORIZON, abs=0.01)
    assert support.camera == pytest.approx(CAMERA, rel=0.02)
    poses, kinds = samples.normalised_unit(points).astype(float), samples.kinds.astype(int)
    fine = support.measures(poses, kinds)
    assert fine["floating"].sum() == fine["sinking"].sum() == 0
    low, high = poses[..., 1].min(1), poses[..., 1].max(1)
    lifted = poses - np.stack([np.zeros_like(high), 0.25 * (high - low)], 1)[:, None]
    assert support.measures(lifted, kinds)["floating"].mean() > 0.8
    sunk = support.measures(poses + np.array([0, 0.15]), kinds)
    assert sunk["sinking"].mean() > 0.8
    assert sunk["floating"].sum() == 0
    # Kinds nobody was seen of, and kinds that lie, are not judged.
    assert np.isnan(support.measures(poses, np.full_like(kinds, KINDS.index("lie")))["floating"]).all()


def test_few_people_say_nothing_of_the_floor() -> None:
    samples = upright_people(4)
    points = np.arange(4)
    support = support_at(samples, points)
    found = support.measures(samples.normalised_unit(points).astype(float), samples.kinds.astype(int))
    assert np.isnan(found["floating"]).all()


def test_size_is_compared_with_people_of_the_same_kind() -> None:
    samples = upright_people(3)
    points = np.arange(3)
    truth = judge.truth_at(samples, points)
    kinds = np.array([[0], [0], [4]])
    said = truth.poses[:, None] * np.array([1.0, 1.25, 1.0])[:, None, None, None]
    found = judge.per_point(judge.Answers(said, np.zeros_like(kinds), kinds), truth)
    np.testing.assert_allclose(found["size_bias"], [0, np.log(1.25), np.nan], atol=1e-6)
    np.testing.assert_allclose(found["size_error"], np.abs(found["size_bias"]))


def test_cases_are_the_best_the_median_and_the_worst() -> None:
    values = np.array([0.1, 0.9, np.nan, 0.5, 0.2, 0.8, 0.4, 0.3])
    assert cases.pick(values, 2) == [
        ("best", 1), ("best", 5), ("median", 6), ("median", 3), ("worst", 0), ("worst", 4),
    ] or cases.pick(values, 2) == [
        ("best", 1), ("best", 5), ("median", 3), ("median", 6), ("worst", 0), ("worst", 4),
    ]  # fmt: skip
    few = cases.pick(values[:2], 3)
    assert len(few) == len({row for _, row in few}) == 2


def test_a_pack_is_the_source_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "open_source", lambda name, split: tiny.source())
    pack.main(pack.PackConfig(data="tiny", out=tmp_path / "pack", height=36, quality=90, splits=["val"]))
    source = open_source(f"pack:{tmp_path / 'pack'}", "val")
    assert source.picture(1).size == (48, 36)
    plain = tiny.samples()
    np.testing.assert_allclose(source.samples.keypoints, plain.keypoints, atol=0.01)
    # Smaller pictures, the same points: views show the same place.
    encoder, heads = tiny.encoder(), {"scenepose": tiny.head()}
    points = judge.judged_points(plain)[:4]
    ours, theirs = (
        judge.answer(encoder, heads, one, points, workers=0, progress=False)["scenepose"].scores
        for one in (source, tiny.source())
    )
    assert ours is not None
    assert theirs is not None
    assert np.abs(ours - theirs).max() < 0.2
    settings = TrainConfig(data=["tiny"], out=tmp_path, frames=2)
    first, second = (
        Batches([one], tiny.template_set(), settings, view_size=64)[0] for one in (source, tiny.source())
    )
    for name in ("position", "scale", "normalised", "hidden", "told", "positive"):
        x, y = getattr(first, name), getattr(second, name)
        torch.testing.assert_close(x, y, equal_nan=True, atol=2e-2 if name == "position" else 2e-3, rtol=1e-3)


def test_a_point_is_given_in_the_pixels_of_the_stored_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "open_source", lambda name, split: tiny.source())
    pack.main(pack.PackConfig(data="tiny", out=tmp_path / "pack", height=36, splits=["val"]))
    source, plain = open_source(f"pack:{tmp_path / 'pack'}", "val"), tiny.source()
    for point in range(len(plain.samples)):
        small, full = source.at(point), plain.at(point)
        assert (small.picture.size, full.picture.size) == ((48, 36), (96, 72))
        np.testing.assert_allclose(small.point, full.point / 2, atol=0.01)
        np.testing.assert_allclose(small.pose, full.pose / 2, atol=0.01)
        assert (small.known == full.known).all()
    nobody = plain.at(len(plain.samples) - 1)
    assert not nobody.known.any()
    assert np.isnan(nobody.pose).all()


def test_a_pack_can_be_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(pack, "open_source", lambda name, split: tiny.source())
    pack.main(pack.PackConfig(data="tiny", out=tmp_path / "pack", splits=["train", "val"]))
    capsys.readouterr()
    for data, frames in ((f"pack:{tmp_path / 'pack'}", 8), (f"pack:{tmp_path / 'pack'}:val", 4)):
        stats.main(stats.StatsConfig(data))
        counted = json.loads(capsys.readouterr().out)
        assert counted["frames"] == frames
        assert counted["samples"] == frames // 4 * 11
    with pytest.raises(FileNotFoundError, match=r"has no samples: there is no file .*test\.npz"):
        stats.main(stats.StatsConfig(f"pack:{tmp_path / 'pack'}:test"))


@pytest.mark.slow
def test_ablation_trains_its_rows_once_and_writes_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(name: str, split: str):
        return tiny.source(frames=8, seed=("train", "val", "test").index(split))

    for module in (ablate, teacher, scenepose, evaluate):
        monkeypatch.setattr(module, "open_source", opened)
    monkeypatch.setattr(evaluate, "parse_source", lambda name, split: (name, "", split))
    monkeypatch.setitem(ablate.ROWS, "full method", ablate.Row("", templates=("kmeans", 5)))
    monkeypatch.setitem(ablate.ROWS, "without RoIAlign", ablate.Row("modules", {"roi": 0}, ("kmeans", 5)))
    config = ablate.AblateConfig(
        data=["tiny"], rows=["full method", "without RoIAlign"], out=tmp_path / "runs",
        table=tmp_path / "table.md", steps=2, teacher_steps=1, frames=1, view_size=32, backbone="none",
        validations=1, limit=3, refresh_points=3, device="cpu", workers=0, freeze_stages=4,
    )  # fmt: skip
    ablate.main(config)
    text = (tmp_path / "table.md").read_text()
    assert text.count("\n| ") == 2
    assert "2 steps of 1 frames" in text
    each = [json.loads((tmp_path / f"runs/{name}/results.json").read_text())["each"]["pck"]
            for name in ("full-method", "without-roialign")]  # fmt: skip
    less = np.mean(np.subtract(each[1], each[0]))
    assert f"| without RoIAlign | {less:+.3f} (" in text
    saved = json.loads((tmp_path / "runs/without-roialign/config.json").read_text())
    assert saved["model"]["roi"] == 0
    monkeypatch.setattr(scenepose, "main", lambda config: pytest.fail("trained again"))
    ablate.main(config)
    assert (tmp_path / "table.md").read_text() == text
    with pytest.raises(ValueError, match="another steps"):
        ablate.main(replace(config, steps=3))
    with pytest.raises(ValueError, match="no row 'hats'"):
        replace(config, rows=["hats"])


def test_ablation_on_a_given_feature_map_leaves_out_rows_that_change_it() -> None:
    config = ablate.AblateConfig(data=["rooms"], encoder=Path("weights"))
    assert "local view alone" not in config.chosen
    assert "without RoIAlign" in config.chosen
    settings = ablate.training_of("without RoIAlign", config)
    assert (settings.init, settings.init_parts) == (Path("weights"), "encoder")
    assert settings.freeze_encoder
    with pytest.raises(ValueError, match="'local view alone' changes the feature map"):
        replace(config, rows=["local view alone"])


def test_every_row_of_the_ablation_can_be_built() -> None:
    config = ablate.AblateConfig(data=["rooms"])
    settings = [ablate.training_of(name, config) for name in ablate.ROWS]
    assert len({str(one.out) for one in settings}) == len(ablate.ROWS)
    by_name = dict(zip(ablate.ROWS, settings, strict=True))
    assert by_name["without scale loss"].scale_weight == 0
    assert not by_name["local view alone"].encoder.three_views
    pixels = by_name["views of pixels"]
    assert (pixels.encoder.views, pixels.encoder.surfaces, pixels.surface_weight) == ("pixels", 0, 0)
    assert not by_name["not told the position"].encoder.tell_position
    assert not by_name["without hidden joints"].model.hidden_joints
    assert not by_name["without the prior"].prior
    assert by_name["full method"].prior
    assert by_name["full method"].encoder.views == "maps"
    assert by_name["k-means, K = 30"].templates.name == "templates-kmeans-30.json"
    assert by_name["full method"].distillation_weight > 0


def test_the_highest_score_tells_where_nobody_fits() -> None:
    tops, nobody = np.array([0.9, 0.8, 0.4]), np.array([0.1, 0.5])
    found = evaluate.nobody_quality(tops, nobody, np.ones(3))
    assert found["nobody_auc"] == pytest.approx(5 / 6)
    assert found["nobody_below_half"] == 0.5
    assert found["somebody_below_half"] == pytest.approx(1 / 3)
    assert evaluate.nobody_quality(np.array([0.9]), np.zeros(0), np.ones(1)) == {}
    rarer = evaluate.nobody_quality(tops, nobody, np.array([1, 1, 0]))
    assert (rarer["nobody_auc"], rarer["somebody_below_half"]) == (1, 0)
