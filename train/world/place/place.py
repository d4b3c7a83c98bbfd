"""From a frame to points with all the poses found to fit there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import BED, CEILING, CHAIR, SOFA, TABLE, WALL, Frame
from scenepose.data.prior import USES_SUPPORT, kind_chances, pose_chances
from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import HIDDEN
from train.world.place.bank import BodyBank
from train.world.place.frame_placer import TRIES, Fitting, FramePlacer, Room

#: How often each kind is looked for when points are chosen: about as people are (`scenepose.data.prior`), and
#: more often who needs a support, which not every frame has.
TURNS = {
    "sit": 42,
    "stand": 20,
    "walk": 11,
    "gesture": 5,
    "carry": 5,
    "bend": 3,
    "crouch": 2,
    "lean": 6,
    "lie": 10,
}
#: No kind takes more than this share of a frame's points. Crouching and bending fit wherever there is
#: floor and are rare in life: where nothing else fits, there are fewer points.
MOST = {"sit": 0.6, "bend": 0.06, "crouch": 0.06, "lean": 0.2}
MOST_OTHERS = 0.5
#: Whoever does not use a seat or bed is looked for before one this often: it may be free, though nobody was
#: found to fit there.
BEFORE_SEATS = 1 - USES_SUPPORT
#: What people use, and who uses it.
USED, USERS = (CHAIR, SOFA, BED), ("sit", "lie")
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
    chosen = _spread(frame, pools, points, 0.2 / np.sqrt(points) * frame.size[1], generator)
    if not chosen:
        return []
    primaries = Fitting.join(chosen)
    others, tried = placer.at_points(primaries.middles)
    shown = _shown(placer, chosen, others, generator)
    changed = [number for number, one in enumerate(shown) if one is not chosen[number]]
    if changed:
        # The point goes with who is shown, and so do those who fit there.
        again, tried_again = placer.at_points(Fitting.join([shown[n] for n in changed]).middles)
        for number, some, row in zip(changed, again, tried_again, strict=True):
            others[number], tried[number] = some, row
    placed = [
        PlacedPoint(one.middles[0], Fitting.join([one, some]), row)
        for one, some, row in zip(shown, others, tried, strict=True)
    ]
    return placed + _nobody_points(placer, generator, generator.binomial(len(placed), nobody_share))


def _shown(
    placer: FramePlacer, found: list[Fitting], others: list[Fitting], generator: np.random.Generator
) -> list[Fitting]:
    """Who is shown at each point where a person was found: of a kind drawn by `kind_chances`."""
    everyone = [Fitting.join([one, some]) for one, some in zip(found, others, strict=True)]
    rows = [np.flatnonzero(placer.plain(people)) for people in everyone]
    fits = np.zeros((len(found), len(KINDS)), bool)
    for number, (one, people) in enumerate(zip(found, everyone, strict=True)):
        fits[number, people.kinds[rows[number]]] = fits[number, one.kinds] = True
    return [_drawn(*each, generator) for each in zip(found, everyone, rows, kind_chances(fits), strict=True)]


def _drawn(
    found: Fitting, everyone: Fitting, rows: NDArray, chances: NDArray, generator: np.random.Generator
) -> Fitting:
    """One of ``everyone``'s rows (M,), of a kind drawn by chances (9,): the person found if of that kind."""
    if KINDS[found.kinds[0]] in USERS:
        # Whoever was found lying stays so, though most people on beds could sit there, too.
        users = np.isin(KINDS, USERS)
        total = chances[users].sum()
        chances[users] = 0.0
        chances[found.kinds[0]] = total
    kind = generator.choice(len(KINDS), p=chances)
    if kind == found.kinds[0]:
        return found
    rows = rows[everyone.kinds[rows] == kind]
    chances = pose_chances(everyone.kinds, everyone.headings, (everyone.visibility == HIDDEN).sum(1))[rows]
    return everyone[generator.choice(rows, 1, p=chances / chances.sum())]


def _before_seat(frame: Frame, one: Fitting) -> bool:
    """Whether someone who does not use it stands where the picture shows a seat or a bed."""
    width, height = frame.size
    x, y = np.floor(one.middles[0]).astype(int)
    inside = 0 <= x < width and 0 <= y < height
    return bool(inside and frame.labels[y, x] in USED and KINDS[one.kinds[0]] not in USERS)


def _spread(
    frame: Frame,
    pools: dict[str, Fitting],
    wanted: int,
    distance: float,
    generator: np.random.Generator,
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
            if _before_seat(frame, one) and generator.random() > BEFORE_SEATS:
                continue
            if all(np.linalg.norm(middle - other) > distance for other in taken):
                chosen.append(one)
                taken.append(middle)
                idle = 0
                break
    return chosen


def _nobody_points(placer: FramePlacer, generator: np.random.Generator, wanted: int) -> list[PlacedPoint]:
    """Points where nobody was found: anywhere but on seats, and on walls, ceilings and tables."""
    if wanted == 0:
        return []
    width, height = placer.frame.size
    anywhere = generator.uniform((0, 0), (width, height), (wanted * 3, 2))
    hard = []
    for labels in ((WALL,), (CEILING, 8, 10), (TABLE, 11, 13)):
        y, x = np.nonzero(np.isin(placer.frame.labels, labels))
        if len(y):
            some = generator.integers(0, len(y), wanted)
            hard.append(np.stack([x[some], y[some]], -1) + 0.5)
    points = np.concatenate([anywhere, *hard])
    x, y = np.floor(points).astype(int).T
    points = points[~np.isin(placer.frame.labels[y, x], USED)]
    points = points[generator.permutation(len(points))]
    found, tried = placer.at_points(points)
    sure = tried.min(1) >= TRIES  # who needs a support near the point has really been tried there
    empty = [n for n, poses in enumerate(found) if len(poses) == 0 and sure[n]][:wanted]
    return [PlacedPoint(points[n], found[n], tried[n]) for n in empty]
