"""What people do where: how often each kind of pose is seen, and who is shown at a point where several fit.

Physics says who *can* be at a point; people choose. Of 56 real people in NYUv2's own pictures 34 stand and 22
sit, nobody bends, crouches, leans or lies, while the placer finds somebody bending nearly wherever there is
floor. `KIND_PRIOR` lies between those pictures and the wish to keep every kind alive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.pose.kinds import KINDS
from scenepose.data.samples import Samples

#: How often people are of each kind.
KIND_PRIOR = {
    "stand": 0.24,
    "walk": 0.12,
    "gesture": 0.05,
    "carry": 0.04,
    "sit": 0.40,
    "bend": 0.03,
    "crouch": 0.02,
    "lean": 0.05,
    "lie": 0.05,
}
#: Where a free seat or bed lies at a point, so often somebody uses it; people also stand in front of sofas.
USES_SUPPORT = 0.85
#: At many such points nobody else fits. At the others it is less often, but not less than this.
LEAST_USES = 0.5
#: Of 1,725 upright people in MPII's photographs 66 % face the camera, 13 % stand sideways, 21 % turn away.
HEADING_SHARES = (0.66, 0.13, 0.21)
#: Kinds on a support; their support, not the camera, decides which way they face.
_USERS = np.isin(KINDS, ("sit", "lie"))
_SUPPORTED = np.isin(KINDS, ("sit", "lie", "lean"))
_PRIOR = np.array([KIND_PRIOR[kind] for kind in KINDS])


def kind_chances(fits: NDArray) -> NDArray:
    """How likely each kind is the one shown at points, given which fit there.

    Args:
        fits: (P, 9) bool, columns as in `KINDS`.

    Returns:
        (P, 9), rows sum to 1 (to 0 where nobody fits): by `KIND_PRIOR` among the kinds that fit. Over all
        points where somebody can sit or lie, they have `USES_SUPPORT` of it together.
    """
    chances = np.where(fits, _PRIOR, 0.0)
    users, others = chances * _USERS, chances * ~_USERS
    used, other = users.sum(1, keepdims=True), others.sum(1, keepdims=True)
    both = (used > 0) & (other > 0)
    uses = max(LEAST_USES, 1 - (1 - USES_SUPPORT) * (used > 0).sum() / max(1, both.sum()))
    share = np.where(both, uses, 1.0)
    users = users * share / np.where(used > 0, used, 1.0)
    others = others * np.where(both, 1 - uses, 1.0) / np.where(other > 0, other, 1.0)
    return users + others


def pose_chances(kinds: NDArray, headings: NDArray, hidden: NDArray) -> NDArray:
    """How likely each of the poses (N,) of one kind at a point is the one shown, up to a factor for each kind.

    Those who stand freely face the camera as people in photographs do; and the fewer joints (N,) are
    ``hidden``, the better.
    """
    sector = np.round(headings / (np.pi / 2)).astype(int) % 4
    front, side, back = HEADING_SHARES
    facing = np.array([front, side / 2, back, side / 2])[sector]
    return np.where(_SUPPORTED[kinds], 1.0, facing) * 0.7**hidden


def point_weights(samples: Samples) -> NDArray:
    """(P,) float64 weights of points with which the kinds of the poses shown follow `KIND_PRIOR`.

    A kind's weight is its prior over its share among the points shown; kinds that no point shows are left
    out of the prior. The mean over points that show somebody is 1. Points where nobody fits weigh 1.
    """
    rows = samples.primary_rows
    shown = samples.kinds[rows[rows >= 0]]
    share = np.bincount(shown, minlength=len(KINDS)) / max(1, len(shown))
    prior = np.where(share > 0, _PRIOR, 0.0)
    weight = prior / max(prior.sum(), 1e-12) / np.where(share > 0, share, 1.0)
    weights = np.ones(len(samples))
    weights[rows >= 0] = weight[shown]
    return weights
