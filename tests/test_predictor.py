"""Encode once, click cheaply: what the public surface promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import scenepose
from scenepose.data.surfaces import SURFACES
from scenepose.errors import CheckpointError, PointError, RequestError, ScenePoseError
from scenepose.methods.scenepose import ScenePose
from scenepose.model.encoder import Encoder, EncoderConfig
from scenepose.picture import images
from scenepose.pose import geometry
from scenepose.pose.templates import TemplateSet
from scenepose.predict.generator import Generator
from tests import tiny
from tests.conftest import ENCODER, SMALL, room


def test_poses_come_best_first_and_centred(generator: Generator) -> None:
    poses = generator.encode(room()).generate((300, 250), top_k=5)
    assert len(poses) == 5
    scores = [pose.score or 0 for pose in poses]
    assert scores == sorted(scores, reverse=True)
    for pose in poses:
        assert pose.keypoints.shape == (16, 2)
        assert pose.keypoints.dtype == np.float32
        assert pose.score is not None
        assert 0 <= pose.score <= 1
        assert pose.template is not None
        assert pose.template_name == generator.template_names[pose.template]
        assert pose.kind == generator.template_kinds[pose.template]
        centre, sides = geometry.box(pose.keypoints)
        np.testing.assert_allclose(centre, (300, 250), atol=0.1)
        np.testing.assert_allclose(sides / 480, pose.scale, atol=1e-3)
    assert len({pose.template for pose in poses}) == 5


def test_never_more_poses_than_templates(generator: Generator) -> None:
    scene = generator.encode(room())
    assert len(scene.generate((10, 10), top_k=1000)) == generator.num_templates == 14
    assert scene.generate((10, 10), top_k=1)[0].template == scene.generate((10, 10), top_k=14)[0].template
    with pytest.raises(RequestError, match="not 0"):
        scene.generate((10, 10), top_k=0)


def test_it_is_the_networks_own_forward_pass(generator: Generator) -> None:
    image = room(320, 240)  # small enough that nothing is scaled before
    point = (173.0, 122.0)
    poses = generator.encode(image).generate(point, top_k=14)
    picture = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    with torch.inference_mode():
        position = torch.tensor([geometry.position_in_picture(point, *image.size)])
        predicted = generator.head.predict(generator.encoder.features([picture], [position]).fused)  # pyright: ignore
    assert predicted.hidden is not None
    for pose in poses:
        expected = predicted.poses[0, pose.template].numpy() * image.height + np.array(point)
        np.testing.assert_allclose(pose.keypoints, expected, atol=0.05)
        assert pose.hidden is not None
        assert pose.hidden.tolist() == (predicted.hidden[0, pose.template] > 0).tolist()


def test_views_of_pixels_answer_by_the_same_two_calls(template_set: TemplateSet, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = replace(ENCODER, views="pixels", surfaces=0)
    encoder, head = Encoder(config), ScenePose(SMALL, config, template_set)
    head.sizes = SMALL
    generator = Generator.from_checkpoint("scenepose", tiny.save(tmp_path, encoder, head), "cpu")
    scene = generator.encode(room())
    assert len(scene.generate((300, 250))) == 5
    assert not scene.can_touch
    assert scene.compatibility(np.array([[300.0, 250.0]])).shape == (1, 14)
    with pytest.raises(RequestError, match="do not tell surfaces"):
        _ = scene.surfaces


def test_a_click_encodes_nothing(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = generator.encode(room())
    monkeypatch.setattr(generator.encoder.backbone, "forward", lambda view: pytest.fail("encoded again"))
    scene.generate((300, 250))
    scene.generate((100, 400), near=0.05)
    scene.compatibility(np.array([[10.0, 10.0]]))


def test_only_the_kinds_asked_for_come(generator: Generator) -> None:
    scene = generator.encode(room())
    everyone = scene.generate((300, 250), top_k=14)
    sitting = scene.generate((300, 250), top_k=14, kinds=["sit"])
    assert [pose.template for pose in sitting] == [p.template for p in everyone if p.kind == "sit"]
    assert [p.template for p in scene.generate((300, 250), kinds=[])] == [p.template for p in everyone[:5]]
    assert {p.kind for p in scene.generate((300, 250), top_k=14, kinds=("sit", "walk"))} == {"sit", "walk"}
    touching = scene.generate((300, 250), top_k=14, near=0.05, kinds="walk")
    assert {pose.kind for pose in touching} == {"walk"}
    with pytest.raises(RequestError, match="no template of the kind 'swim'; there is stand, walk, sit"):
        scene.generate((300, 250), kinds=["swim"])
    with pytest.raises(RequestError, match="near is a distance from 0 to 1 picture heights, not 3"):
        scene.generate((300, 250), near=3)


def test_an_encoded_picture_takes_little_memory() -> None:
    """Less than 12 MB for a picture of 4 : 3 at the size that ships."""
    config = EncoderConfig(view_size=160, surfaces=len(SURFACES))
    with torch.inference_mode():
        maps = Encoder(config).eval().encode(tiny.picture(640, 480))
    assert maps.nbytes < 12e6


def test_the_same_picture_in_any_form(generator: Generator, tmp_path: Path) -> None:
    image = room()
    image.save(tmp_path / "room.png")
    answers = [
        generator.encode(source).generate((200, 300))[0].keypoints
        for source in (tmp_path / "room.png", str(tmp_path / "room.png"), image, np.asarray(image))
    ]
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


def test_coordinates_are_those_of_the_original(generator: Generator) -> None:
    """A picture twice as large gets the same people, twice as large."""
    small = room(1200, 900)
    large = small.resize((2400, 1800), Image.Resampling.BICUBIC)
    one = generator.encode(small).generate((500, 600))
    two = generator.encode(large).generate((1000, 1200))
    by_template = {pose.template: pose for pose in two}
    assert small.height > 4 * ENCODER.view_size
    for pose in one[:1]:
        other = by_template[pose.template]
        centre = np.array([500, 600])
        np.testing.assert_allclose(other.keypoints - 2 * centre, 2 * (pose.keypoints - centre), atol=6)


def test_an_upright_phone_picture(generator: Generator, tmp_path: Path) -> None:
    image = room(480, 640)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "phone.png"
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    scene = generator.encode(path)
    assert (scene.width, scene.height) == (480, 640)
    expected = generator.encode(image).generate((100, 600))[0].keypoints
    np.testing.assert_array_equal(scene.generate((100, 600))[0].keypoints, expected)


@pytest.mark.parametrize("point", [(-1, 5), (5, -1), (641, 5), (5, 481), (1e9, 1e9)])
def test_a_point_outside_is_named_with_the_size(generator: Generator, point: tuple[float, float]) -> None:
    with pytest.raises(PointError, match="640 x 480") as caught:
        generator.encode(room()).generate(point)
    assert f"{point[0]:g}" in str(caught.value)


@pytest.mark.parametrize("point", [(float("nan"), 5), (5, float("inf")), (1,), (1, 2, 3), None, ("a", "b")])
def test_a_point_is_two_finite_numbers(generator: Generator, point: object) -> None:
    with pytest.raises(PointError):
        generator.encode(room()).generate(point)  # type: ignore[arg-type]


def test_corners_and_small_pictures_work(generator: Generator) -> None:
    for size in ((640, 480), (16, 16), (2000, 16), (16, 2000)):
        scene = generator.encode(room(*size) if min(size) > 60 else Image.new("RGB", size))
        for point in ((0, 0), size):
            assert np.isfinite(scene.generate(point)[0].keypoints).all()


def test_threads_get_the_same_answers(generator: Generator) -> None:
    scene = generator.encode(room())
    points = [(float(x), 200.0) for x in range(100, 500, 100)]
    alone = [scene.generate(point)[0].keypoints for point in points]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda point: scene.generate(point)[0].keypoints, points))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-2)


def test_many_points_score_like_single_ones(generator: Generator) -> None:
    scene = generator.encode(room())
    points = np.array([[100.0, 200.0], [320.0, 240.0], [500.0, 400.0]])
    together = scene.compatibility(points)
    for point, scores in zip(points, together, strict=True):
        by_template = {pose.template: pose.score for pose in scene.generate(tuple(point), top_k=14)}
        np.testing.assert_allclose(scores, [by_template[k] or 0 for k in range(14)], atol=1e-4)


def test_loading_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="'nobody'"):
        scenepose.load("nobody")
    with pytest.raises(CheckpointError, match=r"gone\.safetensors"):
        scenepose.load(checkpoint=tmp_path / "gone.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match=r"broken\.safetensors"):
        scenepose.load(checkpoint=broken)
    assert issubclass(CheckpointError, ScenePoseError)
    assert issubclass(ScenePoseError, ValueError)


def test_loading_by_name(random_checkpoint: Path) -> None:
    generator = scenepose.load("scenepose", checkpoint=random_checkpoint, device="cpu")
    assert isinstance(generator, scenepose.Generator)
    assert isinstance(generator.encode(images.read(room())), scenepose.Scene)
