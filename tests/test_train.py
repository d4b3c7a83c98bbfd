"""Batches, augmentation, the training loop and `evaluate`, with a tiny model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scenepose.data.prior import KIND_PRIOR
from scenepose.model.checkpoint import fingerprint, load_encoder
from scenepose.pose.geometry import position_in_picture
from scenepose.pose.kinds import KINDS
from scenepose.pose.metrics import pck
from scenepose.pose.skeleton import MIRROR
from tests import tiny
from train.__main__ import COMMANDS
from train.fit import main as scenepose
from train.fit import teacher, templates
from train.fit.augment import Change, draw_change
from train.fit.batches import Batch, Batches, Sampler, kinds_that_fit
from train.fit.config import AugmentConfig, TeacherConfig, TrainConfig
from train.fit.labels import Labels
from train.fit.loop import BEST, LAST, start, train_on
from train.fit.targets import targets_of
from train.judge import evaluate
from train.ship import balance, calibrate, release
from train.ship import card as cards

STILL = AugmentConfig(
    mirror=False, crop=1.0, smallest_height=999, aspect=0.0, colour=0.0, jpeg=0.0, noise=0.0
)


def config(folder: Path, **changes) -> TrainConfig:
    settings = TrainConfig(
        data=["tiny"], out=folder, templates=folder / "templates.json", backbone="none", steps=4, frames=2,
        points_per_frame=2, warmup=2, validate_every=100, validate_points=6, workers=0, device="cpu",
        lr=1e-3, distillation_weight=0.0, adversarial_weight=0.0, self_training=False, surface_weight=0.0,
        assign="shape", encoder=tiny.ENCODER, model=replace(tiny.CONFIG, dropout=0.1),
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
    return Batches([tiny.source()], run.student.head.template_set, run.config, view_size=64)


def assert_same(one: Batch, other: Batch) -> None:
    assert one.sizes == other.sizes
    for name, x in one._asdict().items():
        if name != "sizes":
            torch.testing.assert_close(x, getattr(other, name), equal_nan=True, atol=0, rtol=0)


def test_batch_is_a_function_of_seed_and_step(out: Path) -> None:
    batches = Batches([tiny.source()], tiny.template_set(), config(out), view_size=64)
    one, same, other = batches[3], batches[3], batches[4]
    assert_same(one, same)
    assert one.pixels.shape != other.pixels.shape or not torch.equal(one.pixels, other.pixels)
    assert [points for _, _, points in one.sizes] == [2, 2]
    assert [picture.shape[1:] for picture in one.pictures] == [size[:2] for size in one.sizes]
    assert len(one.position) == 4
    assert torch.equal(torch.cat(one.positions), one.position)


def test_parts_of_several_processes_are_the_whole_batch(out: Path) -> None:
    settings = config(out, frames=4)
    whole = Batches([tiny.source()], tiny.template_set(), settings, view_size=64)[2]
    parts = [
        Batches([tiny.source()], tiny.template_set(), settings, view_size=64, part=(rank, 2))[2]
        for rank in range(2)
    ]
    pictures, points = whole.pictures, whole.positions
    for rank, part in enumerate(parts):
        assert all(torch.equal(x, y) for x, y in zip(part.pictures, pictures[rank::2], strict=True))
        assert torch.equal(part.position, torch.cat(points[rank::2]))
        mine = torch.cat([torch.full((2,), frame % 2 == rank) for frame in range(4)])
        assert torch.equal(part.sample, whole.sample[mine])
    with pytest.raises(ValueError, match="3 processes share 2 frames"):
        Batches([tiny.source()], tiny.template_set(), config(out), view_size=64, part=(0, 3))


def test_points_and_their_views_are_where_the_pose_is(out: Path) -> None:
    batch = Batches([tiny.source()], tiny.template_set(), config(out, augment=STILL), view_size=64)[1]
    samples = tiny.samples()
    for row, point in enumerate(batch.sample):
        x, y = (float(value) for value in samples.points[int(point)])
        torch.testing.assert_close(batch.position[row], torch.tensor(position_in_picture((x, y), 96, 72)))
    views = batch.local_views(torch.tensor([0, 3]), 64)
    assert views.shape == (2, 3, 64, 64)
    torch.testing.assert_close(batch.local_views(torch.tensor([3]), 64)[0], views[1])


def test_some_points_are_taught(out: Path) -> None:
    settings = config(out, points_per_frame=4, teacher_share=0.3)
    batch = Batches([tiny.source(11)], tiny.template_set(), settings, view_size=64)[0]
    for taught in batch.taught.split([points for _, _, points in batch.sizes]):
        assert taught.sum() == np.ceil(0.3 * len(taught))


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
    mirrored = tiny.NO_CHANGE._replace(mirrored=True)
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
    plain = targets_of(samples, np.array([0]), tiny.NO_CHANGE, sets, "nearest")
    turned = targets_of(samples, np.array([0]), tiny.NO_CHANGE._replace(mirrored=True), sets, "nearest")
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
        change = tiny.NO_CHANGE
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
    found = targets_of(samples, np.array([0]), tiny.NO_CHANGE, sets, "valid")
    relative = samples.normalised_unit(samples.pose_rows(0))
    expected = set(sets.nearest(relative / np.ptp(relative, axis=1)[:, None]).tolist())
    assert set(np.flatnonzero(found.positive[0]).tolist()) == expected
    untried = np.array([kind == "walk" for kind in sets.kinds])
    assert not found.counted[0, untried & (found.positive[0] == 0)].any()
    assert found.counted[0, ~untried].all()


def test_hidden_joints_are_those_behind_furniture_in_the_picture() -> None:
    samples, sets = tiny.samples(), tiny.template_set()
    row = int(samples.primary_rows[0])
    samples.visibility[row, :3] = [1, 1, 0]  # hidden, hidden, unknown
    samples.keypoints[row, :4] = [[10, 10], [-5, 10], [20, 20], [95.5, 10]]
    found = targets_of(samples, np.array([0]), tiny.NO_CHANGE, sets)
    assert found.hidden[0, :4].tolist() == [True, False, False, False]
    assert found.told[0, :4].tolist() == [True, False, False, True]
    cropped = targets_of(samples, np.array([0]), Change(0, 0, 90, 72, 90, 72), sets)
    assert not cropped.told[0, 3], "it lies beyond what is kept"
    turned = targets_of(samples, np.array([0]), tiny.NO_CHANGE._replace(mirrored=True), sets)
    assert turned.hidden[0, MIRROR[0]]
    assert turned.told[0].sum() == found.told[0].sum()


def test_scales_of_other_poses_teach_their_templates() -> None:
    samples, sets = tiny.samples(poses_each=3), tiny.template_set()
    point = np.array([0, len(samples) - 1])
    paper = targets_of(samples, point, tiny.NO_CHANGE, sets, scales="nearest")
    assert paper.sized.sum(1).tolist() == [1, 0]
    np.testing.assert_array_equal(paper.scales[0, paper.template[0]], paper.scale[0])
    every = targets_of(samples, point, tiny.NO_CHANGE, sets, scales="valid")
    relative = samples.normalised_unit(samples.pose_rows(0))
    sides = np.ptp(relative, axis=1)
    nearest = sets.nearest(relative / sides[:, None])
    assert set(np.flatnonzero(every.sized[0]).tolist()) == set(nearest.tolist())
    np.testing.assert_array_equal(every.scales[0, every.template[0]], every.scale[0])
    for template in set(nearest.tolist()) - {int(every.template[0])}:
        np.testing.assert_allclose(every.scales[0, template], sides[nearest == template].mean(0), rtol=1e-4)


def test_scales_do_not_depend_on_the_order_of_poses() -> None:
    samples, sets = tiny.samples(poses_each=6), tiny.template_set()
    first = targets_of(samples, np.arange(5), tiny.NO_CHANGE, sets, scales="valid")
    order = np.arange(len(samples.kinds)).reshape(-1, 6)[:, [0, 5, 4, 3, 2, 1]].reshape(-1)
    turned = replace(samples, **{name: getattr(samples, name)[order] for name in ("keypoints", "kinds")})
    again = targets_of(turned, np.arange(5), tiny.NO_CHANGE, sets, scales="valid")
    np.testing.assert_allclose(first.scales, again.scales, rtol=1e-5)
    assert (first.sized.sum(1) < 6).any()  # some share a template


def test_sampler_keeps_the_share_of_negatives_and_follows_the_prior(out: Path) -> None:
    source = tiny.source(frames=20)
    rows = source.samples.primary_rows
    kinds = source.samples.kinds[rows[rows >= 0]]
    for prior in (True, False):
        sampler = Sampler(source, config(out, negatives=0.2, prior=prior))
        assert sampler.weights[rows < 0].sum() / sampler.weights.sum() == pytest.approx(0.2)
        weights = sampler.weights[rows >= 0]
        stand, sit = (weights[kinds == KINDS.index(kind)].sum() for kind in ("stand", "sit"))
        seen = (kinds == KINDS.index("stand")).sum() / (kinds == KINDS.index("sit")).sum()
        expected = KIND_PRIOR["stand"] / KIND_PRIOR["sit"] if prior else seen
        assert stand / sit == pytest.approx(expected)


def test_sampler_draws_places_that_tell_more_often(out: Path) -> None:
    source = tiny.source()
    many = kinds_that_fit(source.samples)
    fits = source.samples.primary_rows >= 0
    for point in np.flatnonzero(fits):
        rows = source.samples.pose_rows(int(point))
        assert many[point] == len(set(source.samples.kinds[rows].tolist()))
    assert len(np.unique(many[fits])) > 1
    weights = Sampler(source, config(out, negatives=0.2, telling=0.5, prior=False)).weights
    np.testing.assert_allclose(weights[fits] * np.sqrt(many[fits]), weights[fits][0] * np.sqrt(many[fits][0]))
    assert weights[~fits].sum() == pytest.approx(0.2 * weights.sum())


def test_one_batch_can_be_overfitted(out: Path) -> None:
    settings = config(
        out, steps=300, warmup=5, ema=0.0, augment=STILL, lr=3e-3, negatives=0.0, frames=3,
        points_per_frame=1, scale_error="absolute", pos_weight=1.0,
        encoder=replace(tiny.ENCODER, freeze_stages=4), model=tiny.CONFIG,
    )  # fmt: skip
    run = prepared(settings)
    batch = batches_of(run)[0]
    first = run.train_step(batch)["total"]
    for _ in range(119):
        last = run.train_step(batch)["total"]
    assert last < 0.2 * first, (first, last)
    encoder, head = run.student.encoder.eval(), run.student.head.eval()
    predicted = head.predict(encoder.features(batch.pictures, batch.positions).fused)
    assert (predicted.logits.argmax(1) == batch.template).all()
    rows = torch.arange(len(batch.template))
    found = predicted.poses[rows, batch.template].detach().numpy()
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
    encoder, head = run.student.encoder, run.student.head
    before, known = head.classifier.weight.detach().clone(), fingerprint(encoder)
    run.train_step(batches_of(run)[0])
    assert fingerprint(encoder) == known
    assert not torch.equal(head.classifier.weight, before)
    with run.averaged():
        assert fingerprint(encoder) == known


def test_init_says_what_it_leaves_fresh(out: Path) -> None:
    run = prepared(config(out, out=out / "a"))
    run.validate()
    told = replace(tiny.ENCODER, tell_position=True)
    other = prepared(config(out, out=out / "b", init=out / "a" / LAST, encoder=told))
    assert scenepose.told(other.fresh) == "encoder.position (4 tensors)"
    bias = other.student.encoder.fusion.bias
    assert bias is not None
    assert torch.equal(bias, run.average.weights["encoder.fusion.bias"])


def test_init_of_the_encoder_alone_leaves_all_that_reads_it_fresh(out: Path) -> None:
    run = prepared(config(out, out=out / "a", seed=1))
    run.validate()
    taken = {"init": out / "a" / LAST, "init_parts": "encoder"}
    other = prepared(config(out, out=out / "b", **taken))
    saved = load_encoder(out / "a" / LAST / "encoder.safetensors")
    assert fingerprint(other.student.encoder) == fingerprint(saved)
    alone = prepared(config(out, out=out / "c"))
    theirs, ours = (one.student.head.scale_transformer.state_dict() for one in (alone, other))
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)
    told = replace(tiny.ENCODER, tell_position=True)
    with pytest.raises(ValueError, match="is made in another way: it lacks position"):
        prepared(config(out, out=out / "d", encoder=told, **taken))


def test_templates_of_another_set_start_fresh(out: Path) -> None:
    prepared(config(out, out=out / "a")).validate()
    settings = config(out, out=out / "b", init=out / "a" / LAST)
    run = scenepose.ScenePoseRun(settings, tiny.template_set(7), start(settings), [tiny.source()], [])
    assert set(scenepose.told(run.fresh).split(", ")) == {
        "head.classifier (2 tensors)", "head.scale_transformer (2 tensors)",
    }  # fmt: skip


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
            view_size=64, features=24, device="cpu", assign="shape", **shared,
        )
    )  # fmt: skip
    scenepose.main(
        config(
            out, out=run, templates=picked, steps=2, teacher=out / "teacher" / BEST / "teacher.safetensors",
            distillation_weight=1.0, adversarial_weight=0.1, self_training=True, epoch_steps=1, stable=0.0,
            latest_switch=0.1,
        )
    )  # fmt: skip
    assert json.loads((run / "log.jsonl").read_text())["step"] == 2
    # After two steps it is chance whether higher scores mean more, without which there is nothing to fit.
    monkeypatch.setattr(calibrate, "fit_calibration", lambda *given: (1.0, -0.5))
    release.main(release.ReleaseConfig(run=run, out=out / "weights"))
    card = (out / "weights/scenepose.md").read_text()
    assert "2 steps" in card
    with_line = next(line for line in card.splitlines() if line.startswith("With "))
    for part in ("distillation from a teacher", "self-training in two stages", "the adversarial loss"):
        assert part in with_line
    assert "The teacher's offsets are " in card
    assert "Calibrated on 24 validation points, 1 of them where nobody fits" in card
    assert "views are windows of maps of the picture at heights of 64 and 128 pixels" in card
    assert {path.name for path in (out / "weights").iterdir()} == {
        "encoder.safetensors", "scenepose.safetensors", "scenepose.md",
    }  # fmt: skip
    best = load_encoder(run / BEST / "encoder.safetensors")
    assert fingerprint(load_encoder(out / "weights/encoder.safetensors")) == fingerprint(best)
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
    assert "weighed so that the kinds of pose are as frequent" in card
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
    confusion = np.sum(results["methods"]["scenepose"]["confusion"])
    assert confusion == pytest.approx(evaluate.open_judged(
        evaluate.EvaluateConfig(data=["tiny"], out=out, limit=12)
    )[0].weights.sum(), abs=0.1)  # fmt: skip
    names = {path.name for path in (out / "eval").iterdir()}
    assert {"pck.png", "reliability-scenepose.png", "confusion-scenepose.png", "cases-scenepose.jpg"} <= names


def test_every_command_can_be_called() -> None:
    assert {"templates", "teacher", "scenepose", "evaluate", "release"} <= set(COMMANDS)
