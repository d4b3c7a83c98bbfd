"""The training pipeline: what learns from what, the two stages, being killed, and several processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from scenepose.model.discriminator import Discriminator
from scenepose.model.losses import adversarial_loss, discriminator_loss, distillation_loss
from scenepose.model.teacher import Teacher
from tests import tiny, tiny_run
from train.fit import bench
from train.fit.labels import Labels, Stages, asked
from train.fit.loop import BEST, LAST, start
from train.fit.main import ScenePoseRun
from train.fit.step import frozen

pytestmark = pytest.mark.usefixtures("one_thread")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tiny_run.Recorded:
    return tiny_run.Recorded(tiny_run.settings(tmp_path_factory.mktemp("unbroken"))).run()


@pytest.mark.slow
def test_both_stages_use_what_they_should(unbroken: tiny_run.Recorded) -> None:
    first, last = unbroken.curve[0], unbroken.curve[-1]
    assert set(first) == {
        "classification",
        "scale",
        "offset",
        "surfaces",
        "hidden",
        "distillation",
        "total",
        "gradient",
    }
    assert set(last) - set(first) == {"adversarial", "discriminator"}
    log = [json.loads(line) for line in (unbroken.config.out / "labels.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [2, 3, 4]
    for line in log:
        assert {"precision", "recall", "added_per_point", "chance"} <= set(line)
    assert "changed" not in log[0]  # nothing had been labelled before
    assert (unbroken.config.out / "tensorboard").is_dir()
    for folder in (LAST, BEST):
        names = {path.name for path in (unbroken.config.out / folder).iterdir()}
        assert names == {"encoder.safetensors", "scenepose.safetensors"}


def test_the_teacher_stays_as_it_is_and_gives_no_gradient(unbroken: tiny_run.Recorded) -> None:
    teacher = unbroken.teacher
    assert isinstance(teacher, Teacher)
    assert not any(
        parameter.requires_grad or parameter.grad is not None for parameter in teacher.parameters()
    )
    torch.manual_seed(5)
    fresh = Teacher(features=12)
    for one, other in zip(fresh.parameters(), teacher.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)  # as stored, in half precision
    student = torch.zeros(2, 12, requires_grad=True)
    scales = torch.full((2, 2), 0.5, requires_grad=True)
    target = teacher.target(tiny.views(2, size=32), torch.zeros(2, 16, 2), scales)
    assert not target.requires_grad
    distillation_loss(student, target, torch.tensor([True, False])).backward()
    assert scales.grad is None
    assert student.grad is not None
    assert (student.grad[0] != 0).any()
    assert (student.grad[1] == 0).all()


def test_a_teacher_of_other_assignments_is_refused(tmp_path: Path) -> None:
    settings = tiny_run.settings(tmp_path, assign="posture")
    templates = replace(tiny.template_set(), assign="posture")
    with pytest.raises(ValueError, match="learnt with --assign shape, and this run has --assign posture"):
        ScenePoseRun(settings, templates, start(settings), [tiny.source()], [])


def test_discriminator_and_generator_pull_in_opposite_directions() -> None:
    torch.manual_seed(0)
    judge = Discriminator(channels=8)
    shapes, scales, pooled = torch.randn(6, 2, 16, 2), torch.rand(6, 2, 2), torch.randn(6, 8)
    fits, others = torch.ones(6, dtype=torch.bool), torch.tensor([[False, True]] * 6)
    optimiser = torch.optim.Adam(judge.parameters(), 1e-3)

    def gap() -> float:
        said = judge(shapes, scales, pooled)
        return float((said[:, 0] - said[:, 1]).mean().detach())

    before = gap()
    for _ in range(20):
        optimiser.zero_grad()
        said = judge(shapes, scales, pooled)
        discriminator_loss(said[:, 0], said, fits, others).backward()
        optimiser.step()
    assert gap() > before + 0.5
    judge.zero_grad()
    moving = shapes.clone().requires_grad_()
    with frozen(judge):
        loss = adversarial_loss(judge(moving, scales, pooled), others)
    loss.backward()
    assert all(parameter.grad is None and parameter.requires_grad for parameter in judge.parameters())
    assert moving.grad is not None
    assert (moving.grad[:, 0] == 0).all()  # the true template's pose has its own truth
    with torch.no_grad():
        moved = adversarial_loss(judge(shapes - 0.5 * moving.grad, scales, pooled), others)
    assert moved < loss


def test_labels_follow_the_threshold_and_are_checked_against_the_truth() -> None:
    source, sets = tiny.source(), tiny.template_set()
    labels = Labels.none([source], sets)
    everyone = np.arange(len(source.samples))
    points, plain = labels.due(everyone, np.zeros(len(everyone), bool), 0)
    assert points.tolist() == everyone[:-1].tolist()  # the last has no pose
    assert not plain.any()
    scores = np.zeros((len(points), 5))
    scores[0] = [0.9, 0.71, 0.69, 0.1, 0.72]
    assert np.isnan(labels.refresh(points, plain, scores, 0.7))  # there were no labels that could change
    expected = {0, 1, 4} - {int(labels.nearest[points[0], 0])}
    assert set(np.flatnonzero(labels.added[points[0], 0]).tolist()) == expected
    assert labels.added.sum() == len(expected)
    assert labels.refresh(points, plain, scores, 0.7) == 0
    scores[0] = [0.9, 0.71, 0.69, 0.1, 0.1]
    assert labels.refresh(points, plain, scores, 0.7) == pytest.approx(len(expected & {4}) / len(expected))
    assert np.isnan(labels.refresh(points, ~plain, scores, 0.7))  # mirrored, they had none
    # Labels that are the truth itself have a precision and a recall of 1.
    relative = source.samples.normalised_unit(np.arange(len(source.samples.kinds)))
    nearest = sets.nearest(relative / np.ptp(relative, axis=1)[:, None])
    truth = np.zeros((len(source.samples), 5))
    truth[source.samples.pose_points, nearest] = 1.0
    labels.refresh(points, plain, truth[points], 0.7)
    found = labels.checked([source], sets)
    assert found["precision"] == found["recall"] == 1
    labels.refresh(points, plain, np.ones((len(points), 5)), 0.7)
    everything = labels.checked([source], sets)
    assert everything["recall"] == 1
    assert everything["precision"] == pytest.approx(everything["chance"])
    assert everything["precision"] < 1


def test_only_labelled_points_are_checked() -> None:
    source, sets = tiny.source(), tiny.template_set()
    labels = Labels.none([source], sets)
    one = np.array([0])
    labels.refresh(one, np.array([False]), np.ones((1, 5)), 0.7)
    assert labels.checked([source], sets)["recall"] == 1


def test_labels_reach_the_batch_on_the_right_side_of_the_mirror(unbroken: tiny_run.Recorded) -> None:
    batch = unbroken.batches()[1]
    labels = Labels.none(unbroken.sources, unbroken.student.head.template_set)
    side = batch.mirrored.numpy().astype(int)
    fits = batch.fits.numpy()
    # What the labels take for nearest is what augmentation finds.
    assert (labels.nearest[batch.sample.numpy(), side][fits] == batch.template.numpy()[fits]).all()
    plain, wanted, others = labels.apply(batch)
    assert torch.equal(plain.positive, batch.positive)
    assert wanted.tolist() == batch.template[:, None].tolist()
    assert not others.any()
    row = int(np.flatnonzero(fits)[0])
    extra = (int(batch.template[row]) + 2) % 5
    labels.added[int(batch.sample[row]), side[row], extra] = True
    changed, wanted, others = labels.apply(batch)
    assert changed.positive[row, extra] == 1
    assert wanted.shape == (len(fits), 2)
    assert wanted[row].tolist() == [int(batch.template[row]), extra]
    assert others.sum() == 1
    assert others[row, 1]
    labels.added[int(batch.sample[row]), side[row], extra] = False
    labels.added[int(batch.sample[row]), 1 - side[row], extra] = True
    assert not labels.apply(batch)[2].any()
    assert asked(batch)[0].shape == (len(fits), 1)


def test_what_the_coming_batches_show_is_labelled_before(unbroken: tiny_run.Recorded) -> None:
    batches = unbroken.batches()
    for step in range(3):
        batch = batches.whole(step)
        shown, mirrored = batches.drawn(step)
        assert shown.tolist() == batch.sample.tolist()
        assert mirrored.tolist() == batch.mirrored.tolist()
    # Labels were refreshed after every step from the second on.
    for step in (2, 3, 4):
        batch = batches.whole(step)
        fits = batch.fits.numpy()
        sides = batch.mirrored.numpy().astype(int)
        assert unbroken.labels.labelled[batch.sample.numpy(), sides][fits].all()


def test_a_point_shown_twice_is_labelled_once_and_no_more_than_wanted() -> None:
    labels = Labels.none([tiny.source()], tiny.template_set())
    shown = np.array([4, 2, 4, 4, 7])
    mirrored = np.array([False, True, False, True, False])
    points, sides = labels.due(shown, mirrored, 0)
    assert list(zip(points.tolist(), sides.tolist(), strict=True)) == [
        (4, False), (2, True), (4, True), (7, False)
    ]  # fmt: skip
    assert labels.due(shown, mirrored, 2)[0].tolist() == [4, 2]


def test_second_stage_begins_when_accuracy_falls() -> None:
    stages = Stages()
    for step, accuracy in enumerate([0.1, 0.3, 0.2, 0.35, 0.3, 0.34, 0.4]):
        stages.seen(accuracy, step, patience=2)
    assert stages.switched == 5
    steady = Stages()
    for step in range(5):
        steady.seen(0.1 * step, step, patience=1)
    assert steady.switched == -1


@pytest.mark.slow
def test_training_ends_when_labels_are_stable(tmp_path: Path) -> None:
    run = tiny_run.Recorded(tiny_run.settings(tmp_path, stable=1.1, steps=20, latest_switch=0.05)).run()
    assert 1 < run.step < 20  # the switch, and later a point comes again, whose labels changed little
    assert "labels are stable" in run.ended
    again = tiny_run.Recorded(run.config)
    assert again.run().step == run.step


def _child(folder: Path) -> None:
    torch.set_num_threads(1)
    tiny_run.Recorded(tiny_run.settings(folder)).run()


@pytest.mark.slow
def test_killed_at_any_moment_a_run_ends_as_an_unbroken_one(
    unbroken: tiny_run.Recorded, tmp_path: Path
) -> None:
    tiny_run.settings(tmp_path)
    state = tmp_path / "run/state.pt"
    moments = np.random.default_rng().uniform(0, 0.4, 3)  # seconds after a saved state, another each time
    for moment in moments:
        before = state.stat().st_mtime_ns if state.is_file() else 0
        child = multiprocessing.get_context("fork").Process(target=_child, args=(tmp_path,))
        child.start()
        deadline = time.monotonic() + 120
        while child.is_alive() and time.monotonic() < deadline:
            if state.is_file() and state.stat().st_mtime_ns != before:
                time.sleep(moment)
                break
            time.sleep(0.005)
        assert child.pid is not None
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert state.is_file()
    again = tiny_run.Recorded(tiny_run.settings(tmp_path))
    assert again.step > 0, "nothing was saved before the kills"
    again.run()
    for name, module in unbroken.modules.items():
        other = again.modules[name].state_dict()
        for key, tensor in module.state_dict().items():
            assert torch.equal(tensor, other[key]), (moments, name, key)
    for key, tensor in unbroken.average.weights.items():
        assert torch.equal(tensor, again.average.weights[key]), (moments, key)
    assert (unbroken.labels.added == again.labels.added).all()
    for name in ("log.jsonl", "labels.jsonl"):
        lines = [json.loads(x) for x in (again.config.out / name).read_text().splitlines()]
        theirs = [json.loads(x) for x in (unbroken.config.out / name).read_text().splitlines()]
        assert [line["step"] for line in lines] == [line["step"] for line in theirs]
    assert lines == theirs
    files = [f"{folder}/{name}.safetensors" for folder in (BEST, LAST) for name in ("encoder", "scenepose")]
    for file in files:
        ours, theirs = (load_file(run.config.out / file) for run in (again, unbroken))
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items()), file
    assert not list(again.config.out.glob("**/*.part"))


def test_two_processes_give_the_loss_curve_of_one(tmp_path: Path) -> None:
    tiny_run.main(tmp_path / "one")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launch += ["--main_process_port", "0", "-m", "tests.tiny_run", str(tmp_path / "two")]
    (tmp_path / "two").mkdir()
    (tmp_path / "two/teacher.safetensors").write_bytes((tmp_path / "one/teacher.safetensors").read_bytes())
    done = subprocess.run(launch, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (json.loads((tmp_path / name / "curve.json").read_text()) for name in ("one", "two"))
    assert (tmp_path / "two/processes").read_text() == "2"
    # Training machines have neither the demo nor the study installed.
    assert not {"gradio", "sqlalchemy"} & set(json.loads((tmp_path / "two/modules.json").read_text()))
    assert len(one) == len(two) == 5
    for step, (ours, theirs) in enumerate(zip(one, two, strict=True)):
        assert set(ours) == set(theirs)
        for name, value in ours.items():
            assert theirs[name] == pytest.approx(value, rel=1e-4, abs=1e-5), (step, name)


def test_training_step_can_be_measured() -> None:
    own, bare = bench.training(
        [tiny.source()], tiny.template_set(), tiny.ENCODER, frames=2, points_per_frame=2, repeats=1
    )
    assert own > 0
    assert bare > 0
