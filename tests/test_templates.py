"""Templates: fitting, choosing, naming, nearest, load and save."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scenepose.pose.geometry import box, normalise
from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import mirror
from scenepose.pose.templates import TemplateSet, nearest
from tests import tiny
from train.fit.clusters import QUOTAS, Poses, describe, fit, fit_groups, shares


def clustered(groups: int = 4, each: int = 30, seed: int = 0) -> Poses:
    """Poses around ``groups`` centres, one kind and heading each."""
    rng = np.random.default_rng(seed)
    centres = tiny.poses(groups, seed)
    noisy = np.concatenate([centre + rng.normal(0, 0.01, (each, 16, 2)) for centre in centres])
    kinds = np.repeat([KINDS.index(kind) for kind in ("stand", "walk", "sit", "lie")][:groups], each)
    headings = np.repeat([0.1, np.pi / 2, np.pi - 0.1, -np.pi / 2][:groups], each)
    return Poses(noisy, np.full((len(noisy), 2), [0.2, 0.6]), kinds, headings, np.ones(len(noisy)))


def test_fit_finds_the_clusters_and_their_mirror_images() -> None:
    poses = clustered()
    templates = fit(poses, 8)
    centres = tiny.poses(4)
    for centre in np.concatenate([centres, mirror(centres)]):
        assert np.abs(templates - centre).max((1, 2)).min() < 0.05
    middle, sides = box(templates)
    np.testing.assert_allclose(middle, 0, atol=1e-6)
    np.testing.assert_allclose(sides, 1, atol=1e-6)


def test_describe_names_kinds_and_headings_and_counts_the_poses() -> None:
    poses = clustered()
    described = describe(tiny.poses(4).astype(np.float32), poses)
    assert described.kinds == ("stand", "walk", "sit", "lie")
    assert described.names[:2] == ("stand facing front", "walk facing right")
    assert described.names[2:] == ("sit facing back", "lie facing left")
    assert described.counts.tolist() == [30] * 4
    assert described.offset_std == pytest.approx(0.01, abs=0.005)
    np.testing.assert_allclose(described.mean_scale, [0.2, 0.6], rtol=1e-5)


def test_names_are_unique() -> None:
    poses = clustered(1)
    described = describe(np.concatenate([tiny.poses(1)] * 2).astype(np.float32), poses)
    assert len(set(described.names)) == 2


def test_templates_of_the_own_posture_stand_for_a_pose_where_that_is_asked() -> None:
    shapes = tiny.poses(4, seed=7).astype(np.float32)
    sets = replace(describe(tiny.poses(4).astype(np.float32), clustered(), "shape"), templates=shapes)
    assert sets.kinds == ("stand", "walk", "sit", "lie")
    poses = np.repeat(shapes[[3]], 6, 0)  # all of them look as if they lay
    kinds = np.array([KINDS.index(kind) for kind in ("stand", "carry", "sit", "lie", "lean", "bend")])
    assert sets.nearest(poses, kinds).tolist() == [3] * 6
    among = replace(sets, assign="posture")
    assert among.nearest(poses).tolist() == [3] * 6  # kinds unknown
    upright = nearest(shapes[:2], poses[:1])[0]
    # Nobody else leans or bends, and upright people's feet bear them, too.
    assert among.nearest(poses, kinds).tolist() == [upright, upright, 2, 3, upright, upright]
    seated = replace(among, kinds=("sit",) * 4)
    assert seated.nearest(poses, kinds).tolist() == [3] * 6  # nobody stands: all may be
    assert TemplateSet.from_json(among.to_json()).assign == "posture"


def test_every_group_of_kinds_gets_its_templates() -> None:
    rng = np.random.default_rng(0)
    shapes = tiny.poses(9, seed=11)
    kinds = np.repeat(np.arange(9), [400, 300, 60, 60, 120, 20, 20, 20, 15])
    poses = Poses(
        normalise(shapes[kinds] + rng.normal(0, 0.02, (len(kinds), 16, 2))), np.ones((len(kinds), 2)),
        kinds, rng.uniform(-3, 3, len(kinds)), np.ones(len(kinds)),
    )  # fmt: skip
    templates, groups = fit_groups(poses, QUOTAS)
    assert len(templates) == len(groups) == 14
    described = describe(templates, poses, groups=groups)
    assert all(kind in group for kind, group in zip(described.kinds, groups, strict=True))
    assert described.kinds.count("sit") == 4
    assert {"walk", "lie", "lean", "bend", "crouch"} < set(described.kinds)


def test_a_group_without_poses_gets_no_template() -> None:
    _, groups = fit_groups(clustered(3).of(["stand", "sit"]), QUOTAS)
    assert set(groups) == {("sit",), ("stand", "gesture", "carry")}
    with pytest.raises(ValueError, match="0 poses are too few for 14 templates"):
        fit_groups(clustered(1).of(["lie"]), QUOTAS)


@pytest.mark.parametrize("count", [8, 14, 20, 30])
def test_other_numbers_of_templates_are_shared_out_alike(count: int) -> None:
    quotas = shares(count)
    assert sum(quotas.values()) == count
    assert quotas["sit",] == max(quotas.values())
    assert shares(14) == QUOTAS


def test_heavy_poses_draw_templates_and_counts_to_them() -> None:
    poses = clustered(2)
    heavy = replace(poses, weights=np.where(poses.kinds == KINDS.index("walk"), 5.0, 1.0))
    described = describe(tiny.poses(2).astype(np.float32), heavy)
    assert described.counts.tolist() == [30, 150]
    one = fit(heavy, 1)
    assert np.abs(one - fit(poses, 1)).max() > 0.01


def test_nearest_uses_known_joints_only() -> None:
    templates = tiny.poses(5, seed=3)
    poses = templates[[3, 1, 4]] + 0.01
    poses[0, :9] = np.nan
    assert nearest(templates, poses).tolist() == [3, 1, 4]
    # The joints left decide: with those of template 0, the pose is template 0's.
    poses[1, 8:] = templates[0, 8:]
    poses[1, :8] = np.nan
    assert nearest(templates, poses)[1] == 0


def test_nearest_is_the_smallest_distance() -> None:
    templates, poses = tiny.poses(6, seed=1), tiny.poses(40, seed=2)
    distances = ((poses[:, None] - templates[None]) ** 2).sum((2, 3))
    np.testing.assert_array_equal(nearest(templates, poses), distances.argmin(1))


def test_load_gives_what_was_saved(tmp_path) -> None:
    before = tiny.template_set()
    before.save(tmp_path / "some.json")
    after = TemplateSet.load(tmp_path / "some.json")
    np.testing.assert_allclose(after.templates, before.templates, atol=1e-6)
    assert (after.kinds, after.names) == (before.kinds, before.names)
    np.testing.assert_array_equal(after.counts, before.counts)
    np.testing.assert_array_equal(after.by_frequency, before.by_frequency)


def test_wrong_files_are_refused_in_a_sentence(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no templates at .*nowhere"):
        TemplateSet.load(tmp_path / "nowhere.json")
    (tmp_path / "other.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match="no template set"):
        TemplateSet.load(tmp_path / "other.json")


def test_poses_with_unknown_joints_are_left_out() -> None:
    samples = tiny.samples()
    samples.visibility[0, 3] = 0
    samples.visibility[2, 3] = 1  # hidden is known
    assert len(Poses.primary(samples).kinds) == len(samples) - 2  # one unknown, one point without poses
