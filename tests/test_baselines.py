"""The seven methods: what they answer, that they learn, and that their weights belong to an encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from scenepose.errors import CheckpointError
from scenepose.methods.build import build
from scenepose.methods.checkpoint import load_head, read_head_file, save_head
from scenepose.methods.head import Head, Target
from scenepose.methods.table import METHODS
from scenepose.model.checkpoint import fingerprint, load_encoder, save_encoder
from scenepose.model.encoder import Encoder, EncoderConfig
from scenepose.model.features import Features
from tests import tiny
from tests.tiny_clicks import answers, clicks, fresh, overfit, targets

OTHERS = [name for name in METHODS if name != "scenepose"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return tiny.encoder()


@pytest.fixture(scope="module")
def features(encoder: Encoder) -> Features:
    return clicks(encoder)


@pytest.fixture(scope="module")
def target() -> Target:
    return targets()


def error_of(head: Head, features: Features, target: Target, count: int = 1) -> float:
    """Mean distance of known joints in picture heights, samples averaged."""
    distance = (answers(head, features, count).poses - target.pose[:, None]).norm(dim=-1).mean(1)
    return float(distance[target.known].mean())


@pytest.mark.parametrize("name", OTHERS)
def test_shapes_and_batch_equals_single(name: str, encoder: Encoder, features: Features) -> None:
    head = fresh(name, encoder, features)
    answer = answers(head, features)
    count = 3 if head.noise_size else 1
    assert answer.poses.shape == (6, count, 16, 2)
    assert torch.isfinite(answer.poses).all()
    assert (answer.templates is not None) == (name in ("vae", "vae30"))
    for row in range(6):
        alone = answers(head, features.at(torch.tensor([row])))
        torch.testing.assert_close(alone.poses[0], answer.poses[row], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", OTHERS)
def test_save_is_load(name: str, encoder: Encoder, features: Features, tmp_path: Path) -> None:
    head = fresh(name, encoder, features)
    path = tmp_path / f"{name}.safetensors"
    save_head(path, name, head, encoder, {"data": ["none"]})
    loaded = load_head(path, name, encoder)
    assert read_head_file(path).card == {"data": ["none"]}
    # Matrices are stored in half precision: compare with the head rounded likewise.
    with torch.no_grad():
        for parameter in head.parameters():
            if parameter.dim() > 1:
                parameter.copy_(parameter.half().float())
    torch.testing.assert_close(answers(loaded, features).poses, answers(head, features).poses)
    assert loaded.size == head.size
    parts = {key.split(".")[0] for key in loaded.state_dict()}
    assert not parts & {part.rstrip(".") for part in head.training_only}


@pytest.mark.parametrize(
    ("name", "steps", "rate", "reached"),
    [
        ("heatmap", 80, 3e-3, 0.09),
        ("regression", 60, 1e-2, 0.03),
        ("vae", 60, 5e-3, 0.06),
        ("unipose", 140, 4e-3, 0.12),
        ("prtr", 90, 2e-3, 0.09),
        ("graconet", 80, 4e-3, 0.09),
    ],
)
def test_one_batch_can_be_overfitted(
    name: str, steps: int, rate: float, reached: float, encoder: Encoder, features: Features, target: Target
) -> None:
    head = fresh(name, encoder, features)
    before = error_of(head, features, target)
    totals = overfit(head, features, target, steps, rate)
    assert np.mean(totals[-5:]) < np.mean(totals[:5])
    assert error_of(head, features, target) < reached < before


@pytest.mark.slow
def test_placenet_learns_who_is_where(encoder: Encoder, features: Features, target: Target) -> None:
    """Its samples' mean comes near the place's own pose, and stays away from the next place's."""
    head = fresh("placenet", encoder, features)
    before = error_of(head, features, target, 16)
    overfit(head, features, target, 300, 1e-3, published=True)
    own = error_of(head, features, target, 16)
    next_one = answers(head, features, 16).poses.mean(1).roll(1, 0) - target.pose
    assert own < 0.9 * before
    assert own < 0.9 * float(next_one.norm(dim=-1)[target.known].mean())


@pytest.mark.parametrize("name", ["placenet", "graconet"])
def test_discriminator_and_generator_pull_against_each_other(
    name: str, encoder: Encoder, features: Features, target: Target
) -> None:
    """A GAN has no loss that falls; but each side, the other held still, gets better at its own."""
    head = fresh(name, encoder, features)
    assert head.critic is not None
    own = [p for key, p in head.named_parameters() if not key.startswith("critic.")]
    critics = list(head.critic.parameters())

    def train(parameters: list[torch.nn.Parameter], loss: Callable[[], Tensor]) -> tuple[float, float]:
        optimiser, values = torch.optim.Adam(parameters, 5e-3), []
        for _ in range(25):
            values.append(loss())
            for p, gradient in zip(
                parameters, torch.autograd.grad(values[-1], parameters, allow_unused=True), strict=True
            ):
                p.grad = gradient
            optimiser.step()
        return float(values[0].detach()), float(torch.stack(values[-5:]).mean().detach())

    torch.manual_seed(1)
    before = [p.detach().clone() for p in own]
    first, last = train(critics, lambda: head.critic_loss(features, target))
    assert last < 0.9 * first
    assert all(torch.equal(a, b) for a, b in zip(before, own, strict=True)), "the generator stood still"
    part = "adversarial" if name == "placenet" else "random path"
    first, last = train(own, lambda: head.losses(features, target)[part])
    assert last < 0.8 * first


def test_sizes_in_half_precision_stay_below_60_megabytes() -> None:
    """The shipped sizes, without building the networks' weights."""
    with torch.device("meta"):
        heads = [
            build(name, EncoderConfig(), tiny.template_set())
            for name, method in METHODS.items()
            if name != "scenepose" and not method.variant
        ]
    assert sum(2 * head.size for head in heads) < 58e6


# Weights belong to an encoder.


def test_the_fingerprint_is_the_encoders(encoder: Encoder, tmp_path: Path) -> None:
    known = fingerprint(encoder)
    path = tiny.save(tmp_path, encoder, tiny.head())
    loaded = load_encoder(tmp_path / "encoder.safetensors")
    assert fingerprint(loaded) == known, "saving and loading keep it"
    assert read_head_file(path).encoder == known, "the head's file names it"
    tiny.save(tmp_path / "other", loaded, tiny.head(seed=5))
    assert fingerprint(load_encoder(tmp_path / "other" / "encoder.safetensors")) == known
    with torch.no_grad():
        loaded.fusion.weight[0, 0] += 0.1
    assert fingerprint(loaded) != known


def test_what_surfaces_are_told_by_is_no_part_of_the_fingerprint() -> None:
    plain = tiny.encoder()
    told = tiny.encoder(replace(tiny.ENCODER, surfaces=5))
    told.load_state_dict(plain.state_dict(), strict=False)
    assert fingerprint(told) == fingerprint(plain)
    assert fingerprint(tiny.encoder(replace(tiny.ENCODER, views="pixels"))) != fingerprint(plain)


def test_a_head_of_another_encoder_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "regression.safetensors"
    save_head(path, "regression", fresh("regression", encoder), encoder, {})
    with pytest.raises(CheckpointError, match=r"was trained on the encoder \w{16}, and this one is \w{16}"):
        load_head(path, "regression", tiny.encoder(seed=1))
    with pytest.raises(CheckpointError, match="holds the weights of regression, not of heatmap"):
        load_head(path, "heatmap", encoder)
    with pytest.raises(CheckpointError, match="there is no file"):
        load_head(tmp_path / "gone.safetensors", "heatmap", encoder)
    (tmp_path / "text.safetensors").write_text("nothing")
    with pytest.raises(CheckpointError, match="does not hold the weights of a method"):
        load_head(tmp_path / "text.safetensors", "heatmap", encoder)
    save_encoder(tmp_path / "encoder.safetensors", encoder, {})
    with pytest.raises(CheckpointError, match="does not hold the weights of a method"):
        load_head(tmp_path / "encoder.safetensors", "heatmap", encoder)
    with pytest.raises(CheckpointError, match="does not hold the weights of the encoder"):
        load_encoder(path)
