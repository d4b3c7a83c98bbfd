"""Training the compared methods: one encoding feeds them all, runs resume, files load again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import scenepose
from scenepose.data.prior import KIND_PRIOR
from scenepose.errors import CheckpointError
from scenepose.model.checkpoint import read_floats
from scenepose.pose.metrics import diversity
from tests import tiny
from tests.tiny_heads import run_of, settings
from train.fit.baselines import SEVEN, BaselineRun, asked_for
from train.fit.loop import BEST, loader_of, train_on
from train.judge import evaluate
from train.judge.answers import answers_of
from train.judge.measure import judged_points

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the main method's weights."""
    return tiny.save(tmp_path_factory.mktemp("encoder"), tiny.encoder(), tiny.head()).parent


def weights(run: BaselineRun) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.main.state_dict().items()}


def test_all_learn_from_one_encoding_and_the_encoder_stays(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, batches = run_of(settings(tmp_path, encoder))
    backbone, passes = run.encoder.backbone, []
    forward = backbone.forward
    monkeypatch.setattr(backbone, "forward", lambda view: passes.append(len(view)) or forward(view))
    before, frozen = weights(run), {n: t.clone() for n, t in run.encoder.state_dict().items()}
    parts = run.train_step(batches[0])
    assert sum(passes) == 3 * 2, "two frames at three sizes, whatever their points"
    assert set(parts) == {*SEVEN, "placenet critic", "graconet critic"}
    assert all(torch.isfinite(value) for value in parts.values())
    after = weights(run)
    for name in SEVEN:
        assert any(not torch.equal(after[key], before[key]) for key in after if key.startswith(f"{name}."))
    for part in ("placenet.critic.", "graconet.critic."):
        assert any(not torch.equal(after[key], before[key]) for key in after if key.startswith(part))
    assert all(torch.equal(tensor, frozen[n]) for n, tensor in run.encoder.state_dict().items())


def test_a_broken_run_ends_as_an_unbroken_one(encoder: Path, tmp_path: Path) -> None:
    both = ["vae", "placenet"]  # noise, and a discriminator
    whole, batches = run_of(settings(tmp_path / "whole", encoder, methods=both))
    for step in range(3):
        whole.train_step(batches[step])
    first, batches = run_of(settings(tmp_path / "broken", encoder, methods=both))
    first.train_step(batches[0])
    first.save()
    second, batches = run_of(settings(tmp_path / "broken", encoder, methods=both))
    assert second.step == 1
    for step in range(1, 3):
        second.train_step(batches[step])
    assert all(torch.equal(tensor, weights(second)[name]) for name, tensor in weights(whole).items())
    with pytest.raises(ValueError, match="was started with another methods"):
        run_of(settings(tmp_path / "broken", encoder, methods=["vae"]))
    newer = tiny.save(tmp_path / "newer", tiny.encoder(), tiny.head()).parent
    begun, _ = run_of(settings(tmp_path / "kept", newer, methods=both))
    begun.save()
    tiny.save(newer, tiny.encoder(seed=1), tiny.head())
    with pytest.raises(ValueError, match="begun on another encoder"):
        run_of(settings(tmp_path / "kept", newer, methods=both))


def test_a_trained_system_answers_like_any_method(encoder: Path, tmp_path: Path) -> None:
    run, batches = run_of(settings(tmp_path, encoder, methods=["vae", "prtr", "vae30"], steps=2))
    train_on(run, loader_of(run, batches))
    assert {path.stem for path in (tmp_path / BEST).glob("*")} == {"vae", "prtr", "vae30"}
    room = Image.new("RGB", (120, 90), "gray")
    for name, count in (("vae", 4), ("prtr", 1), ("vae30", 4)):
        generator = scenepose.load(name, tmp_path / BEST, "cpu", encoder=encoder / "encoder.safetensors")
        assert generator.count(4) == count
        assert generator.num_templates == {"vae30": 30}.get(name, 5)
        poses = generator.encode(room).generate((60, 45), top_k=4)
        assert len(poses) == count
        assert (poses[0].template is None) == (name == "prtr")
        assert poses[0].keypoints.shape == (16, 2)


def test_finetuning_has_an_encoder_of_its_own(encoder: Path, tmp_path: Path) -> None:
    config = settings(tmp_path, encoder, methods=["regression"], finetune=True, steps=1)
    run, batches = run_of(config)
    name = "backbone.layer4.0.conv1.weight"
    before = run.encoder.state_dict()[name].clone()
    train_on(run, loader_of(run, batches))
    assert not torch.equal(before, run.encoder.state_dict()[name])
    best, shared = tmp_path / BEST, encoder / "encoder.safetensors"
    head, own = best / "regression-finetuned.safetensors", best / "regression-finetuned.encoder.safetensors"
    with pytest.raises(CheckpointError, match="was trained on the encoder"):
        scenepose.load("regression", head, "cpu", encoder=shared)
    generator = scenepose.load("regression", head, "cpu", encoder=own)
    assert len(generator.encode(Image.new("RGB", (90, 90))).generate((45, 45))) == 1


def test_a_run_may_start_from_trained_methods(encoder: Path, tmp_path: Path) -> None:
    run, batches = run_of(settings(tmp_path / "first", encoder, methods=["placenet"], steps=2))
    train_on(run, loader_of(run, batches))
    again = settings(tmp_path / "second", encoder, methods=["placenet"], init=tmp_path / "first" / BEST)
    state = run_of(again)[0].heads["placenet"].state_dict()
    trained = read_floats(tmp_path / "first" / BEST / "placenet.safetensors")
    assert all(torch.equal(state[name], tensor) for name, tensor in trained.items())
    with pytest.raises(CheckpointError, match="there is no file"):
        run_of(settings(tmp_path / "third", encoder, methods=["vae"], init=tmp_path / "first" / BEST))


def test_which_methods_are_trained() -> None:
    assert asked_for(["all"], False) == SEVEN
    assert asked_for(["vae30", "all"], False) == [*SEVEN, "vae30"]
    assert asked_for(["vae", "heatmap"], False) == ["heatmap", "vae"]
    with pytest.raises(ValueError, match="there is no method 'gan' to train here; there is all, heatmap"):
        asked_for(["gan"], False)
    with pytest.raises(ValueError, match="name the methods"):
        asked_for([], False)
    with pytest.raises(ValueError, match="one method with an encoder of its own, not 7"):
        asked_for(["all"], True)


def test_a_missing_encoder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train the main method first"):
        run_of(settings(tmp_path, tmp_path / "gone"))


def test_batched_answers_are_those_a_user_gets(encoder: Path, tmp_path: Path) -> None:
    run, batches = run_of(settings(tmp_path, encoder, methods=["vae", "regression"], steps=1))
    train_on(run, loader_of(run, batches))
    generators = {
        name: scenepose.load(name, tmp_path / BEST, "cpu", encoder=encoder / "encoder.safetensors")
        for name in ("vae", "regression")
    }
    source = tiny.source()
    points = judged_points(source.samples)[2:5]
    found = answers_of(generators, source, points, workers=0)
    for name, generator in generators.items():
        for row, number in enumerate(points):
            x, y = (float(value) for value in source.samples.points[number])
            scene = generator.encode(source.picture(int(source.samples.point_frames[number])))
            for rank, pose in enumerate(scene.generate((x, y), top_k=10, seed=int(number))):
                relative = (pose.keypoints - np.array([x, y])) / tiny.HEIGHT
                np.testing.assert_allclose(found[name].poses[row, rank], relative, atol=2e-3)
                assert found[name].templates[row, rank] == (-1 if pose.template is None else pose.template)
    assert diversity(found["regression"].poses).max() == 0
    assert diversity(found["vae"].poses).min() > 0


def test_the_table_has_a_row_for_every_method(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for methods, finetune in ((["vae", "vae30"], False), (["heatmap"], True)):
        out = tmp_path / ("heatmap-finetuned" if finetune else "")
        run, batches = run_of(settings(out, encoder, methods=methods, steps=1, finetune=finetune))
        train_on(run, loader_of(run, batches))
    monkeypatch.setattr(evaluate, "open_source", lambda name, split: tiny.source())
    monkeypatch.setattr(evaluate, "ms_per_click", lambda generator, source: 1.0)
    monkeypatch.setattr(evaluate, "parse_source", lambda name, split: (name, "", split))
    config = evaluate.EvaluateConfig(
        data=["tiny"], out=tmp_path / "table", limit=4, checkpoint=encoder, checkpoints=tmp_path / "none",
        more=tmp_path, workers=0, resamples=20,
    )  # fmt: skip
    results, *_ = evaluate.evaluate(config)
    assert list(results["methods"]) == [
        "scenepose", "vae", "vae30", "heatmap-finetuned", "constant", "truth",
    ]  # fmt: skip
    rows = results["methods"]
    assert rows["vae"]["diversity"] > 0
    assert np.isnan(rows["scenepose"]["diversity"])
    assert np.isnan(rows["heatmap-finetuned"]["posture"]), "it names no kind: neither right nor wrong"
    assert rows["heatmap-finetuned"]["pck_top5"] == rows["heatmap-finetuned"]["pck"]
    assert rows["vae"]["params"] > 11_000_000 < rows["heatmap-finetuned"]["params"]
    assert "| heatmap-finetuned | " in evaluate.table(results)
    other = tiny.save(tmp_path / "other", tiny.encoder(seed=1), tiny.head())
    elsewhere = replace(config, checkpoint=other)  # the head's file, beside its encoder
    assert list(evaluate.evaluate(elsewhere)[0]["methods"]) == [
        "scenepose", "heatmap-finetuned", "constant", "truth",
    ]  # fmt: skip
    with pytest.raises(CheckpointError, match="was trained on the encoder"):
        evaluate.evaluate(replace(elsewhere, methods=["vae"]))
    wanted = replace(config, methods=["prtr"])
    with pytest.raises(CheckpointError, match="there is no file"):
        evaluate.evaluate(wanted)


def test_points_weigh_as_often_as_people_are_seen_so(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny.source(frames=8)
    monkeypatch.setattr(evaluate, "open_source", lambda name, split: source)
    monkeypatch.setattr(evaluate, "ms_per_click", lambda generator, source: 1.0)
    monkeypatch.setattr(evaluate, "parse_source", lambda name, split: (name, "", split))
    config = evaluate.EvaluateConfig(
        data=["tiny"], out=tmp_path, methods=["scenepose"], checkpoint=encoder, more=tmp_path, workers=0,
        resamples=20,
    )  # fmt: skip
    found = {}
    for points in ("prior", "frozen"):
        results, _, measures, judged = evaluate.evaluate(replace(config, points=points))
        weights, values = judged[0].weights, measures["scenepose"]["pck"]
        assert len(judged[0].points) == len(source.samples) - 1, "all points count"
        assert results["points"] == points
        row = results["methods"]["scenepose"]
        assert row["pck"] == pytest.approx(np.average(values, weights=weights))
        assert row["pck_interval"][0] <= row["pck"] <= row["pck_interval"][1]
        found[points] = weights
    assert (found["frozen"] == 1).all()
    kinds = source.samples.kinds[source.samples.primary_rows[judged[0].points]]
    shares = [found["prior"][kinds == kind].sum() for kind in (0, 4)]
    assert shares[0] / shares[1] == pytest.approx(KIND_PRIOR["stand"] / KIND_PRIOR["sit"])
