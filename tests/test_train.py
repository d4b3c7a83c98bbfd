"""Batches, augmentation, the training loop and `evaluate`, with a tiny model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from scenepose.data.samples import KINDS
from scenepose.features import fingerprint
from scenepose.metrics import pck
from scenepose.model.checkpoint import load_checkpoint
from tests import tiny
from train import balance, calibrate, evaluate, release, scenepose, teacher, templates
from train import card as cards
from train.__main__ import COMMANDS
from train.augment import Change, draw_change, no_change
from train.batches import Batches, Sampler, Views, kinds_that_fit
from train.config import AugmentConfig, TeacherConfig, TrainConfig
from train.labels import Labels
from train.loop import start, train_on
from train.targets import targets_of

STILL = AugmentConfig(
    mirror=False, crop=1.0, smallest_height=999, aspect=0.0, colour=0.0, jpeg=0.0, noise=0.0
)


def config(folder: Path, **changes) -> TrainConfig:
    settings = TrainConfig(
        data=["tiny"], out=folder, templates=folder / "templates.json", backbone="none", steps=4, frames=2,
        points_per_frame=2, warmup=2, validate_every=100, validate_points=6, workers=0, device="cpu",
        lr=1e-3, distillation_weight=0.0, adversarial_weight=0.0, self_training=False,
        model=replace(tiny.CONFIG, dropout=0.1),
    )  # fmt: skip
    return replace(settings, **changes)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    tiny.template_set().save(tmp_path / "templates.json")
    return tmp_path


def prepared(settings: TrainConfig) -> scenepose.ScenePoseRun:
    accelerator = start(settings)
    templates = tiny.template_set()
    run = scenepose.ScenePoseRun(settings, templates, accelerator, [tiny.source()], [tiny.source(seed=1)])
    run.resume()
    return run


def batches_of(run: scenepose.ScenePoseRun) -> Batches:
    return Batches([tiny.source()], run.model.template_set, run.config, view_size=64)


def test_batch_is_a_function_of_seed_and_step(out: Path) -> None:
    batches = Batches([tiny.source()], tiny.template_set(), config(out), view_size=64)
    one, same, other = batches[3], batches[3], batches[4]
    assert isinstance(one.views, Views)
    assert isinstance(same.views, Views)
    assert isinstance(other.views, Views)
    for x, y in zip([*one.views, *one[1:]], [*same.views, *same[1:]], strict=True):
        torch.testing.assert_close(x, y, equal_nan=True)
    assert not torch.equal(one.views.whole, other.views.whole)
    assert one.views.whole.shape == (2, 3, 64, 64)
    assert one.views.local.shape == (4, 3, 64, 64)
    assert one.frame.tolist() == [0, 0, 1, 1]


def test_parts_of_several_processes_are_the_whole_batch(out: Path) -> None:
    settings = config(out, frames=4)
    whole = Batches([tiny.source()], tiny.template_set(), settings, view_size=64)[2]
    parts = [
        Batches([tiny.source()], tiny.template_set(), settings, view_size=64, part=(rank, 2))[2]
        for rank in range(2)
    ]
    assert isinstance(whole.views, Views)
    for rank, part in enumerate(parts):
        assert isinstance(part.views, Views)
        mine = torch.isin(whole.frame, torch.tensor([rank, rank + 2]))
        assert torch.equal(part.sample, whole.sample[mine])
        assert torch.equal(part.views.detail, whole.views.detail[mine])
        assert torch.equal(part.views.whole, whole.views.whole[rank::2])
    with pytest.raises(ValueError, match="3 processes share 2 frames"):
        Batches([tiny.source()], tiny.template_set(), config(out), view_size=64, part=(0, 3))


def test_views_cut_on_the_device_are_those_of_pillow(out: Path) -> None:
    for seed in range(3):
        settings = config(out, seed=seed)
        here, there = (
            Batches([tiny.source()], tiny.template_set(), settings, view_size=64, cut=cut)
            for cut in (True, False)
        )
        plain, uncut = here[0], next(iter(DataLoader(there, batch_size=None, num_workers=int(seed == 0))))
        device = torch.device("cpu")
        ours, theirs = uncut.moved(device, 64).views, plain.moved(device, 64).views
        assert isinstance(ours, Views)
        assert isinstance(theirs, Views)
        for x, y in zip(ours, theirs, strict=True):
            # A colour step is 0.0175; Pillow rounds twice.
            assert (x - y).abs().max() < 0.03
            assert torch.equal(x == 0, y == 0) or ((x == 0) != (y == 0)).float().mean() < 0.02


def test_change_keeps_points_inside_and_scales_them_with_the_picture() -> None:
    points = np.array([[5.0, 60.0], [90.0, 70.0]])
    for seed in range(20):
        change = draw_change(np.random.default_rng(seed), (96, 72), points, AugmentConfig(crop=0.7))
        moved = change.points(points)
        assert (moved >= -1e-6).all()
        assert (moved <= np.array([change.width, change.height]) + 1e-6).all()
        picture = tiny.source().picture(0)
        assert change.picture(picture).size == (change.width, change.height)


def test_mirror_twice_is_the_identity() -> None:
    source = tiny.source()
    mirrored = no_change(96, 72)._replace(mirrored=True)
    keypoints = source.samples.keypoints.astype(float)
    np.testing.assert_allclose(mirrored.keypoints(mirrored.keypoints(keypoints)), keypoints, atol=1e-9)
    picture = source.picture(0)
    assert mirrored.picture(mirrored.picture(picture)).tobytes() == picture.tobytes()
    # Keypoints and points move with the picture.
    np.testing.assert_allclose(mirrored.points(np.array([[10.0, 20.0]])), [[86.0, 20.0]])
    pixel = np.asarray(picture)[20, 10]
    assert (np.asarray(mirrored.picture(picture))[20, 85] == pixel).all()


def test_mirroring_reassigns_the_nearest_template() -> None:
    samples, sets = tiny.samples(), tiny.template_set()
    plain = targets_of(samples, np.array([0]), no_change(96, 72), sets, "nearest")
    turned = targets_of(samples, np.array([0]), no_change(96, 72)._replace(mirrored=True), sets, "nearest")
    np.testing.assert_allclose(turned.scale, plain.scale, rtol=1e-5)
    assert turned.template[0] == sets.nearest(turned.normalised)[0]
    assert plain.template[0] == sets.nearest(plain.normalised)[0]


def test_first_labels_and_targets_agree_within_the_posture_too() -> None:
    source, sets = tiny.source(), replace(tiny.template_set(), assign="posture")
    points = np.flatnonzero(source.samples.primary_rows >= 0)
    labels = Labels.none([source], sets)
    kinds = np.array(sets.kinds)
    differ = 0
    for point in points:
        change = no_change(96, 72)
        frame = source.samples.select(np.array([point]))
        for side, mirrored in enumerate((False, True)):
            found = targets_of(frame, np.array([0]), change._replace(mirrored=mirrored), sets)
            assert found.template[0] == labels.nearest[point, side]
        sits = KINDS[source.samples.kinds[source.samples.primary_rows[point]]] == "sit"
        assert (kinds[labels.nearest[point]] == "sit").all() == sits
        differ += found.template[0] != replace(sets, assign="shape").nearest(found.normalised)[0]
    assert differ  # else this would show nothing


def test_targets_give_back_the_pose_and_negatives_are_all_negative() -> None:
    samples, sets = tiny.samples(), tiny.template_set()
    change = Change(0, 0, 96, 72, 48, 36)
    found = targets_of(samples, np.array([0, len(samples) - 1]), change, sets, "nearest")
    row = samples.primary_rows[0]
    np.testing.assert_allclose(
        found.normalised[0] * found.scale[0] * 72,
        samples.keypoints[row] - (samples.keypoints[row].max(0) + samples.keypoints[row].min(0)) / 2,
        atol=1e-3,
    )
    assert found.fits.tolist() == [True, False]
    assert found.positive.sum(1).tolist() == [1, 0]
    assert found.counted.all()


def test_valid_targets_mark_all_poses_and_skip_untried_kinds() -> None:
    samples, sets = tiny.samples(poses_each=3), tiny.template_set()
    found = targets_of(samples, np.array([0]), no_change(96, 72), sets, "valid")
    relative = samples.normalised_unit(samples.pose_rows(0))
    expected = set(sets.nearest(relative / np.ptp(relative, axis=1)[:, None]).tolist())
    assert set(np.flatnonzero(found.positive[0]).tolist()) == expected
    untried = np.array([kind == "walk" for kind in sets.kinds])
    assert not found.counted[0, untried & (found.positive[0] == 0)].any()
    assert found.counted[0, ~untried].all()
    soft = targets_of(samples, np.array([0]), no_change(96, 72), sets, "soft")
    assert soft.positive[0, soft.template[0]] == 1
    others = [template for template in expected if template != soft.template[0]]
    assert (soft.positive[0, others] == 0.5).all()
    assert soft.positive[0].sum() == 1 + 0.5 * len(others)


def test_scales_of_other_poses_teach_their_templates() -> None:
    samples, sets = tiny.samples(poses_each=3), tiny.template_set()
    point = np.array([0, len(samples) - 1])
    paper = targets_of(samples, point, no_change(96, 72), sets, scales="nearest")
    assert paper.sized.sum(1).tolist() == [1, 0]
    np.testing.assert_array_equal(paper.scales[0, paper.template[0]], paper.scale[0])
    every = targets_of(samples, point, no_change(96, 72), sets, scales="valid")
    relative = samples.normalised_unit(samples.pose_rows(0))
    sides = np.ptp(relative, axis=1)
    nearest = sets.nearest(relative / sides[:, None])
    assert set(np.flatnonzero(every.sized[0]).tolist()) == set(nearest.tolist())
    np.testing.assert_array_equal(every.scales[0, every.template[0]], every.scale[0])
    for template in set(nearest.tolist()) - {int(every.template[0])}:
        np.testing.assert_allclose(every.scales[0, template], sides[nearest == template].mean(0), rtol=1e-4)


def test_scales_do_not_depend_on_the_order_of_poses() -> None:
    samples, sets = tiny.samples(poses_each=6), tiny.template_set()
    first = targets_of(samples, np.arange(5), no_change(96, 72), sets, scales="valid")
    order = np.arange(len(samples.kinds)).reshape(-1, 6)[:, [0, 5, 4, 3, 2, 1]].reshape(-1)
    turned = replace(samples, **{name: getattr(samples, name)[order] for name in ("keypoints", "kinds")})
    again = targets_of(turned, np.arange(5), no_change(96, 72), sets, scales="valid")
    np.testing.assert_allclose(first.scales, again.scales, rtol=1e-5)
    assert (first.sized.sum(1) < 6).any()  # some share a template


def test_sampler_keeps_the_share_of_negatives_and_balances_kinds(out: Path) -> None:
    source = tiny.source(frames=20)
    sampler = Sampler(source, config(out, negatives=0.2, balance=1.0))
    rows = source.samples.primary_rows
    assert sampler.weights[rows < 0].sum() / sampler.weights.sum() == pytest.approx(0.2)
    kinds = source.samples.kinds[rows[rows >= 0]]
    shares = [sampler.weights[rows >= 0][kinds == kind].sum() for kind in np.unique(kinds)]
    assert max(shares) == pytest.approx(min(shares))


def test_sampler_draws_places_that_tell_more_often(out: Path) -> None:
    source = tiny.source()
    many = kinds_that_fit(source.samples)
    fits = source.samples.primary_rows >= 0
    for point in np.flatnonzero(fits):
        rows = source.samples.pose_rows(int(point))
        assert many[point] == len(set(source.samples.kinds[rows].tolist()))
    assert len(np.unique(many[fits])) > 1
    weights = Sampler(source, config(out, negatives=0.2, telling=0.5)).weights
    np.testing.assert_allclose(weights[fits] * np.sqrt(many[fits]), weights[fits][0] * np.sqrt(many[fits][0]))
    assert weights[~fits].sum() == pytest.approx(0.2 * weights.sum())


def test_one_batch_can_be_overfitted(out: Path) -> None:
    settings = config(
        out, steps=300, warmup=5, ema=0.0, augment=STILL, lr=3e-3, negatives=0.0, frames=3,
        points_per_frame=1,
        model=replace(tiny.CONFIG, freeze_stages=4),
    )  # fmt: skip
    run = prepared(settings)
    batch = batches_of(run)[0]
    first = run.train_step(batch)["total"]
    for _ in range(119):
        last = run.train_step(batch)["total"]
    assert last < 0.2 * first, (first, last)
    run.model.eval()
    assert isinstance(batch.views, Views)
    said = run.model(*batch.views, frame=batch.frame)
    assert (said.logits.argmax(1) == batch.template).all()
    rows = torch.arange(len(batch.template))
    found = said.poses[rows, batch.template].detach().numpy()
    truth = (batch.normalised * batch.scale[:, None]).numpy()
    assert pck(found, truth, batch.known.numpy()).mean() > 0.9


def test_other_settings_do_not_continue_a_run(out: Path) -> None:
    run = prepared(config(out, out=out / "a"))
    run.save()
    with pytest.raises(ValueError, match=r"another lr; use --restart"):
        prepared(config(out, out=out / "a", lr=0.5))
    assert prepared(config(out, out=out / "a", lr=0.5, restart=True)).step == 0


def test_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(out: Path) -> None:
    run = prepared(config(out, out=out / "a"))
    run.save()
    before = (out / "a/state.pt").read_bytes()
    batch = batches_of(run)[0]
    bad = batch._replace(scales=batch.scales * torch.nan)
    with pytest.raises(FloatingPointError, match="step 1 is not finite"):
        train_on(run, [batch, bad, batch, batch])
    assert (out / "a/state.pt").read_bytes() == before


def test_frozen_encoder_keeps_its_fingerprint_while_the_rest_learns(out: Path) -> None:
    run = prepared(config(out, freeze_encoder=True))
    before = run.model.foundation.classifier.weight.detach().clone()
    known = fingerprint(run.model)
    run.train_step(batches_of(run)[0])
    assert fingerprint(run.model) == known
    assert not torch.equal(run.model.foundation.classifier.weight, before)
    with run.averaged():
        assert fingerprint(run.model) == known


def test_init_says_what_it_leaves_fresh(out: Path) -> None:
    run = prepared(config(out, out=out / "a"))
    run.validate()
    told = replace(tiny.CONFIG, tell_place=True)
    other = prepared(config(out, out=out / "b", init=out / "a/last.safetensors", model=told))
    assert scenepose.told(other.fresh) == "foundation.place (4 tensors)"
    bias = other.model.foundation.fusion.bias
    assert bias is not None
    assert torch.equal(bias, run.average.weights["generator.foundation.fusion.bias"])


def test_init_of_the_encoder_alone_leaves_all_that_reads_it_fresh(out: Path) -> None:
    run = prepared(config(out, out=out / "a", seed=1))
    run.validate()
    taken = {"init": out / "a/last.safetensors", "init_parts": "encoder"}
    other = prepared(config(out, out=out / "b", **taken))
    assert fingerprint(other.model) == fingerprint(load_checkpoint(taken["init"]))
    alone = prepared(config(out, out=out / "c"))
    theirs, ours = alone.model.scale_transformer.state_dict(), other.model.scale_transformer.state_dict()
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)
    with pytest.raises(ValueError, match="makes its feature map in another way"):
        prepared(config(out, out=out / "d", model=replace(tiny.CONFIG, tell_place=True), **taken))


def test_train_evaluate_and_release_end_to_end(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(name: str, split: str):
        return tiny.source(frames=8, seed=("train", "val", "test").index(split))

    for module in (templates, teacher, scenepose, evaluate, calibrate, balance):
        monkeypatch.setattr(module, "open_source", opened)
    monkeypatch.setattr(evaluate, "parse_source", lambda name, split: (name, "", split))
    templates.main(templates.TemplatesConfig(data=["tiny"], out=out / "templates", count=5, candidates=9))
    assert (out / "templates/candidates.png").is_file()
    run = out / "run"
    picked = out / "templates/picked.json"
    shared = {
        name: getattr(config(out), name) for name in ("frames", "points_per_frame", "warmup", "backbone")
    }
    teacher.main(
        TeacherConfig(
            data=["tiny"], out=out / "teacher", templates=picked, steps=2, validate_points=6, workers=0,
            view_size=64, features=24, device="cpu", **shared,
        )
    )  # fmt: skip
    scenepose.main(
        config(
            out, out=run, templates=picked, steps=2, teacher=out / "teacher/best.safetensors",
            distillation_weight=1.0, adversarial_weight=0.1, self_training=True, epoch_steps=1, stable=0.0,
            latest_switch=0.1,
        )
    )  # fmt: skip
    assert json.loads((run / "log.jsonl").read_text())["step"] == 2
    release.main(release.ReleaseConfig(run=run, out=out / "weights/scenepose.safetensors"))
    card = (out / "weights/scenepose.md").read_text()
    assert "2 steps" in card
    assert "With distillation from a teacher, self-training in two stages, the adversarial loss." in card
    assert "The teacher's offsets are " in card
    assert "Calibrated on 24 validation points, 1 of them where nobody fits" in card
    evaluate.main(
        evaluate.EvaluateConfig(
            data=["tiny"], out=out / "eval", checkpoints=out / "weights", more=out / "none", limit=12,
            workers=0,
        )
    )  # fmt: skip
    (out / "verdicts.md").write_text("| anna | 5 |\n")
    weights, results = out / "weights/scenepose.safetensors", out / "eval/results.json"
    tables = [out / "a.md", out / "b.md"]
    for path in tables:
        path.write_text(f"| {path.stem} without |\n")
    cards.main(cards.CardConfig(weights, results=[results], verdicts=out / "verdicts.md", ablation=tables))
    card = (out / "weights/scenepose.md").read_text()
    assert "## Parts left out\n\n| a without |\n\n| b without |\n" in card
    assert "## Known failures" not in card
    assert "## Measured on tiny:test\n\n12 points in" in card
    assert "| anna | 5 |" in card
    assert "| stand |" in card
    results = json.loads(results.read_text())
    assert results["count"] == 12
    assert set(results["methods"]) == {"scenepose", "constant", "truth"}
    for row in results["methods"].values():
        assert {"pck", "mse", "pck_top3", "pck_top5", "pck_interval", "pck_minus_constant"} <= set(row)
    assert results["methods"]["scenepose"]["ms_per_click"] > 0
    assert results["methods"]["constant"]["pck_minus_constant"] == [0, 0, 0]
    assert results["methods"]["truth"]["pck"] is not None
    assert results["methods"]["scenepose"]["nobody_points"] == 1
    assert 0 <= results["methods"]["scenepose"]["nobody_auc"] <= 1
    text = (out / "eval/results.md").read_text()
    assert "PCK@0.2" in text
    assert "of tiny (test)" in text
    curves = results["pck_over_threshold"]
    assert set(curves) == {"thresholds", "scenepose", "constant", "truth"}
    assert sorted(curves["constant"]) == curves["constant"]
    assert np.sum(results["methods"]["scenepose"]["confusion"]) == 12
    names = {path.name for path in (out / "eval").iterdir()}
    assert {"pck.png", "reliability-scenepose.png", "confusion-scenepose.png", "cases-scenepose.jpg"} <= names


def test_every_command_can_be_called() -> None:
    assert {"templates", "teacher", "scenepose", "evaluate", "release"} <= set(COMMANDS)
