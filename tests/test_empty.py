"""Pictures where nobody fits: made, read as a source, and drawn for training."""

import pytest
from PIL import Image

from scenepose.data.empty import GRID, split_of
from scenepose.data.sources import open_source
from tests import tiny, tiny_run
from train.fit.batches import Batches
from train.fit.config import TrainConfig
from train.fit.loop import loader_of, start, train_on
from train.fit.main import ScenePoseRun
from train.world.empty import EmptyConfig, main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("empty")
    for name, mode in (("leaf", "RGB"), ("cup", "RGBA")):
        (base / name).mkdir()
        Image.new(mode, (90, 60), (200, 30, 90)).save(base / name / f"{name}.png")
    out = base / "out"
    main(EmptyConfig(out, (base / "leaf",), (base / "cup",), drawn=24, composed=3, crops=2))
    return out


def test_every_point_of_an_empty_picture_is_one_where_nobody_fits(folder):
    source = open_source(f"empty:{folder}", "train")
    assert len(source.samples) == len(source.samples.frame_names) * GRID[0] * GRID[1]
    assert (source.samples.primary_rows == -1).all()
    assert (source.samples.tried > 0).all()
    shown = source.at(5)
    assert shown.picture.mode == "RGB"
    assert (shown.point < shown.picture.size).all()


def test_pictures_made_from_one_stay_in_one_split(folder):
    names = [path.name for path in folder.iterdir()]
    assert len(names) == 24 + 3 + 2
    assert len({split_of(name) for name in names if name.startswith("leaf@")}) == 1
    assert {split_of(name) for name in names} == {"train", "val", "test"}


def test_training_batches_of_empty_pictures_hold_negatives_only(folder):
    source = open_source(f"empty:{folder}", "train")
    config = TrainConfig(data=[source.name], frames=2, points_per_frame=4)
    batch = Batches([source], tiny.template_set(), config, view_size=64)[0]
    assert not batch.fits.any()
    assert not batch.positive.any()
    assert batch.counted.all()
    assert 0 < len(batch.position) <= 8


def test_the_main_model_learns_beside_empty_pictures(folder, tmp_path):
    empty = open_source(f"empty:{folder}", "train")
    config = tiny_run.settings(tmp_path, distillation_weight=0.0, steps=4, data=["tiny", "empty"])
    checks = [tiny.source(seed=1), open_source(f"empty:{folder}", "val")]
    run = ScenePoseRun(config, tiny.template_set(), start(config), [tiny.source(), empty], checks)
    batches = Batches(
        [tiny.source(), empty], tiny.template_set(), config, view_size=tiny_run.SIZE, surfaces=True
    )
    train_on(run, loader_of(run, batches))
    assert run.step == 4
    assert 0 <= run.best <= 2


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no pictures of the val split in {tmp_path}"):
        open_source(f"empty:{tmp_path}", "val")
