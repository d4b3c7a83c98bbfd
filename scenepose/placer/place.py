"""From a frame to points with all the poses found to fit there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import CEILING, CHAIR, SOFA, TABLE, WALL, Frame
from scenepose.data.samples import KINDS
from scenepose.placer.bank import BodyBank
from scenepose.placer.frame_placer import TRIES, Fitting, FramePlacer, Room

#: How often each kind is looked for when points are chosen.
TURNS = {
    "sit": 6,
    "stand": 4,
    "walk": 3,
    "gesture": 2,
    "carry": 2,
    "bend": 2,
    "crouch": 2,
    "lean": 2,
    "lie": 5,
}
#: No kind takes more than this share of a frame's points. Crouching and bending fit wherever there is
#: floor and are rare in life: where nothing else fits, there are fewer points.
MOST = {"bend": 0.10, "crouch": 0.07}
MOST_OTHERS = 0.35
#: Kinds that need nothing but floor.
ON_FLOOR = ("stand", "walk", "gesture", "carry", "bend", "crouch")


@dataclass
class PlacedPoint:
    """A point (2,) in pixels, the poses that fit there (the first is the primary one; none for a negative),
    and how many were tried of each kind (9,)."""

    point: NDArray
    poses: Fitting
    tried: NDArray


def place(
    frame: Frame,
    room: Room,
    bank: BodyBank,
    seed: int,
    *,
    points: int = 17,
    nobody_share: float = 0.06,
) -> list[PlacedPoint]:
    """Points in a frame with the poses that fit there.

    Args:
        frame: the frame. room: its space and supports. bank: the bodies.
        seed: the same seed gives the same points.
        points: at most so many points where somebody fits, spread over the picture and over the kinds.
            To find them, twelve times as many people of each kind are tried, and four times as many of
            those who need a support.
        nobody_share: so many further points, as a share, where nobody was found to fit.

    Returns:
        Points with their poses, the primary first; an empty list where the frame offers no place.
    """
    generator = np.random.default_rng(seed)
    placer = FramePlacer(frame, room, bank, generator)
    pools = {kind: placer.wander(kind, 12 * points * (1 if kind in ON_FLOOR else 4)) for kind in KINDS}
    chosen = _spread(pools, points, 0.2 / np.sqrt(points) * frame.size[1], generator)
    if not chosen:
        return []
    primaries = Fitting.join(chosen)
    others, tried = placer.at_points(primaries.middles)
    placed = [
        PlacedPoint(point, Fitting.join([primaries[np.array([number])], others[number]]), tried[number])
        for number, point in enumerate(primaries.middles)
    ]
    return placed + _nobody_points(placer, generator, generator.binomial(len(placed), nobody_share))


def _spread(
    pools: dict[str, Fitting], wanted: int, distance: float, generator: np.random.Generator
) -> list[Fitting]:
    """Single people taken from the kinds in turn, rarer kinds less often, box middles apart."""
    orders = {kind: list(generator.permutation(len(pool))) for kind, pool in pools.items()}
    turns = generator.permutation(np.repeat(list(TURNS), list(TURNS.values())))
    chosen: list[Fitting] = []
    taken: list[NDArray] = []
    step = idle = 0
    while len(chosen) < wanted and idle < len(turns):
        kind = str(turns[step % len(turns)])
        step, idle = step + 1, idle + 1
        if sum(KINDS[one.kinds[0]] == kind for one in chosen) >= np.ceil(
            MOST.get(kind, MOST_OTHERS) * wanted
        ):
            continue
        while orders[kind]:
            one = pools[kind][np.array([orders[kind].pop()])]
            middle = one.middles[0]
            if all(np.linalg.norm(middle - other) > distance for other in taken):
                chosen.append(one)
                taken.append(middle)
                idle = 0
                break
    return chosen


def _nobody_points(placer: FramePlacer, generator: np.random.Generator, wanted: int) -> list[PlacedPoint]:
    """Points where nobody was found: anywhere, and on walls, ceilings, tables and full seats."""
    if wanted == 0:
        return []
    width, height = placer.frame.size
    anywhere = generator.uniform((0, 0), (width, height), (wanted * 3, 2))
    hard = []
    for labels in ((WALL,), (CEILING, 8, 10), (TABLE, 11, 13), (CHAIR, SOFA, 3)):
        y, x = np.nonzero(np.isin(placer.frame.labels, labels))
        if len(y):
            some = generator.integers(0, len(y), wanted)
            hard.append(np.stack([x[some], y[some]], -1) + 0.5)
    points = np.concatenate([anywhere, *hard])
    points = points[generator.permutation(len(points))]
    found, tried = placer.at_points(points)
    sure = tried.min(1) >= TRIES  # who needs a support near the point has really been tried there
    empty = [n for n, poses in enumerate(found) if len(poses) == 0 and sure[n]][:wanted]
    return [PlacedPoint(points[n], found[n], tried[n]) for n in empty]
