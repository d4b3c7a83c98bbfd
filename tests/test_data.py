"""Samples, sources and the NYUv2 readers, on small data made here."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from scenepose.assets import assets
from scenepose.data.ground import ground_from_floor
from scenepose.data.nyu import NYUFolder, read_index
from scenepose.data.nyu_mat import NYUMat
from scenepose.data.rooms import PicturePack, write_pack
from scenepose.data.samples import Samples
from scenepose.data.sources import open_source, parse_source
from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import LIMBS
from tests.placed import write_nyu
from tests.room import camera, make_room
from train.world.place.rooms import frames, read_mesh
from train.world.place.sampler import PoseSampler
from train.world.stats import statistics


def test_samples_survive_saving(samples: Samples, tmp_path: Path) -> None:
    samples.save(tmp_path / "some.npz")
    loaded = Samples.load(tmp_path / "some.npz")
    np.testing.assert_allclose(loaded.keypoints, samples.keypoints, atol=0.0061)
    np.testing.assert_array_equal(loaded.pose_points, samples.pose_points)
    assert list(loaded.frame_names) == ["a", "b"]


def test_a_samples_file_without_a_column_is_named(samples: Samples, tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", points=samples.points)
    with pytest.raises(ValueError, match=r"bad\.npz is no samples file: it lacks the columns frame_names"):
        Samples.load(tmp_path / "bad.npz")
    with pytest.raises(FileNotFoundError, match=r"there are no samples at .*none\.npz"):
        Samples.load(tmp_path / "none.npz")


def test_each_point_with_poses_has_one_primary_first(samples: Samples) -> None:
    for point, row in enumerate(samples.primary_rows):
        rows = samples.pose_rows(point)
        assert (row == -1) == (len(rows) == 0)
        if len(rows):
            assert samples.primary[rows].sum() == 1
            assert rows[0] == row


def test_poses_relative_to_their_point_are_centred(samples: Samples) -> None:
    rows = samples.primary_rows[samples.primary_rows >= 0]
    relative = samples.normalised_unit(rows)
    np.testing.assert_allclose((relative.max(1) + relative.min(1)) / 2, 0, atol=1e-4)
    assert np.abs(relative).max() < 1.5


def test_selected_points_keep_their_poses(samples: Samples) -> None:
    chosen = np.array([3, 1])
    part = samples.select(chosen)
    for new, old in enumerate(chosen):
        np.testing.assert_array_equal(part.points[new], samples.points[old])
        np.testing.assert_array_equal(
            part.keypoints[part.pose_rows(new)], samples.keypoints[samples.pose_rows(old)]
        )


def test_statistics_count_samples_by_kind(samples: Samples) -> None:
    counted = statistics([samples])
    assert counted["frames"] == 2
    assert counted["samples"] == sum(counted["kinds"].values()) == int(samples.primary.sum())
    assert set(counted["kinds"]) <= set(KINDS)


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("rooms", ("rooms", "", "val")),
        ("rooms:test", ("rooms", "", "test")),
        ("nyu:some/folder", ("nyu", "some/folder", "val")),
        ("nyu:some/folder:test", ("nyu", "some/folder", "test")),
        ("sitcom:shows", ("sitcom", "shows", "val")),
    ],
)
def test_source_names(name: str, parsed: tuple[str, str, str]) -> None:
    assert parse_source(name, "val") == parsed


@pytest.mark.parametrize("name", ["room", "rooms:holdout", "nyu", "nyu:", "sitcom", "coco:x"])
def test_other_names_are_no_sources(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is not a data source"):
        parse_source(name, "val")


def test_the_nyu_folder_is_read_by_split(tmp_path: Path) -> None:
    write_nyu(tmp_path)
    folder = NYUFolder(tmp_path)
    assert [(e.name, e.split, e.place) for e in folder.entries] == [
        ("0001", "train", "nyu-0"),
        ("0002", "val", "nyu-7"),
    ]
    assert folder.picture("0001").size == (320, 240)
    with pytest.raises(FileNotFoundError, match="no NYUv2 folder at"):
        NYUFolder(tmp_path / "elsewhere")


def test_a_bad_index_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("id,split,place\n0001,train,0\n0002,holdout,1\n")
    with pytest.raises(ValueError, match=r"index\.csv, line 3: .*0002,holdout,1"):
        read_index(tmp_path / "index.csv")


def test_gravity_is_found_from_the_floor() -> None:
    frame = make_room()
    intrinsics, transform = camera()
    rounded = (frame.depth * 25.5).round() / 25.5
    found = ground_from_floor(rounded.astype(np.float32), frame.labels, intrinsics)
    assert found is not None
    # The camera's height and the direction of up; where on the floor the origin lies is a convention.
    np.testing.assert_allclose(found[:3, 2], transform[:3, 2], atol=0.01)
    np.testing.assert_allclose((-found[:3, :3].T @ found[:3, 3])[2], 1.4, atol=0.03)
    assert ground_from_floor(frame.depth, np.zeros_like(frame.labels), intrinsics) is None


def test_the_official_mat_gives_the_same_frames(tmp_path: Path) -> None:
    path, rng = tmp_path / "nyu_depth_v2_labeled.mat", np.random.default_rng(0)
    picture = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    depth = rng.uniform(1, 5, (480, 640)).astype(np.float32)
    labels = rng.integers(0, 4, (480, 640)).astype(np.uint16)
    with h5py.File(path, "w") as file:
        # MATLAB stores the axes the other way round.
        file["images"] = np.stack([picture.transpose(2, 1, 0)] * 4)
        file["depths"] = np.stack([depth.T] * 4)
        file["labels"] = np.stack([labels.T] * 4)
        names = [file.create_dataset(f"name{n}", data=np.array([ord(c) for c in name], np.uint16)[:, None])
                 for n, name in enumerate(("floor", "book", "sofa"))]  # fmt: skip
        references = file.create_dataset("names", (1, 3), dtype=h5py.ref_dtype)
        for n, name in enumerate(names):
            references[0, n] = name.ref
    reader = NYUMat(path)
    assert {entry.name for entry in reader.entries} <= {"0001", "0002", "0003", "0004"}
    cropped = np.asarray(reader.picture("0003"))
    np.testing.assert_array_equal(cropped, picture[8:-8, 8:-8])
    np.testing.assert_array_equal(
        reader._class_of_label[reader._read("labels", "0003")], np.array([39, 1, 39, 5])[labels[8:-8, 8:-8]]
    )
    (tmp_path / "broken.mat").write_bytes(b"no HDF5 at all")
    with pytest.raises(ValueError, match=r"broken\.mat is no nyu_depth_v2_labeled\.mat"):
        NYUMat(tmp_path / "broken.mat")


def test_rendered_rooms_are_read_and_packed(tmp_path: Path) -> None:
    folder = tmp_path / "room-00008"
    folder.mkdir()
    frame = make_room()
    Image.new("RGB", frame.size, "#405060").save(folder / "v0.webp")
    np.savez(folder / "v0.npz", depth=frame.depth.astype(np.float16), label=frame.labels)
    view = {"name": "v0", "width": 320, "height": 240, "K": frame.intrinsics.tolist()}
    view["world_to_camera"] = frame.world_to_camera.tolist()
    (folder / "room.json").write_text(json.dumps({"room": "room-00008", "split": "val", "views": [view]}))
    (read,) = frames(tmp_path, "val")
    assert (read.name, read.place) == ("room-00008/v0", "room-00008")
    np.testing.assert_allclose(read.depth, frame.depth, rtol=1e-3)
    assert list(frames(tmp_path, "train")) == []
    content = (folder / "v0.webp").read_bytes()
    np.savez(folder / "mesh.npz", vertices=np.zeros((3, 3)), faces=np.array([[0, 1, 2]]), label=np.array([1]))
    assert read_mesh(folder).faces.shape == (1, 3)
    with pytest.raises(FileNotFoundError, match=r"no mesh of the room at .*none"):
        read_mesh(tmp_path / "none")
    for name in ("one.zip", "two.zip"):
        write_pack(tmp_path / name, iter([(read.name, content)]))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert PicturePack(tmp_path / "one.zip").picture(read.name).size == (320, 240)
    with pytest.raises(KeyError, match="has no picture 'room-00009/v0'"):
        PicturePack(tmp_path / "one.zip").picture("room-00009/v0")


@pytest.mark.slow
def test_bundled_rooms_open_with_their_pictures() -> None:
    for split in ("train", "val"):
        source = open_source("rooms", split)
        assert len(source.samples) > 100
        last = len(source.samples.frame_names) - 1
        assert source.picture(last).size == tuple(source.samples.frame_sizes[last])


@pytest.mark.slow
def test_splits_share_no_place() -> None:
    kept: dict[str, set[str]] = {}
    for split in ("train", "val"):
        kept[split] = set(open_source("rooms", split).samples.frame_places.tolist())
    assert not kept["train"] & kept["val"]
    places: dict[str, set[str]] = {"train": set(), "val": set(), "test": set()}
    for entry in read_index(assets() / "samples" / "nyu-index.csv"):
        places[entry.split].add(entry.place)
    assert not places["train"] & places["val"]
    assert not (places["train"] | places["val"]) & places["test"]


def test_drawn_poses_keep_bone_lengths_and_heights() -> None:
    sampler = PoseSampler.load(assets() / "poses" / "sampler.npz")
    heights = np.array([1.5, 1.7, 1.95])
    for activity in sampler.means:
        poses = sampler.draw(activity, heights, np.random.default_rng(0))
        thigh = np.linalg.norm(poses[:, 1] - poses[:, 2], axis=1)
        np.testing.assert_allclose(thigh, 0.42 * heights / 1.7, rtol=1e-6)
        for parent, child in LIMBS:
            lengths = np.linalg.norm(poses[:, parent] - poses[:, child], axis=1) / heights
            np.testing.assert_allclose(lengths, lengths[0], rtol=1e-6)
    with pytest.raises(ValueError, match="no activity 'swim'"):
        sampler.draw("swim", heights, np.random.default_rng(0))
