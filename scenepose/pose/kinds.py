"""The kinds of pose, and what they have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: The kinds of pose, undirected: the heading is kept beside them.
KINDS = ("stand", "walk", "gesture", "carry", "sit", "bend", "crouch", "lean", "lie")
#: Kinds that differ by little more than a step or a hand count as one posture.
POSTURES = {"stand": "upright", "walk": "upright", "gesture": "upright", "carry": "upright"}
#: What bears the others: their feet.
SUPPORTS = {"sit": "seat", "lie": "bed"}


def postures_of(kinds: NDArray) -> NDArray:
    """Names of the postures of kinds (...), indices into `KINDS`: by `POSTURES`, else the kind."""
    return np.array([POSTURES.get(kind, kind) for kind in KINDS])[kinds]


def supports_of(kinds: NDArray) -> NDArray:
    """Names of what bears people of kinds (...), indices into `KINDS`: "feet", "seat" or "bed"."""
    return np.array([SUPPORTS.get(kind, "feet") for kind in KINDS])[kinds]
