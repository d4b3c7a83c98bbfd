"""The compact form of samples, and the command that places people, which may be killed and shared out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose.data.rooms import PicturePack
from scenepose.data.samples import Samples
from scenepose.pose.skeleton import HIDDEN, SEEN
from tests.placed import write_nyu
from tests.room import make_mesh, make_room
from train.world.place.bank import BodyBank
from train.world.place.command import PlaceConfig, collect
from train.world.place.command import main as place_main


def test_the_compact_form_loses_nothing(placed: list, samples: Samples) -> None:
    points = [point for _, found in placed for point in found]
    assert len(points) == len(samples)
    for number, point in enumerate(points):
        rows = samples.pose_rows(number)
        np.testing.assert_allclose(samples.points[number], point.point, atol=1e-3)
        np.testing.assert_array_equal(samples.tried[number], point.tried)
        assert len(rows) == len(point.poses)
        # The primary pose stays first, the others are ordered by their body.
        order = [0, *(1 + np.argsort(point.poses.bodies[1:], kind="stable"))] if len(rows) else []
        poses = point.poses[np.array(order, int)]
        np.testing.assert_allclose(samples.keypoints[rows], poses.keypoints, atol=1e-3)
        np.testing.assert_array_equal(samples.visibility[rows], poses.visibility)
        np.testing.assert_array_equal(samples.kinds[rows], poses.kinds)
        turned = (samples.headings[rows] - poses.headings + np.pi) % (2 * np.pi) - np.pi
        np.testing.assert_allclose(turned, 0, atol=1e-4)
        np.testing.assert_allclose(samples.heights[rows], poses.heights, atol=1e-6)
    assert {HIDDEN, SEEN} <= set(np.unique(samples.visibility))


def test_equal_samples_give_equal_compact_files(placed: list, bank: BodyBank, tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        collect(placed).save(tmp_path / name, bank.keypoints, bank.kinds, bank.facing)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    np.savez(tmp_path / "bad.npz", first_place=np.zeros(3))
    with pytest.raises(ValueError, match=r"bad\.npz is no samples file"):
        Samples.load(tmp_path / "bad.npz")


def test_placing_goes_on_where_it_was_and_shards_give_the_same(tmp_path: Path) -> None:
    write_nyu(tmp_path / "nyu")
    index = tmp_path / "nyu" / "index.csv"
    index.write_text("id,split,place\n0001,train,0\n0002,train,7\n")

    def run(name: str, shard: str = "0/1") -> Path:
        parts, out = tmp_path / name / "parts", tmp_path / name / "out"
        place_main(PlaceConfig(f"nyu:{tmp_path / 'nyu'}", points=4, parts=parts, out=out, shard=shard))
        return out / "nyu-train.npz"

    whole = run("whole")
    assert len(Samples.load(whole).frame_names) == 2
    parts = sorted((tmp_path / "whole" / "parts" / "nyu-train").glob("*.npz"))
    before = [part.stat().st_mtime_ns for part in parts]
    assert len(parts) == 2
    first = whole.read_bytes()
    parts[0].unlink()
    assert run("whole").read_bytes() == first
    assert parts[1].stat().st_mtime_ns == before[1]
    assert not run("shared", "0/2").exists()
    run("shared", "1/2")
    assert run("shared").read_bytes() == first
    with pytest.raises(ValueError, match="'2/2' is no shard"):
        run("shared", "2/2")
    with pytest.raises(ValueError, match="'coco:x' cannot be placed in"):
        place_main(PlaceConfig("coco:x"))


def test_rendered_rooms_are_placed_with_their_mesh(tmp_path: Path) -> None:
    folder, frame = tmp_path / "rooms" / "room-00008", make_room()
    folder.mkdir(parents=True)
    Image.new("RGB", frame.size, "#405060").save(folder / "v0.webp")
    np.savez(folder / "v0.npz", depth=frame.depth.astype(np.float16), label=frame.labels)
    mesh = make_mesh()
    np.savez(folder / "mesh.npz", vertices=mesh.vertices, faces=mesh.faces, label=mesh.labels)
    view = {"name": "v0", "K": frame.intrinsics.tolist(), "world_to_camera": frame.world_to_camera.tolist()}
    (folder / "room.json").write_text(json.dumps({"room": "room-00008", "split": "val", "views": [view]}))
    data = f"rendered:{tmp_path / 'rooms'}"
    place_main(
        PlaceConfig(data, split="val", points=4, parts=tmp_path / "parts", out=tmp_path / "out", quality=60)
    )
    samples = Samples.load(tmp_path / "out" / "val.npz")
    assert samples.frame_places.tolist() == ["room-00008"]
    assert samples.primary.sum() == 4
    assert PicturePack(tmp_path / "out" / "val.zip").picture("room-00008/v0").size == frame.size
    with pytest.raises(ValueError, match="no frame offered a place for anybody"):
        place_main(PlaceConfig(data, split="test", parts=tmp_path / "parts", out=tmp_path / "out"))
