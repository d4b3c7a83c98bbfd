"""The network: shapes, masks, boxes, gradients, checkpoints."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from scenepose.geometry import box
from scenepose.model.attention import Attention, sine_positions
from scenepose.model.backbone import Backbone, load_backbone
from scenepose.model.checkpoint import load_checkpoint, read_card, save_checkpoint
from scenepose.model.foundation import into_local_frame
from scenepose.model.offset_transformer import OffsetTransformer, region_boxes, visible_tokens
from scenepose.model.scenepose import ScenePose, ScenePoseConfig
from scenepose.model.teacher import Teacher, keypoint_heatmaps
from tests import tiny

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model() -> ScenePose:
    return tiny.model()


def test_shapes(model: ScenePose) -> None:
    maps = model.encode_view(tiny.views(2))
    assert maps.shape == (2, 16, 8, 8)
    features = model.fuse(maps, maps, maps)
    assert features.shape == (2, 32, 8, 8)
    prediction = model.decode(features)
    assert prediction.logits.shape == (2, 5)
    assert prediction.scales.shape == (2, 5, 2)
    assert prediction.offsets.shape == prediction.poses.shape == (2, 5, 16, 2)
    assert prediction.features.shape == (2, 5, 32)
    assert prediction.pooled.shape == (2, 32)


def test_released_size_fits_its_budget() -> None:
    with torch.device("meta"):
        backbone = Backbone()
    assert sum(p.numel() for p in backbone.parameters()) == 11_176_512  # ResNet-18 less its head
    full = ScenePose(ScenePoseConfig(), tiny.template_set(14))
    assert sum(p.numel() for p in full.parameters()) * 2 < 40e6


def test_attended_scores_know_where_things_lie() -> None:
    features = torch.randn(2, 32, 8, 8)
    swapped = features.flip(-1)  # the same things elsewhere: pooled F is the same
    for scores in ("pooled", "attended"):
        model = tiny.model(replace(tiny.CONFIG, scores=scores))
        said = model.score(features)
        torch.testing.assert_close(said, model.decode(features).logits)
        torch.testing.assert_close(
            model.foundation.classify(swapped)[0], model.foundation.classify(features)[0]
        )
        assert torch.allclose(model.score(swapped), said, atol=1e-6) == (scores == "pooled")
        model.rescale_scores(0.5, torch.arange(5.0))
        torch.testing.assert_close(model.score(features), 0.5 * said + torch.arange(5.0))


def test_predictions_stay_in_their_ranges(model: ScenePose) -> None:
    prediction = model.decode(torch.randn(4, 32, 8, 8) * 30)
    assert prediction.scales.min() >= 0
    assert prediction.scales.max() <= 2
    assert prediction.offsets.abs().max() <= 1
    assert prediction.poses.abs().max() <= 1 + 1e-5
    centre, sides = box(prediction.poses)
    torch.testing.assert_close(centre, torch.zeros_like(centre), atol=1e-5, rtol=0)
    torch.testing.assert_close(sides, prediction.scales, atol=1e-4, rtol=1e-4)


def test_untrained_model_says_about_the_mean_scale(model: ScenePose) -> None:
    prediction = model(tiny.views(2), tiny.views(2, 1), tiny.views(2, 2))
    mean = torch.from_numpy(model.template_set.mean_scale).expand_as(prediction.scales)
    torch.testing.assert_close(prediction.scales, mean, atol=0.1, rtol=0.3)


def test_batch_equals_single_and_frames_are_shared(model: ScenePose) -> None:
    whole, local, detail = tiny.views(2, 1), tiny.views(3, 2), tiny.views(3, 3)
    frame = torch.tensor([0, 1, 0])
    together = model(whole, local, detail, frame=frame)
    for n in range(3):
        alone = model(whole[frame[n : n + 1]], local[n : n + 1], detail[n : n + 1])
        torch.testing.assert_close(alone.poses[0], together.poses[n], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(alone.logits[0], together.logits[n], atol=1e-4, rtol=1e-3)


def test_some_templates_alone_equal_themselves_among_all(model: ScenePose) -> None:
    features = torch.randn(2, 32, 8, 8)
    everything = model.decode(features)
    only = torch.tensor([[3], [0]])
    some = model.decode(features, only)
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


@pytest.mark.parametrize("freeze_stages", [0, 2])
def test_gradients_reach_what_learns_and_nothing_frozen(freeze_stages: int) -> None:
    model = tiny.model(replace(tiny.CONFIG, freeze_stages=freeze_stages)).train()
    prediction = model(tiny.views(1), tiny.views(2, 1), tiny.views(2, 2), frame=torch.tensor([0, 0]))
    (prediction.logits.sum() + prediction.scales.sum() + prediction.offsets.square().sum()).backward()
    frozen = ("conv1", "bn1", "layer1", "layer2")[: 4 if freeze_stages else 0]
    for name, parameter in model.named_parameters():
        part = name.removeprefix("foundation.backbone.").split(".")[0]
        if "backbone" in name and part in frozen:
            assert parameter.grad is None, name
            assert not parameter.requires_grad, name
        else:
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


def test_checkpoint_gives_back_the_model(tmp_path, model: ScenePose) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, model, {"data": ["tiny"]})
    again = load_checkpoint(path)
    assert not again.training
    assert again.config == model.config
    assert again.template_names == model.template_names
    assert again.template_kinds == model.template_kinds
    assert read_card(path) == {"data": ["tiny"]}
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    inputs = tiny.views(1), tiny.views(1, 1), tiny.views(1, 2)
    torch.testing.assert_close(again(*inputs).poses, model(*inputs).poses, atol=5e-3, rtol=0)
    save_checkpoint(tmp_path / "second.safetensors", again, {})
    third = load_checkpoint(tmp_path / "second.safetensors").state_dict()
    assert all(torch.equal(tensor, third[name]) for name, tensor in again.state_dict().items())


def test_foreign_files_are_no_checkpoints(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_checkpoint(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ValueError, match="no ScenePose checkpoint"):
        load_checkpoint(tmp_path / "text.safetensors")
    save_file({"a": torch.ones(1)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(ValueError, match="no ScenePose checkpoint"):
        load_checkpoint(tmp_path / "other.safetensors")


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="view_size"):
        ScenePoseConfig(view_size=100)
    with pytest.raises(ValueError, match="channels"):
        ScenePoseConfig(channels=100)
    with pytest.raises(ValueError, match="5 templates"):
        ScenePose(tiny.CONFIG, tiny.template_set(4))


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


def test_the_points_place_changes_the_answer_when_the_model_is_told() -> None:
    model = tiny.model(replace(tiny.CONFIG, tell_place=True))
    inputs = [tiny.views(1, seed) for seed in range(3)]
    low, high = (model(*inputs, torch.tensor([[0.5, y, 1.3]])).scales for y in (0.3, 0.8))
    assert not torch.allclose(low, high)
    with pytest.raises(ValueError, match="told where in the picture the point lies"):
        model(*inputs)


def test_maps_are_brought_to_where_the_local_view_has_them() -> None:
    cells, aspect = 8, 2.0
    middles = (torch.arange(cells) + 0.5) / cells
    across = middles.expand(1, 2, cells, cells)  # a global map that says how far right each cell is
    place = torch.tensor([[0.5, 0.3, aspect]])
    around, detail = into_local_frame(across, torch.ones(1, 2, cells, cells), place)
    # The local view spans 1 / aspect of the picture's width, its middle at the point.
    expected = 0.5 + (middles - 0.5) / aspect
    torch.testing.assert_close(around[0, 0, 3], expected)
    assert around[0, 0, 0].max() == 0  # 0.3 - 0.5 < 0: above the picture
    torch.testing.assert_close(detail[0, 0].sum(), torch.tensor(16.0))
    assert detail[0, 0, 2:6, 2:6].min() == 1


def test_aligned_views_use_the_place() -> None:
    model = tiny.model(replace(tiny.CONFIG, views="aligned"))
    views = [tiny.views(2, seed) for seed in range(3)]
    here, there = torch.tensor([[0.2, 0.5, 1.3]] * 2), torch.tensor([[0.8, 0.5, 1.3]] * 2)
    assert not torch.allclose(model(*views, place=here).logits, model(*views, place=there).logits)
    with pytest.raises(ValueError, match="was not told where"):
        model(*views)
