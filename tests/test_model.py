"""The paper's head and its parts: shapes, masks, boxes, gradients, checkpoints."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from scenepose.errors import CheckpointError
from scenepose.methods.checkpoint import load_head, read_head_file
from scenepose.methods.scenepose import ScenePose, ScenePoseConfig
from scenepose.model.attention import Attention, sine_positions
from scenepose.model.backbone import Backbone, load_backbone
from scenepose.model.checkpoint import load_encoder, load_teacher, read_card
from scenepose.model.encoder import Encoder, EncoderConfig
from scenepose.model.offset_transformer import OffsetTransformer, region_boxes, visible_tokens
from scenepose.model.teacher import Teacher, keypoint_heatmaps
from scenepose.pose.geometry import box
from tests import tiny

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def head() -> ScenePose:
    return tiny.head()


def fused(count: int, seed: int = 0) -> torch.Tensor:
    """Feature maps F."""
    return torch.randn(count, 32, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_shapes(head: ScenePose) -> None:
    predicted = head.predict(fused(2))
    assert predicted.logits.shape == (2, 5)
    assert predicted.scales.shape == (2, 5, 2)
    assert predicted.offsets.shape == predicted.poses.shape == (2, 5, 16, 2)
    assert predicted.features.shape == (2, 5, 32)
    assert predicted.pooled.shape == (2, 32)
    assert predicted.hidden is None


def test_released_size_fits_its_budget() -> None:
    with torch.device("meta"):
        backbone, encoder = Backbone(), Encoder(EncoderConfig())
    assert sum(p.numel() for p in backbone.parameters()) == 11_176_512  # ResNet-18 less its head
    head = ScenePose(ScenePoseConfig(), EncoderConfig(), tiny.template_set(14))
    assert 2 * sum(p.numel() for part in (encoder, head) for p in part.parameters()) < 40e6


def test_answers_are_ranked_and_complete(head: ScenePose) -> None:
    maps = tiny.encoder().encode(tiny.picture())
    with torch.no_grad():
        features = maps.at(torch.tensor([[0.4, 0.5, 4 / 3], [0.7, 0.6, 4 / 3]]))
        answer, predicted = head.decode(features), head.predict(features.fused)
    assert answer.scores is not None
    assert answer.templates is not None
    assert (answer.scores.diff(dim=1) <= 0).all()
    for row in range(2):
        assert sorted(answer.templates[row].tolist()) == [0, 1, 2, 3, 4]
        order = answer.templates[row]
        torch.testing.assert_close(answer.poses[row], predicted.poses[row, order])
        torch.testing.assert_close(answer.scores[row], predicted.logits[row, order].sigmoid())


def test_every_joint_may_be_told_hidden() -> None:
    told = tiny.head(replace(tiny.CONFIG, hidden_joints=True))
    predicted = told.predict(fused(2))
    assert predicted.hidden is not None
    assert predicted.hidden.shape == (2, 5, 16)
    only = told.predict(fused(2), torch.tensor([[3], [0]])).hidden
    assert only is not None
    torch.testing.assert_close(only[0, 0], predicted.hidden[0, 3], atol=1e-5, rtol=1e-4)
    predicted.hidden.sum().backward()
    assert told.hidden is not None
    assert told.hidden.weight.grad is not None
    maps = tiny.encoder().encode(tiny.picture())
    features = maps.at(torch.tensor([[0.4, 0.5, 4 / 3]]))
    with torch.no_grad():
        answer = told.decode(features)
        logits = told.predict(features.fused).hidden
    assert answer.hidden is not None
    assert answer.templates is not None
    assert logits is not None
    assert torch.equal(answer.hidden[0], logits[0, answer.templates[0]] > 0), "in the ranking's order"
    assert tiny.head().decode(features).hidden is None


def test_attended_scores_know_where_things_lie() -> None:
    features = fused(2)
    swapped = features.flip(-1)  # the same things elsewhere: pooled F is the same
    for scores in ("pooled", "attended"):
        head = tiny.head(replace(tiny.CONFIG, scores=scores))
        before = head.score(features)
        torch.testing.assert_close(before, head.predict(features).logits)
        torch.testing.assert_close(head.classify(swapped)[0], head.classify(features)[0])
        assert torch.allclose(head.score(swapped), before, atol=1e-6) == (scores == "pooled")
        head.rescale_scores(0.5, torch.arange(5.0))
        torch.testing.assert_close(head.score(features), 0.5 * before + torch.arange(5.0))


def test_predictions_stay_in_their_ranges(head: ScenePose) -> None:
    predicted = head.predict(fused(4) * 30)
    assert predicted.scales.min() >= 0
    assert predicted.scales.max() <= 2
    assert predicted.offsets.abs().max() <= 1
    assert predicted.poses.abs().max() <= 1 + 1e-5
    centre, sides = box(predicted.poses)
    torch.testing.assert_close(centre, torch.zeros_like(centre), atol=1e-5, rtol=0)
    torch.testing.assert_close(sides, predicted.scales, atol=1e-4, rtol=1e-4)


def test_an_untrained_head_predicts_about_the_mean_scale(head: ScenePose) -> None:
    features = tiny.encoder().encode(tiny.picture()).at(torch.tensor([[0.5, 0.5, 4 / 3]] * 2))
    predicted = head.predict(features.fused)
    mean = torch.from_numpy(head.template_set.mean_scale).expand_as(predicted.scales)
    torch.testing.assert_close(predicted.scales, mean, atol=0.1, rtol=0.3)


def test_batch_equals_single(head: ScenePose) -> None:
    together = head.predict(fused(3))
    for n in range(3):
        alone = head.predict(fused(3)[n : n + 1])
        torch.testing.assert_close(alone.poses[0], together.poses[n], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(alone.logits[0], together.logits[n], atol=1e-4, rtol=1e-3)


def test_some_templates_alone_equal_themselves_among_all(head: ScenePose) -> None:
    everything = head.predict(fused(2))
    some = head.predict(fused(2), torch.tensor([[3], [0]]))
    assert some.poses.shape == (2, 1, 16, 2)
    torch.testing.assert_close(some.poses[0, 0], everything.poses[0, 3], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(some.offsets[1, 0], everything.offsets[1, 0], atol=1e-5, rtol=1e-4)


def test_masked_tokens_take_no_part() -> None:
    torch.manual_seed(0)
    attention = Attention(16, 2)
    query, memory = torch.randn(1, 3, 16), torch.randn(1, 6, 16)
    visible = torch.tensor([[True, True, True, True, False, False]])
    masked = attention(query, memory, memory, visible)
    assert not torch.allclose(masked, attention(query, memory, memory))
    torch.testing.assert_close(masked, attention(query, memory[:, :4], memory[:, :4]))


def test_boxes_lie_in_the_local_views_frame() -> None:
    boxes = region_boxes(torch.tensor([[1.0, 0.5], [0.001, 2.0]]), 8)
    assert boxes[0].tolist() == [0, 2, 8, 6]  # a width of 1 H spans the view
    assert boxes[1].tolist() == [3.5, -4, 4.5, 12]  # never under one cell; may reach outside


def test_tokens_outside_the_view_are_masked() -> None:
    boxes = region_boxes(torch.tensor([[1.0, 1.0], [2.0, 1.0]]), 8)
    visible = visible_tokens(boxes, 8, 4)
    assert visible[0].all()
    assert visible[1].view(4, 4).tolist() == [[False, True, True, False]] * 4


def test_region_is_cut_from_its_box() -> None:
    torch.manual_seed(0)
    transformer = OffsetTransformer(
        channels=16, heads=2, layers=1, ffn=16, dropout=0.0, roi=4, offset_range=1.0
    ).eval()
    z, scales = torch.randn(1, 1, 16), torch.tensor([[[0.5, 0.25]]])  # cells 2..6 across, 3..5 down, of 8
    features = torch.randn(1, 16, 8, 8)

    def changed(rows: slice, columns: slice) -> bool:
        other = features.clone()
        other[:, :, rows, columns] += 5
        return not torch.allclose(
            transformer(z, scales, features)[1], transformer(z, scales, other)[1], atol=1e-6
        )

    assert changed(slice(3, 5), slice(2, 6))
    # A bilinear sample reaches half a cell beyond the box, not further.
    assert not changed(slice(0, 2), slice(0, 8))
    assert not changed(slice(6, 8), slice(0, 8))
    assert not changed(slice(0, 8), slice(0, 1))
    assert not changed(slice(0, 8), slice(7, 8))


def test_positions_differ_from_cell_to_cell() -> None:
    positions = sine_positions(5, 7, 16, torch.device("cpu"))
    assert positions.shape == (35, 16)
    assert torch.cdist(positions, positions).fill_diagonal_(9).min() > 0.1


def test_fine_positions_tell_neighbours_apart() -> None:
    alike = {}
    for kind in ("detr", "fine"):
        positions = sine_positions(20, 20, 64, torch.device("cpu"), kind)
        unit = positions / positions.norm(dim=1, keepdim=True)
        alike[kind] = float(unit[210] @ unit[211])
        assert torch.cdist(positions, positions).fill_diagonal_(9).min() > 0.1
    assert alike["detr"] > 0.99
    assert alike["fine"] < 0.95


def test_batch_norm_keeps_its_statistics_in_training() -> None:
    backbone = Backbone().train()
    before = {name: tensor.clone() for name, tensor in backbone.named_buffers()}
    backbone(tiny.views(2) + 3)
    assert len(before) == 60  # mean, variance and count of 20 norms
    for name, tensor in backbone.named_buffers():
        assert torch.equal(tensor, before[name]), name


def test_gradients_reach_all_that_learns() -> None:
    head = tiny.head(replace(tiny.CONFIG, scores="attended", hidden_joints=True)).train()
    features = fused(2).requires_grad_()
    predicted = head.predict(features)
    assert predicted.hidden is not None
    losses = (predicted.logits, predicted.scales, predicted.offsets.square(), predicted.hidden)
    torch.stack([loss.sum() for loss in losses]).sum().backward()
    assert features.grad is not None
    assert features.grad.abs().sum() > 0
    for name, parameter in head.named_parameters():
        if name.endswith("attention.key.bias"):
            continue  # it adds the same to all of a query's logits, so it may be left out
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_frozen_stages_give_the_same_maps() -> None:
    torch.manual_seed(0)
    free, frozen = Backbone(), Backbone(freeze_stages=4)
    frozen.load_state_dict(free.state_dict())
    for one, other in zip(free.eval()(tiny.views(1)), frozen.eval()(tiny.views(1)), strict=True):
        torch.testing.assert_close(one, other)


def test_partial_backbone_weights_leave_the_rest_fresh(tmp_path) -> None:
    donor = Backbone()
    state = {k: v.clone() for k, v in donor.state_dict().items() if not k.startswith("layer4") and v.dim()}
    save_file(state, str(tmp_path / "part.safetensors"))
    backbone = Backbone()
    fresh = load_backbone(backbone, str(tmp_path / "part.safetensors"))
    assert fresh
    assert all(name.startswith("layer4.") for name in fresh)
    torch.testing.assert_close(backbone.conv1.weight, donor.conv1.weight)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_backbone(backbone, "nowhere.safetensors")
    save_file({"stem": torch.ones(1)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(ValueError, match="stem"):
        load_backbone(backbone, str(tmp_path / "other.safetensors"))


def test_checkpoints_give_back_encoder_and_head(tmp_path, head: ScenePose) -> None:
    encoder = tiny.encoder()
    path = tiny.save(tmp_path, encoder, head, {"data": ["tiny"]})
    again = load_encoder(tmp_path / "encoder.safetensors")
    own = load_head(path, "scenepose", again)
    assert isinstance(own, ScenePose)
    assert not again.training
    assert not own.training
    assert again.config == encoder.config
    assert own.sizes == head.sizes
    assert own.template_set.names == head.template_set.names
    assert own.template_set.kinds == head.template_set.kinds
    assert read_card(tmp_path / "encoder.safetensors") == {"data": ["tiny"]}
    file = read_head_file(path)
    assert (file.name, file.card, file.parameters) == ("scenepose", {"data": ["tiny"]}, head.size)
    assert {p.name for p in tmp_path.iterdir()} == {"encoder.safetensors", "scenepose.safetensors"}
    position = [torch.tensor([[0.4, 0.5, 4 / 3]])]
    with torch.no_grad():
        poses = [
            reads.predict(encodes.features([tiny.picture()], position).fused).poses
            for encodes, reads in ((encoder, head), (again, own))
        ]
    torch.testing.assert_close(*poses, atol=5e-3, rtol=0)
    tiny.save(tmp_path / "second", again, own)
    third = load_encoder(tmp_path / "second" / "encoder.safetensors").state_dict()
    assert all(torch.equal(tensor, third[name]) for name, tensor in again.state_dict().items())


@pytest.mark.parametrize("load", [load_encoder, load_teacher, read_head_file])
def test_foreign_files_are_not_checkpoints(load, tmp_path) -> None:
    with pytest.raises(CheckpointError, match="there is no file"):
        load(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(CheckpointError, match="does not hold the weights of"):
        load(tmp_path / "text.safetensors")
    save_file({"a": torch.ones(1)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(CheckpointError, match="does not hold the weights of"):
        load(tmp_path / "other.safetensors")


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="channels is a multiple of heads and of 4; 100, 8 given"):
        ScenePose(ScenePoseConfig(), EncoderConfig(channels=100), tiny.template_set())


def test_teacher_sees_the_pose_where_it_is_placed() -> None:
    templates = torch.zeros(1, 16, 2)
    templates[0, 0] = torch.tensor([0.5, -0.5])
    maps = keypoint_heatmaps(templates, torch.tensor([[0.5, 1.0]]), 40)
    row, column = divmod(int(maps[0, 0].argmax()), 40)
    assert (column + 0.5) / 40 == pytest.approx(0.75, abs=0.02)
    assert row == 0
    torch.manual_seed(0)
    teacher = Teacher(features=24).eval()
    feature, offset = teacher(tiny.views(2, size=40), maps.expand(2, -1, -1, -1))
    assert feature.shape == (2, 24)
    assert offset.shape == (2, 16, 2)
    assert not torch.allclose(feature, teacher(tiny.views(2, size=40), torch.zeros(2, 16, 40, 40))[0])
