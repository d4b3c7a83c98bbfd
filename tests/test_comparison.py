"""One click, one encoding, an answer of every method; and the picture that shows them side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shutil import copyfile, copytree

import numpy as np
import pytest
import torch
from PIL import Image

from scenepose import METHODS, methods
from scenepose.errors import CheckpointError, PointError, RequestError
from scenepose.pose.templates import TemplateSet
from scenepose.predict.compare import Compared, Panel, Truth, compare, record, truth_panel
from scenepose.predict.generator import Generator, Scene
from scenepose.predict.panels import figure, frame_of
from tests import tiny
from tests.conftest import random_weights, room
from train.judge import compare as figure_command
from train.ship.release_baselines import ReleaseBaselinesConfig
from train.ship.release_baselines import main as release_baselines

STOCHASTIC = ("vae", "placenet", "graconet")


@pytest.fixture(scope="module")
def compared(heads_folder: Path) -> Compared:
    main = Generator.from_checkpoint("scenepose", heads_folder / "scenepose.safetensors", "cpu")
    return Compared(main, heads_folder)


@pytest.fixture(scope="module")
def scene(compared: Compared) -> Scene:
    return compared.main.encode(room())


def test_eight_answers_from_one_encoding(
    compared: Compared, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compared.names() == list(METHODS)
    passes, backbone = [], compared.main.encoder.backbone
    forward = backbone.forward
    monkeypatch.setattr(backbone, "forward", lambda v: passes.append(len(v)) or forward(v))
    panels = list(compare(compared, scene, (300, 250), compared.names(), seed=3))
    assert passes == [], "the picture is encoded, and a click encodes nothing"
    assert [panel.method for panel in panels] == list(METHODS)
    for panel in panels:
        assert panel.error is None
        assert panel.pose is not None
        assert panel.seed == (3 if panel.method in STOCHASTIC else None)
        # Just what the method alone answers.
        alone = scene.by(compared.generator(panel.method)).generate((300, 250), top_k=1, seed=3)
        np.testing.assert_allclose(panel.pose.keypoints, alone[0].keypoints, atol=0.5)


def test_another_seed_changes_the_random_methods_only(compared: Compared, scene: Scene) -> None:
    first, second = (
        {p.method: p.pose for p in compare(compared, scene, (300, 250), METHODS, seed=s)} for s in (0, 1)
    )
    for name in METHODS:
        one, other = first[name], second[name]
        assert one is not None
        assert other is not None
        assert np.array_equal(one.keypoints, other.keypoints) == (name not in STOCHASTIC)


def test_one_failing_leaves_the_others(heads_folder: Path, compared: Compared, tmp_path: Path) -> None:
    copytree(heads_folder, tmp_path / "copy")
    (tmp_path / "copy" / "unipose.safetensors").write_text("nothing")
    (tmp_path / "copy" / "prtr.safetensors").unlink()
    broken = Compared(compared.main, tmp_path / "copy")
    assert "prtr" not in broken.names()
    assert methods.missing(tmp_path / "copy") == ["prtr"]
    panels = {p.method: p for p in compare(broken, compared.main.encode(room()), (300, 250), METHODS)}
    assert [name for name, panel in panels.items() if panel.error] == ["unipose", "prtr"]
    assert "does not hold the weights of a method" in str(panels["unipose"].error)
    assert "here are no weights of prtr in " in str(panels["prtr"].error)
    with pytest.raises(PointError, match="lies outside the picture"):
        list(compare(broken, compared.main.encode(room()), (-3, 5), METHODS))


def test_whatever_a_method_trips_over_the_others_answer(
    heads_folder: Path, compared: Compared, scene: Scene
) -> None:
    """Weights that became NaN make the assignment of PRTR's queries fail, in a way of its own."""
    broken = Compared(compared.main, heads_folder)
    head = broken.generator("prtr").head
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.fill_(torch.nan)
    panels = list(compare(broken, scene, (300, 250), METHODS))
    assert [panel.method for panel in panels if panel.error] == ["prtr"]
    assert str(next(panel.error for panel in panels if panel.error)).startswith("Prtr failed: ")


def test_pck_against_the_truth(compared: Compared, scene: Scene) -> None:
    (own,) = compare(compared, scene, (300, 250), ["scenepose"])
    assert own.pose is not None
    known = np.ones(16, bool)
    exact = Truth(own.pose.keypoints.astype(np.float64), known)
    assert next(iter(compare(compared, scene, (300, 250), ["scenepose"], truth=exact))).pck == 1
    moved = Truth(exact.keypoints + 400, known)
    (panel,) = compare(compared, scene, (300, 250), ["scenepose"], truth=moved)
    assert panel.pck == 0
    assert panel.note.endswith(" ms · PCK 0.00")
    known[3] = False
    pose = truth_panel(Truth(exact.keypoints, known)).pose
    assert pose is not None
    assert np.isnan(pose.keypoints[3]).all()


def test_methods_without_weights_say_so(
    compared: Compared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenepose.predict.generator.checkpoint_path", lambda name: tmp_path / name)
    with pytest.raises(CheckpointError, match="no trained weights of heatmap are bundled"):
        compared.main.with_method("heatmap")
    assert methods.available(tmp_path) == []
    scene = compared.main.encode(room()).by(compared.generator("heatmap"))
    with pytest.raises(RequestError, match="heatmap gives no compatibility scores"):
        scene.compatibility(np.array([[10.0, 10.0]]))


def test_a_scene_of_another_encoder_is_refused(generator: Generator, heads_folder: Path) -> None:
    torch.manual_seed(9)
    other = Generator.from_checkpoint(
        "vae", heads_folder / "vae.safetensors", "cpu", heads_folder / "encoder.safetensors"
    )
    scene = generator.encode(room())
    assert scene.by(other).generator is other, "the same weights, loaded twice, are one encoder"
    with torch.no_grad():
        other.encoder.fusion.weight[0] += 1
    del other.fingerprint
    with pytest.raises(CheckpointError, match="vae reads the encoder"):
        scene.by(other)


def test_the_figure_shows_every_panel(scene: Scene, compared: Compared) -> None:
    panels = list(compare(compared, scene, (300, 250), METHODS))
    rows = [(scene.picture, (300.0, 250.0), [*panels, Panel("vae", error="It failed.")])]
    sheet = figure(rows, columns=3, width=200)
    assert sheet.width == 3 * 200 + 4 * 6
    assert sheet.height > 3 * 150
    empty = figure([(scene.picture, (300.0, 250.0), [Panel(p.method) for p in panels])], columns=3, width=200)
    other = sheet.crop((0, 0, 600, 300)), empty.crop((0, 0, 600, 300))
    assert np.abs(np.asarray(other[0], int) - np.asarray(other[1], int)).max() > 100, "poses are drawn"
    wide = compared.main.encode(Image.new("RGB", (900, 300))).picture
    assert frame_of(wide, (10, 150)) == (0, 0, 400, 300)
    assert frame_of(wide, (450, 150)) == (250, 0, 650, 300)
    assert frame_of(wide, (890, 150)) == (500, 0, 900, 300)


def test_as_json(scene: Scene, compared: Compared) -> None:
    panels = [*compare(compared, scene, (300, 250), ["scenepose", "vae"], seed=4), Panel("prtr", error="No.")]
    said = json.loads(json.dumps(record("hall.png", scene, (300, 250), panels)))
    assert list(said) == ["scene", "width", "height", "point", "methods"]
    assert [row["method"] for row in said["methods"]] == ["scenepose", "vae", "prtr"]
    assert [row["seed"] for row in said["methods"]] == [None, 4, None]
    assert [len(row["poses"]) for row in said["methods"]] == [1, 1, 0]
    assert said["methods"][2]["error"] == "No."


def test_the_figure_of_scenes_by_methods(
    heads_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(figure_command, "open_source", lambda name, split: tiny.source())
    config = figure_command.CompareConfig(
        data="tiny", out=tmp_path / "figure.png", checkpoint=heads_folder / "scenepose.safetensors",
        count=2, width=60,
    )  # fmt: skip
    figure_command.main(config)
    with Image.open(config.out) as picture:
        assert picture.width == 9 * 60 + 10 * 6, "the truth and eight methods"
    assert "8 methods" in capsys.readouterr().out
    points = figure_command.choose(tiny.source(), 5, seed=0)
    assert len(points) == 2, "one in each place"
    with pytest.raises(ValueError, match="has no pose at point 11"):
        figure_command.main(replace(config, points=[11]))


def test_release_refuses_another_encoder(
    heads_folder: Path, template_set: TemplateSet, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in ("encoder", "scenepose"):
        copyfile(heads_folder / f"{name}.safetensors", tmp_path / f"{name}.safetensors")
    config = ReleaseBaselinesConfig(run=heads_folder.parent, out=tmp_path)
    release_baselines(config)
    assert "7 methods" in capsys.readouterr().out
    assert methods.missing(tmp_path) == []
    card = (tmp_path / "baselines.md").read_text()
    assert card.count("\n| ") == 8
    assert "| graconet | " in card
    random_weights(tmp_path, template_set, seed=9)
    with pytest.raises(ValueError, match=r"heatmap\.safetensors was trained on the encoder"):
        release_baselines(config)
