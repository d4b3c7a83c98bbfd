"""The skeleton is a tree, and its mirror image an involution."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scenepose.pose import skeleton as sk

poses = arrays(np.float64, (3, 16, 2), elements=st.integers(-1000, 1000).map(float))


@given(poses, st.integers(0, 4000))
def test_mirroring_twice_changes_nothing(pose: np.ndarray, width: int) -> None:
    np.testing.assert_array_equal(sk.mirror(sk.mirror(pose, width), width), pose)


@given(poses)
def test_mirroring_keeps_its_input_and_lengths(pose: np.ndarray) -> None:
    before = pose.copy()
    mirrored = sk.mirror(pose, 100)
    np.testing.assert_array_equal(pose, before)
    np.testing.assert_allclose(sk.torso_length(mirrored), sk.torso_length(pose))


def test_mirroring_swaps_sides_by_name() -> None:
    for joint, other in enumerate(sk.MIRROR):
        name, opposite = sk.JOINTS[joint], sk.JOINTS[other]
        assert sk.MIRROR[other] == joint
        if name.startswith(("r_", "l_")):
            assert {name[:2], opposite[:2]} == {"r_", "l_"}
            assert name[2:] == opposite[2:]
        else:
            assert joint == other


def test_limbs_are_a_tree_from_the_pelvis() -> None:
    reached = {sk.PELVIS}
    for parent, child in sk.LIMBS:
        assert parent in reached
        assert child not in reached
        reached.add(child)
    assert reached == set(range(sk.NUM_JOINTS))


def test_torso_diameter_needs_both_ends() -> None:
    pose = np.zeros((16, 2))
    pose[sk.L_HIP] = (3, 4)
    assert sk.torso_diameter(pose) == 5
    pose[sk.R_SHOULDER] = np.nan
    assert np.isnan(sk.torso_diameter(pose))
