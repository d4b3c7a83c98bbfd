"""Which rooms get rendered: seeds, splits, shards, and what a killed run still has to do (no Blender)."""

import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from train.world.render import counts, plan


def test_shipped_set_has_enough_rooms_of_every_split_and_size():
    seeds = plan.shipped()
    assert len(set(seeds)) == len(seeds) == 629
    frames = Counter()
    for seed in seeds:
        frames[plan.split_of(seed)] += plan.views_of(seed)
        frames[plan.size_of(seed)] += plan.views_of(seed)
    assert frames["train"] > 3200
    assert frames["val"] > 330
    assert frames["test"] > 530
    large = frames[640, 480] / sum(frames[key] for key in ("train", "val", "test"))
    assert 0.27 < large < 0.37


def test_every_beginning_of_the_shipped_order_is_mixed_alike():
    whole = plan.shipped()
    share = Counter(plan.split_of(seed) for seed in whole)
    for part in (66, 165, 330):
        begin = Counter(plan.split_of(seed) for seed in whole[:part])
        for split, count in share.items():
            assert begin[split] / part == pytest.approx(count / len(whole), abs=0.02)


def test_split_depends_on_the_last_digit_only():
    assert [plan.split_of(seed) for seed in (0, 7, 8, 9, 18, 29, 648)] == [
        *("train", "train", "val", "test", "val", "test", "val")
    ]


def test_shards_share_out_all_seeds_once():
    whole = plan.chosen("0:50", "0/1")
    shards = [plan.chosen("0:50", f"{k}/7") for k in range(7)]
    assert sorted(seed for shard in shards for seed in shard) == whole == list(range(50))


@pytest.mark.parametrize(
    ("rooms", "shard", "named"),
    [("0-60", "0/1", "0-60"), ("5:5", "0/1", "5:5"), ("0:9", "3/3", "3/3"), ("0:9", "x/3", "x/3")],
)
def test_bad_ranges_and_shards_are_named(rooms, shard, named):
    with pytest.raises(ValueError, match=named):
        plan.chosen(rooms, shard)


def finish(out: Path, seed: int, version: int = plan.VERSION, kind: str = "office") -> None:
    """A finished room of one view, as the renderer leaves it behind."""
    folder = out / plan.folder_name(seed)
    folder.mkdir(parents=True)
    Image.new("RGB", (32, 24), (seed, 80, 90)).save(folder / "v0.webp")
    record = {
        "room": folder.name,
        "seed": seed,
        "version": version,
        "type": kind,
        "split": plan.split_of(seed),
        "views": [{"name": "v0", "width": 32, "height": 24}],
    }
    (folder / "room.json").write_text(json.dumps(record))


def test_a_resumed_run_skips_finished_rooms_only(tmp_path):
    finish(tmp_path, 3)
    finish(tmp_path, 5, version=plan.VERSION - 1)  # of an older look: made anew
    killed = tmp_path / plan.folder_name(4)  # killed before room.json, which is written last
    killed.mkdir()
    (killed / "v0.webp").write_bytes(b"")
    assert plan.missing(str(tmp_path), [3, 4, 5, 6]) == [4, 5, 6]


def test_counts_and_sheet_show_what_is_there(tmp_path):
    finish(tmp_path, 3)
    finish(tmp_path, 8, kind="cafe")
    finish(tmp_path, 9)
    lines = counts.table(str(tmp_path))
    assert lines[-1] == "32 x 24: 3 frames"
    assert lines[-2].split() == ["all", "1", "1", "1", "1", "1", "1"]
    assert lines[1].split() == ["cafe", "0", "0", "1", "1", "0", "0"]
    picture = tmp_path / "sheet.png"
    assert counts.sheet(str(tmp_path), str(picture), count=100, columns=2, width=32) == 3
    with Image.open(picture) as image:
        assert image.size == (64, 48)


def test_a_sheet_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no finished rooms"):
        counts.sheet(str(tmp_path), str(tmp_path / "sheet.png"))
