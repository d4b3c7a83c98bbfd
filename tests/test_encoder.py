"""A picture encoded once: windows of its maps are the views of its points."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from scenepose.data.surfaces import SURFACES
from scenepose.model.encoder import Encoder, EncoderConfig, Level, width_at, window
from scenepose.model.features import VIEWS, Features, ViewMaps, join
from tests import tiny

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return tiny.encoder()


def positions(*rows: tuple[float, float], aspect: float = 96 / 72) -> Tensor:
    return torch.tensor([[x, y, aspect] for x, y in rows])


def assert_alike(one: Features, other: Features) -> None:
    torch.testing.assert_close(one.fused, other.fused, atol=1e-4, rtol=1e-3)
    for view in VIEWS:
        for name in ("decoded", "stride8", "stride32"):
            ours, theirs = (getattr(getattr(features, view), name) for features in (one, other))
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_shapes(encoder: Encoder) -> None:
    with torch.no_grad():
        maps = encoder.encode(tiny.picture())
        features = maps.at(positions((0.5, 0.5), (0.1, 0.9)))
    assert features.fused.shape == (2, 32, 8, 8)
    for view in VIEWS:
        assert getattr(features, view).decoded.shape == (2, 16, 8, 8)
        assert getattr(features, view).stride8.shape == (2, 128, 8, 8)
        assert getattr(features, view).stride32.shape == (2, 512, 2, 2)
    assert maps.whole.decoded.shape == (1, 16, 8, 8)
    assert maps.local.decoded.shape == (1, 16, 8, 12)  # 85 pixels, padded to 96
    assert maps.detail.decoded.shape == (1, 16, 16, 24)
    assert maps.nbytes == sum(level.nbytes for level in (maps.whole, maps.local, maps.detail))


def test_batch_equals_single_and_pictures_do_not_mix(encoder: Encoder) -> None:
    sizes = ((96, 72), (96, 72), (60, 90))  # two of one shape are encoded together
    pictures = [tiny.picture(*size, seed) for seed, size in enumerate(sizes)]
    points = [positions((0.3, 0.6), (0.8, 0.2), aspect=w / h) for w, h in sizes]
    with torch.no_grad():
        together = encoder.features(pictures, points)
        for number, (picture, position) in enumerate(zip(pictures, points, strict=True)):
            maps = encoder.encode(picture)
            for row in range(2):
                alone = maps.at(position[row : row + 1])
                assert_alike(alone, together.at(torch.tensor([2 * number + row])))


def smooth_picture() -> Tensor:
    """A picture (3, 192, 384) of wide shades, in which neighbouring cells are related."""
    noise = torch.rand(1, 3, 12, 24, generator=torch.Generator().manual_seed(2)) * 255
    return torch.nn.functional.interpolate(noise, (192, 384), mode="bicubic").clamp(0, 255)[0].to(torch.uint8)


def test_windows_are_the_papers_views_away_from_their_borders() -> None:
    config = replace(tiny.ENCODER, view_size=192)
    encoder, picture = tiny.encoder(config), smooth_picture()
    # Its local view lies inside the picture, on whole cells: the crop sees a border where the map goes on.
    position = positions((0.5, 0.5), aspect=2.0)
    with torch.no_grad():
        windows = encoder.encode(picture).at(position)
        crops = encoder.cut(picture, position, encoder.encode_whole(picture))
    torch.testing.assert_close(windows.whole.decoded, crops.whole.decoded)
    for view in ("local", "detail"):
        for name, border in (("stride8", 4), ("decoded", 8)):
            ours, theirs = (getattr(getattr(one, view), name)[0] for one in (windows, crops))
            mean = theirs.mean((1, 2), keepdim=True)
            inner = slice(border, -border)
            alike = cosine_similarity(ours - mean, theirs - mean, dim=0)
            assert alike[inner, inner].mean() > 0.9, (view, name)
            moved = cosine_similarity(ours.roll(6, 2) - mean, theirs - mean, dim=0)
            assert alike[inner, inner].mean() > moved[inner, inner].mean() + 0.1, (view, name)


def level_of(values: Tensor, cells: float) -> Level:
    return Level(values, values, values[..., ::4, ::4], cells)


def test_windows_are_exact_between_cells() -> None:
    rows, columns, cells = 16, 24, 21.3  # the picture ends within a cell
    y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
    level = level_of(torch.stack([x, y])[None], cells)
    position = positions((0.5, 0.5), (0.51, 0.47), (0.43, 0.53), aspect=cells / rows)
    for side, size in ((0.5, 8), (0.25, 4)):
        found = window(level, "decoded", position, side)
        assert found.shape == (3, 2, size, size)
        steps = torch.arange(size) + 0.5 - size / 2
        for row, (px, py, _) in enumerate(position):
            torch.testing.assert_close(found[row, 0], (px * cells + steps).expand(size, -1))
            torch.testing.assert_close(found[row, 1], (py * rows + steps)[:, None].expand(-1, size))
    # The coarse map, whose cells are four times as large, is read at the same positions.
    coarse = window(level._replace(stride32=torch.stack([x, y])[None, :, :4, :6]), "stride32", position, 1.0)
    torch.testing.assert_close(coarse[1, 0, 1], position[1, 0] * cells / 4 + torch.arange(4) - 1.5)


def test_outside_the_picture_is_zero(encoder: Encoder) -> None:
    with torch.no_grad():
        maps = encoder.encode(tiny.picture())
        corner = maps.at(positions((0.0, 0.0), (1.0, 1.0)))
    for name in ("decoded", "stride8"):
        first, last = getattr(corner.local, name)
        assert (first[:, :3] == 0).all()
        assert (first[:, :, :3] == 0).all()
        assert first[:, 4:, 4:].abs().sum() > 0
        assert (last[:, 5:] == 0).all()
        assert (last[:, :, 5:] == 0).all(), "what is padded to a multiple of the stride is outside, too"
        assert last[:, :4, :4].abs().sum() > 0


@pytest.mark.parametrize("size", [(32, 128), (128, 32), (320, 40), (20, 300), (1, 1)])
def test_pictures_of_all_shapes(size: tuple[int, int], encoder: Encoder) -> None:
    width, height = size
    with torch.no_grad():
        maps = encoder.encode(tiny.picture(width, height))
        features = maps.at(positions((0.5, 0.5), (0.99, 0.01), aspect=width / height))
    assert torch.isfinite(features.fused).all()
    assert features.local.decoded.abs().sum() > 0
    assert maps.local.decoded.shape[-1] <= 4 * 8, "wider pictures are squashed"


def test_pictures_keep_their_shape_up_to_four_to_one() -> None:
    assert width_at((100, 133), 64) == 85
    assert width_at((100, 400), 64) == width_at((100, 900), 64) == 256
    assert width_at((400, 100), 64) == 16
    assert width_at((9000, 1), 64) == 1


@pytest.mark.parametrize("freeze_stages", [0, 2])
def test_gradients_reach_the_encoder_from_points_and_nothing_frozen(freeze_stages: int) -> None:
    encoder = tiny.encoder(replace(tiny.ENCODER, freeze_stages=freeze_stages, tell_position=True)).train()
    features = encoder.features(
        [tiny.picture(), tiny.picture(seed=1)], [positions((0.5, 0.5)), positions((0.2, 0.7), (0.6, 0.4))]
    )
    (features.fused.square().sum() + features.detail.stride32.sum()).backward()
    frozen = ("conv1", "bn1", "layer1", "layer2")[: 4 if freeze_stages else 0]
    for name, parameter in encoder.named_parameters():
        if name.split(".")[0] == "backbone" and name.split(".")[1] in frozen:
            assert parameter.grad is None, name
            assert not parameter.requires_grad, name
        else:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_a_points_gradient_is_the_sum_of_what_its_points_give() -> None:
    encoder, picture = tiny.encoder(), tiny.picture()
    points = positions((0.3, 0.5), (0.7, 0.6))

    def gradient(position: Tensor) -> Tensor:
        encoder.zero_grad()
        encoder.features([picture], [position]).fused.sum().backward()
        return encoder.backbone.layer4[0].conv1.weight.grad.clone()  # pyright: ignore

    each = gradient(points[:1]) + gradient(points[1:])
    torch.testing.assert_close(gradient(points), each, atol=1e-3, rtol=1e-3)


def test_features_are_joined_picked_and_cut_off(encoder: Encoder) -> None:
    maps = encoder.encode(tiny.picture())
    one, two = maps.at(positions((0.3, 0.5))), maps.at(positions((0.7, 0.6), (0.1, 0.9)))
    both = join([one, two])
    assert len(both) == 3
    torch.testing.assert_close(both.local.stride8[1:], two.local.stride8)
    picked = both.at(torch.tensor([True, False, True]))
    assert len(picked) == 2
    assert_alike(picked.at(torch.tensor([1])), two.at(torch.tensor([1])))
    assert both.fused.requires_grad
    cut = both.detach()
    assert not any(x.requires_grad for x in (cut.fused, cut.local.decoded, cut.whole.stride32))
    assert both.float().detail.decoded.dtype == torch.float32


def test_maps_are_cut_once_and_only_when_they_are_read() -> None:
    asked = []
    maps = ViewMaps(lambda name: asked.append(name) or torch.zeros(1))
    changed = maps.map(lambda value: value + 1)
    assert asked == []
    assert changed.stride8 == 1
    assert changed.stride8 is changed.stride8
    assert maps.stride8 == 0
    assert asked == ["stride8"]


def test_the_position_changes_the_features_when_the_encoder_is_told() -> None:
    here, there = positions((0.5, 0.3)), positions((0.5, 0.8))
    for told in (True, False):
        encoder = tiny.encoder(replace(tiny.ENCODER, tell_position=told))
        with torch.no_grad():
            views = encoder.encode(tiny.picture()).at(here)
            fused = [encoder.fuse(views.whole, views.local, views.detail, one) for one in (here, there)]
        assert torch.allclose(fused[0], fused[1]) != told


def test_one_view_alone_is_the_local_one() -> None:
    for three in (True, False):
        encoder = tiny.encoder(replace(tiny.ENCODER, three_views=three))
        with torch.no_grad():
            views = encoder.encode(tiny.picture()).at(positions((0.4, 0.5)))
            other = views.detail.map(lambda maps: maps + 1)
            fused = encoder.fuse(views.whole, views.local, other, views.position)
            assert torch.allclose(fused, views.fused) != three
            if not three:
                torch.testing.assert_close(fused, encoder.fusion(views.local.decoded))


def test_surfaces_are_told_in_every_cell_and_in_no_others_batch() -> None:
    encoder = tiny.encoder(replace(tiny.ENCODER, surfaces=len(SURFACES)))
    with torch.no_grad():
        pictures = encoder.encode_all([tiny.picture(), tiny.picture(60, 90, 1)])
        both = encoder.surfaces_of(pictures)
        assert both[0].shape == (len(SURFACES) + 2, 16, 24)
        torch.testing.assert_close(pictures[1].surfaces(), both[1])
    with pytest.raises(ValueError, match="does not tell surfaces"):
        tiny.encoder().encode(tiny.picture()).surfaces()


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="view_size is a multiple of 32, and it is 100"):
        EncoderConfig(view_size=100)
    with pytest.raises(ValueError, match="views is pixels"):
        EncoderConfig(views="pixels", surfaces=3)
