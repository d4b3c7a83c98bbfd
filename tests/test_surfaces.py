"""Maps of surfaces: what they say of a room that is known exactly, and what of it reaches the training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scenepose.data.surfaces import COLUMNS, ROWS, SURFACES, Surfaces
from scenepose.model.encoder import width_at
from scenepose.model.losses import surface_loss
from tests import tiny, tiny_run
from tests.room import make_room
from train.fit.batches import Batch, Batches
from train.fit.config import AugmentConfig


@pytest.fixture
def maps() -> Surfaces:
    return Surfaces.of([make_room()])


def test_floor_lies_at_zero_and_a_metre_shrinks_with_distance(maps: Surfaces) -> None:
    frame = make_room()
    floor = maps.surface[0] == list(SURFACES).index("floor")
    assert floor.sum() > 50
    y, x = np.nonzero(floor)
    places = np.stack([(x + 0.5) / COLUMNS, (y + 0.5) / ROWS], -1)
    seen = maps.at(0, places)
    assert (seen.surface == 0).all()
    np.testing.assert_allclose(seen.rise, 0, atol=0.03)
    # A metre upright at those places, photographed.
    feet = frame.lift()[
        (places[:, 1] * frame.size[1]).astype(int), (places[:, 0] * frame.size[0]).astype(int)
    ]
    low, far = frame.project(feet)
    across = frame.intrinsics[1, 1] / far / frame.size[1]
    np.testing.assert_allclose(np.exp(seen.metre), across, rtol=0.015)
    assert np.isfinite(low).all()
    assert np.corrcoef(seen.metre, far)[0, 1] < -0.9


def test_nothing_is_known_outside_without_depth_or_of_other_frames(maps: Surfaces) -> None:
    assert (maps.at(0, np.array([[-0.01, 0.5], [0.5, 1.01]])).surface == -1).all()
    frame = make_room()
    blind = Surfaces.of([replace(frame, depth=np.zeros_like(frame.depth))])
    assert (blind.at(0, np.array([[0.5, 0.9]])).surface == -1).all()
    found = maps.of_frames(np.array(["unknown", frame.name]))
    assert (found.at(0, np.array([[0.5, 0.9]])).surface == -1).all()
    assert (found.at(1, np.array([[0.5, 0.9]])).surface >= 0).all()


def test_maps_survive_saving(maps: Surfaces, tmp_path: Path) -> None:
    maps.save(tmp_path / "maps.npz")
    read = Surfaces.load(tmp_path / "maps.npz")
    for name in ("names", "surface", "metre", "rise"):
        np.testing.assert_array_equal(getattr(read, name), getattr(maps, name))
    np.savez(tmp_path / "other.npz", names=maps.names)
    with pytest.raises(ValueError, match="lacks the column surface"):
        Surfaces.load(tmp_path / "other.npz")


def batches(folder: Path, augment: AugmentConfig) -> Batches:
    config = replace(tiny_run.settings(folder), augment=augment)
    return Batches([tiny.source()], tiny.template_set(), config, view_size=32, surfaces=True)


def cells_of(batch: Batch) -> list[slice]:
    """Where each picture's cells are among the batch's: those of the picture at a height of 64 pixels."""
    found, first = [], 0
    for height, width, _ in batch.sizes:
        columns = -(-width_at((height, width), 64) // 32) * 4
        found.append(slice(first, first := first + 8 * columns))
    return found


STILL = AugmentConfig(
    mirror=False, crop=1.0, smallest_height=tiny.HEIGHT, aspect=0, colour=0, jpeg=0, noise=0
)


def test_cells_of_the_picture_show_what_lies_there(tmp_path: Path) -> None:
    batch, source = batches(tmp_path, STILL)[0], tiny.source()
    assert source.surfaces is not None
    width = width_at((tiny.HEIGHT, tiny.WIDTH), 64)
    points = [int(number) for number in batch.sample]
    for cells in cells_of(batch):
        surface = batch.surface[cells].view(8, -1)
        frame = int(source.samples.point_frames[points.pop(0)])
        points = [point for point in points if source.samples.point_frames[point] != frame]
        for row, column in ((0, 0), (3, 5), (7, 7)):
            seen = source.surfaces.at(frame, np.array([[(column + 0.5) * 8 / width, (row + 0.5) / 8]]))
            assert surface[row, column] == seen.surface[0]
            if seen.surface[0] >= 0:
                assert batch.metre[cells].view(8, -1)[row, column] == pytest.approx(seen.metre[0])
                assert batch.rise[cells].view(8, -1)[row, column] == pytest.approx(seen.rise[0])
    assert (batch.surface >= 0).any()


def test_surfaces_are_mirrored_and_grow_with_the_picture(tmp_path: Path) -> None:
    still, source = batches(tmp_path, STILL), tiny.source()
    turned = batches(tmp_path, replace(STILL, mirror=True))
    assert source.surfaces is not None
    across = (np.arange(10) + 0.5) * 8 / width_at((tiny.HEIGHT, tiny.WIDTH), 64)
    mirrored = plain = 0
    for step in range(5):
        batch, first = turned[step], 0
        for cells, (_, _, points) in zip(cells_of(batch), batch.sizes, strict=True):
            flipped = bool(batch.mirrored[first])
            frame = int(source.samples.point_frames[int(batch.sample[first])])
            first += points
            mirrored, plain = mirrored + flipped, plain + (not flipped)
            x = 1 - across if flipped else across
            expected = source.surfaces.at(frame, np.stack([x, np.full(10, 3.5 / 8)], 1)).surface
            assert batch.surface[cells].view(8, -1)[3, :10].tolist() == expected.tolist()
    assert mirrored
    assert plain
    closer = batches(tmp_path, replace(STILL, crop=0.6))
    seen = [(still[step].metre, still[step].surface) for step in range(5)]
    near = [(closer[step].metre, closer[step].surface) for step in range(5)]
    means = [float(torch.cat([m[s >= 0] for m, s in part]).mean()) for part in (seen, near)]
    assert means[1] > means[0] + 0.1


def test_the_loss_asks_only_where_something_is_known() -> None:
    torch.manual_seed(0)
    predicted = torch.randn(32, len(SURFACES) + 2, requires_grad=True)
    surface = torch.full((32,), -1)
    nothing = surface_loss(predicted, surface, torch.zeros(32), torch.zeros(32))
    assert float(nothing.detach()) == 0
    surface[6] = 3
    loss = surface_loss(predicted, surface, torch.ones(32), torch.ones(32))
    (gradient,) = torch.autograd.grad(loss, predicted)
    assert gradient[6].abs().min() > 0
    assert gradient.abs().sum() == pytest.approx(float(gradient[6].abs().sum()))
    right = torch.zeros(1, len(SURFACES) + 2)
    right[0, 3], right[0, -2], right[0, -1] = 50.0, 0.7, 1.2
    level = torch.full((1,), 3), torch.full((1,), 0.7), torch.full((1,), 1.2)
    assert float(surface_loss(right, *level).detach()) == pytest.approx(0, abs=1e-4)


def test_training_learns_the_surfaces_and_without_the_loss_has_no_such_part(tmp_path: Path) -> None:
    run = tiny_run.Recorded(tiny_run.settings(tmp_path / "on", steps=40, surface_weight=1.0)).run()
    first, last = (np.mean([part["surfaces"] for part in run.curve[c]]) for c in (slice(3), slice(-3, None)))
    assert last < first - 0.3
    off = tiny_run.Recorded(tiny_run.settings(tmp_path / "off", steps=1, surface_weight=0.0)).run()
    assert "surfaces" not in off.curve[0]
