"""The seven methods: each paper's own part does its work."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
import torch
from torch import Tensor

from scenepose.methods.build import build
from scenepose.methods.graconet import GracoNet
from scenepose.methods.head import Target
from scenepose.methods.peaks import gaussian_heatmaps, heatmap_loss, read_peaks
from scenepose.methods.placenet import diversity_loss
from scenepose.methods.prtr import Prtr, assign, matching_cost
from scenepose.methods.unipose import Waterfall
from scenepose.methods.vae import Vae
from scenepose.model.encoder import Encoder
from scenepose.model.features import Features
from scenepose.pose.metrics import diversity
from tests import tiny
from tests.tiny_clicks import answers, clicks, fresh, overfit, targets
from tests.tiny_heads import SMALL

pytestmark = pytest.mark.usefixtures("one_thread")
STOCHASTIC = ("vae", "placenet", "graconet")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return tiny.encoder()


@pytest.fixture(scope="module")
def features(encoder: Encoder) -> Features:
    return clicks(encoder)


@pytest.fixture(scope="module")
def target() -> Target:
    return targets()


def test_peaks_are_read_where_the_heat_is() -> None:
    pose = torch.tensor([[[0.1, -0.2], [-0.33, 0.41]]]).repeat(1, 8, 1)
    heat = gaussian_heatmaps(pose, 28, 2.0)
    torch.testing.assert_close(read_peaks(heat), pose, atol=1e-4, rtol=0)
    assert (read_peaks(torch.zeros(1, 16, 8, 8)).abs() <= 0.5).all()
    outside = gaussian_heatmaps(torch.full((1, 16, 2), 0.9), 28, 2.0)
    assert outside.max() < 1e-3


def test_joints_outside_the_local_view_do_not_count() -> None:
    pose = torch.zeros(1, 16, 2)
    pose[0, 3] = 0.7
    known = torch.ones(1, 16, dtype=torch.bool)
    heat = gaussian_heatmaps(pose, 16, 2.0)
    heat[0, 3] = 1.0  # wrong wherever one looks
    assert heatmap_loss(heat, pose, known, 2 / 16) == 0
    pose[0, 3] = 0.3
    assert heatmap_loss(heat, pose, known, 2.0) > 0


@pytest.mark.parametrize("name", ["heatmap", "regression", "vae", "unipose", "prtr", "placenet", "graconet"])
def test_unknown_joints_teach_nothing(
    name: str, encoder: Encoder, features: Features, target: Target
) -> None:
    """What an unknown joint's target says, in pose or shape, changes no loss; that of a known one does."""
    head = fresh(name, encoder, features).eval()
    for layer in head.modules():
        # Heatmaps are dark at first: a joint that moves then changes next to nothing.
        if isinstance(layer, torch.nn.Conv2d) and layer.out_channels == 16:
            torch.nn.init.normal_(layer.weight, std=0.1)

    def total(where: int) -> Tensor:
        pose, normalised = target.pose.clone(), target.normalised.clone()
        pose[0, where] += 0.3
        normalised[0, where] += 0.2
        torch.manual_seed(2)
        changed = target._replace(pose=pose, normalised=normalised)
        critic = head.critic_loss(features, changed).detach() if head.critic is not None else 0.0
        return head.losses(features, changed)["total"].detach() + critic

    torch.manual_seed(2)
    critic = head.critic_loss(features, target).detach() if head.critic is not None else 0.0
    plain = head.losses(features, target)["total"].detach() + critic
    torch.testing.assert_close(total(0), plain, rtol=1e-6, atol=1e-7)
    assert abs(float(total(5) - plain)) > 1e-6


def test_matching_is_optimal() -> None:
    """Against all assignments of three known joints, and with the others left out."""
    cost = torch.rand(4, 16, 18, generator=torch.Generator().manual_seed(0))
    known = torch.zeros(4, 16, dtype=torch.bool)
    known[:, [2, 7, 11]] = True
    chosen = assign(cost, known)
    for row in range(4):
        table = cost[row, [2, 7, 11]].numpy()
        best = min(sum(table[j, q] for j, q in enumerate(way)) for way in permutations(range(18), 3))
        ours = sum(float(cost[row, j, chosen[row, j]]) for j in (2, 7, 11))
        assert ours == pytest.approx(best)
    everyone = assign(cost)
    assert all(len(set(row.tolist())) == 16 for row in everyone), "a query serves one joint"


def test_matched_losses_reward_the_right_query(encoder: Encoder, target: Target) -> None:
    head = fresh("prtr", encoder)
    assert isinstance(head, Prtr)
    logits = torch.zeros(6, 20, 17)
    logits[..., 16] = 8.0
    places = torch.full((6, 20, 2), 0.9)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))[:16]
    for joint, query in enumerate(order):
        places[:, query] = target.pose[:, joint]
        logits[:, query] = 0
        logits[:, query, joint] = 8.0
    chosen = assign(matching_cost(logits, places, target.pose, 5.0), target.known)
    assert torch.equal(chosen[target.known], order.expand(6, -1)[target.known])
    classes, distance = head.matched_losses(logits, places, chosen, target)
    assert distance == 0
    wrong, _ = head.matched_losses(logits, places, chosen.roll(1, 1), target)
    assert wrong > 3 * classes


def test_the_waterfall_reaches_far_and_looks_at_everything() -> None:
    torch.manual_seed(0)
    water = Waterfall(4, 8, (6, 3, 1)).eval()
    x = torch.randn(1, 4, 21, 21)
    with torch.no_grad():
        before = water(x)
        x[0, :, 10, 10] += 3
        changed = (water(x) - before).abs().sum((0, 1)) > 1e-6
    assert changed[10, 0]  # ten cells away: 6 + 3 + 1
    assert changed[0, 0]  # only by way of the pooled branch
    lone = Waterfall(4, 8, (6, 3, 1)).eval()
    with torch.no_grad():
        for parameter in lone.pooled.parameters():
            parameter.zero_()
    with torch.no_grad():
        near = (lone(x) - lone(x.index_fill(3, torch.tensor([20]), 0))).abs().sum((0, 1)) > 1e-6
    assert near[10, 10]
    assert not near[10, 9]


def test_vae_samples_around_its_class(encoder: Encoder, features: Features) -> None:
    head = fresh("vae", encoder, features)
    assert isinstance(head, Vae)
    many = answers(head, features, 40)
    assert many.templates is not None
    assert many.scores is not None
    with torch.no_grad():
        chances = head.classifier(features).softmax(-1)
    assert torch.equal(many.templates[:, 0], chances.argmax(-1)), "the first is of the most probable class"
    assert len(many.templates[0].unique()) > 1, "further ones are drawn"
    torch.testing.assert_close(many.scores, chances.gather(1, many.templates))
    same = answers(head, features, 1)
    torch.testing.assert_close(same.poses[:, 0], many.poses[:, 0])
    five = Target(
        torch.zeros(5, 16, 2), torch.ones(5, 16, dtype=torch.bool), head.templates, torch.ones(5, 2),
        torch.tensor([4, 3, 2, 1, 0]),
    )  # fmt: skip
    assert head.nearest(five).tolist() == [0, 1, 2, 3, 4]
    head.shares_templates = True  # as in training: the encoder's assignment, which may not be by shape
    assert head.nearest(five).tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("name", STOCHASTIC)
def test_noise_changes_the_pose_and_a_seed_repeats_it(
    name: str, encoder: Encoder, features: Features
) -> None:
    head = fresh(name, encoder, features)
    first, again = answers(head, features, 4, seed=1).poses, answers(head, features, 2, seed=1).poses
    torch.testing.assert_close(first[:, :2], again)
    other = answers(head, features, 4, seed=2).poses
    assert ((first - other).abs().amax((1, 2, 3)) > 1e-4).all()
    assert (diversity(first.numpy()) > 1e-4).all()


def test_diversity_loss_makes_outputs_spread() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(3, 6, 32, generator=generator)
    follows = noise.unflatten(-1, (16, 2)) * 0.2
    collapsed = torch.zeros(3, 6, 16, 2) + 1e-5 * torch.randn(3, 6, 16, 2, generator=generator)
    assert diversity_loss(noise, follows, 0.8) < 1e-6, "distances in proportion cost nothing, in any unit"
    worst = diversity_loss(noise, torch.zeros(3, 6, 16, 2), 0.8)
    assert worst == pytest.approx(0.8 / 5, rel=0.01)
    # The less the outputs differ, the larger the loss; and going down it lets them spread.
    losses = [float(diversity_loss(noise, follows * share, 0.8)) for share in (1e-2, 1e-4, 1e-5)]
    assert losses == sorted(losses)
    assert losses[-1] > 0.5 * float(worst)
    made = collapsed.clone().requires_grad_()
    optimiser = torch.optim.SGD([made], 0.5)
    spreads = []
    for _ in range(4):
        spreads.append(float(diversity(made.detach().numpy()).mean()))
        optimiser.zero_grad()
        diversity_loss(noise, made, 0.8).backward()
        optimiser.step()
    assert spreads == sorted(spreads)
    assert spreads[-1] > 5 * spreads[0]


def test_graph_completion_reads_every_level_of_the_pyramid(encoder: Encoder, features: Features) -> None:
    head = fresh("graconet", encoder, features).eval()
    assert isinstance(head, GracoNet)
    assert head.complete.positions.shape[0] == 4 + 16 + 64
    with torch.no_grad():
        before = head.node(features)
        fused = features.fused.clone()
        fused[..., 0, 0] += 5
        assert ((head.node(replace(features, fused=fused)) - before).abs().amax(1) > 1e-5).all()
        thing = head.complete(features.fused, torch.zeros_like(before))
    assert (thing - before).abs().max() > 1e-3, "the point's token is asked"


def test_the_latent_path_reconstructs(encoder: Encoder, features: Features, target: Target) -> None:
    """With the KL divergence switched off, the latent tells the decoder which pose was true."""
    torch.manual_seed(0)
    sizes = {**SMALL["graconet"], "kl": 0.0, "random_path": 0.0, "latent_path": 0.0}
    head = build("graconet", encoder.config, tiny.template_set(), sizes)
    assert isinstance(head, GracoNet)
    head.standardise(features)
    # The views are all the same: only the latent can tell the six poses apart.
    one = features.at(torch.zeros(6, dtype=torch.long))
    overfit(head, one, target, 80, 5e-3)
    with torch.no_grad():
        reconstruction = head.losses(one, target)["reconstruction"]
    true = head.true_numbers(target)
    assert reconstruction < 0.3 * (true - true.mean(0)).square().mean()


@pytest.mark.slow
def test_twelve_layers_still_tell_places_and_queries_apart(
    encoder: Encoder, features: Features, target: Target
) -> None:
    """At its real depth and rate: with norms last all queries said the same at every place."""
    torch.manual_seed(0)
    head = build("prtr", encoder.config, tiny.template_set(), {**SMALL["prtr"], "layers": 6})
    head.standardise(features)
    overfit(head, features, target, 60, 2e-3 * head.rate)
    poses = answers(head, features).poses[:, 0]
    true = target.pose[1:]  # all joints known
    assert poses[1:].std(0).mean() > 0.5 * true.std(0).mean(), "places are told apart"
    assert (poses - poses.mean(1, keepdim=True)).square().mean().sqrt() > 0.5 * (
        true - true.mean(1, keepdim=True)
    ).square().mean().sqrt(), "joints are"
