"""What physics and the photograph rule out: bodies in furniture, on nothing, behind things or cut off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import BED, CHAIR, SOFA, Frame
from scenepose.pose.skeleton import (
    HEAD_TOP,
    HIDDEN,
    L_ANKLE,
    L_ELBOW,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    L_WRIST,
    LIMBS,
    PELVIS,
    R_ANKLE,
    R_ELBOW,
    R_HIP,
    R_KNEE,
    R_SHOULDER,
    R_WRIST,
    SEEN,
    THORAX,
)
from train.world.place.bank import STYLES
from train.world.place.limbs import (
    ARMS,
    FOREARMS,
    HEAD,
    SHANKS,
    THIGH_TOPS,
    THIGHS,
    TORSO,
    UPPER_ARMS,
    spheres,
)
from train.world.place.people import People
from train.world.place.sampler import REFERENCE_HEIGHT
from train.world.place.seen_seats import OTHER_FURNITURE
from train.world.place.space import Space
from train.world.place.supports import ahead_of

#: A limb may sink this far into what is there: clothes and cushions give, depth is rounded to 4 cm.
GIVE = 0.02
#: Whoever lies sinks into a mattress, and a sitter's legs press against the seat's edge.
BED_GIVE, SEAT_GIVE = 0.03, 0.03
#: Depth images have steps of 4 cm: there, soft contacts may be so much deeper.
GRAIN = 0.02
#: There, the edge of a seat is known to so many metres.
SEEN_EDGE, SHIN_EDGE = 0.06, 0.03
#: Whoever stands freely keeps so far away from everything: who could step aside does not brush a chair, and
#: depth images miss thin legs and far sides.
CLEAR = 0.04
#: Whoever is shown at a point is no borderline case: so much more air around who stands and around a sitter's
#: sides, and so much less of it behind who leans.
PLAIN_CLEAR, PLAIN_SIDE, PLAIN_TOUCH = 0.08, 0.02, 0.02
#: Shares of a sitter's footprint, and of its front, under which a seat is seen.
LEAST_SEAT, LEAST_FRONT = 0.5, 0.5
#: Metres that the hips may be off the middle of a single chair.
MOST_ASIDE = 0.13
MAX_HIDDEN = 1 / 3
MAX_OUTSIDE = 0.2
#: A joint is hidden when what is seen over most of its breadth lies in front of the body's own surface, by a
#: step of depth and by what a depth camera errs, which grows with the distance: metres, and metres a metre.
_HIDDEN_MARGIN, _DEPTH_ERROR = 0.04, 0.01
#: Whoever lies sinks into bedding, and seen along a bed a few centimetres of it are this far before the body.
_BEDDING = 0.15
#: How thick the body is at each joint: half of it, metres, for 1.70 m.
_THICKNESS = np.array(
    [0.05, 0.06, 0.10, 0.10, 0.06, 0.05, 0.12, 0.12, 0.07, 0.08, 0.04, 0.045, 0.06, 0.06, 0.045, 0.04]
)
SITTING, LEANING = STYLES["sit"], STYLES["lean"]
LEAN_BACK = ("backed", "reclined", "crossed", "legs-up", "wall-back", "counter-back")


def gaps(people: People, space: Space, parts: list, seated: bool = False) -> NDArray:
    """(N, S) metres of air between body parts and the nearest solid; negative inside of it."""
    centres, radii = spheres(people.keypoints, parts, people.heights)
    return (space.around_seats if seated else space.solids).distance(centres) - radii


def collides(style: str, people: People, space: Space) -> NDArray:
    """(N,) whether any limb is inside something. What rests on a support may touch it."""
    soft = 0.0 if space.exact else GRAIN
    if style in SITTING:
        if style == "desk" and not space.exact:
            return _drawn_up(people, space)
        inside = gaps(people, space, TORSO[1:] + HEAD + ARMS, True) < -GIVE - soft
        legs = gaps(people, space, SHANKS, True) < -SEAT_GIVE - soft
        legs = np.concatenate([legs, gaps(people, space, THIGHS, True) < -SEAT_GIVE - 0.005 - soft], 1)
        tops = gaps(people, space, THIGH_TOPS, True) < -soft
        return np.asarray(inside.any(1) | legs.any(1) | tops.any(1))
    if style in ("face-up", "on-side"):
        centres, radii = spheres(people.keypoints, TORSO + HEAD + ARMS + THIGHS + SHANKS, people.heights)
        resting = centres[..., 2] < (people.supports + 0.16)[:, None]
        air = space.solids.distance(centres) - radii
        return np.asarray((air < np.where(resting, -BED_GIVE, -GIVE) - soft).any(1))
    arms = [*UPPER_ARMS, *FOREARMS[:5], *FOREARMS[7:12]] if style.startswith("counter") else ARMS
    least = CLEAR if style in VIEW else -GIVE
    return np.asarray((gaps(people, space, TORSO + HEAD + arms + THIGHS + SHANKS) < least).any(1))


def _drawn_up(people: People, space: Space) -> NDArray:
    """(N,) whether sitters at a table hit it or what is on it, as far as depth tells. Chairs are drawn back
    by whoever sits down, so that their own backs do not count, nor does the frayed edge of the table."""
    ahead = ahead_of(people.yaws)[:, None, None]
    across = np.stack([ahead[..., 1], -ahead[..., 0]], -1)
    steps = ahead * np.array([0.0, 0.06])[:, None, None] + across * np.array([-0.1, 0.0, 0.1])[:, None]
    hit = np.isfinite(space.table[space.cells(people.grounds[:, None, None] + steps)]).any((1, 2))
    for parts, give in ((HEAD + FOREARMS, GIVE + GRAIN), (THIGH_TOPS, 0.05), (THIGHS + SHANKS, 0.08)):
        hit |= (gaps(people, space, parts, True) < -give).any(1)
    return np.asarray(hit)


def supported(style: str, people: People, space: Space) -> NDArray:
    """(N,) whether feet, seat, back, hands or the whole body have what they rest on."""
    if style in SITTING:
        held = _on_seat(people, space)
        held &= _legs_on_seat(people, space) if style == "legs-up" else _feet_down(style, people, space)
    elif style in ("face-up", "on-side"):
        return _on_bed(people, space)
    else:
        held = _on_floor(people, space)
    if style in (*SITTING, *LEANING) and style != "legs-up":
        # Bodies made for a seat or counter of another height would hang above the floor.
        held &= np.abs(people.places[:, 2]) < 0.02
    if style in (*LEAN_BACK, "wall-side"):
        touch = contact_gap(style, people, space)
        held &= (touch < (0.04 if style in SITTING else 0.03)) & (touch > -0.045)
    if style in ("counter-front", "desk"):
        wrists = people.keypoints[:, [R_WRIST, L_WRIST]]
        top = (space.counter if style == "counter-front" else space.table)[space.cells(wrists[..., :2])]
        above = 0.07 if style == "desk" else 0.035 if space.exact else 0.05
        held &= (np.abs(wrists[..., 2] - top - 0.05) < above).all(1)
    return held


def plain(style: str, people: People, space: Space) -> NDArray:
    """(N,) whether a person who fits does so beyond doubt, as a picture shows it: who stands has room to
    spare, a sitter's hips and thighs have the seat to themselves, who leans touches."""
    if style in VIEW:
        parts = TORSO + HEAD + ARMS + THIGHS + SHANKS
        return np.asarray((gaps(people, space, parts) > PLAIN_CLEAR).all(1))
    if style in SITTING:
        sides = np.stack([ahead_of(people.yaws)[:, 1], -ahead_of(people.yaws)[:, 0]], -1)
        centres, radii = spheres(people.keypoints, THIGHS, people.heights)
        outward = np.repeat([1.0, -1.0], len(THIGHS) // 2)  # the right leg's spheres come first
        edge = centres[..., :2] + sides[:, None] * (outward * (radii + PLAIN_SIDE))[..., None]
        beside = space.rise[space.cells(edge)] | space.rise[space.cells(centres[..., :2])]
        beside |= space.arm[space.cells(edge)] | space.arm[space.cells(centres[..., :2])]
        if style == "desk" and not space.exact:
            return np.asarray(~beside.any(1))
        clear = gaps(people, space, TORSO[2:] + HEAD + FOREARMS, True) > (-0.01 if space.exact else -0.03)
        return np.asarray(~beside.any(1) & clear.all(1))
    if style in LEAN_BACK or style == "wall-side":
        return np.asarray(np.abs(contact_gap(style, people, space)) < PLAIN_TOUCH)
    return np.ones(len(people), bool)


def contact_gap(style: str, people: People, space: Space) -> NDArray:
    """(N,) metres between what should touch, a back or a shoulder, and what is there."""
    if style == "wall-side":
        joints = people.keypoints[:, [R_SHOULDER, L_SHOULDER, R_ELBOW, L_ELBOW]]
        radii = np.array([0.055, 0.055, 0.045, 0.045]) * (people.heights / REFERENCE_HEIGHT)[:, None]
        return (space.solids.distance(joints) - radii).min(1)
    if style in SITTING:
        return gaps(people, space, TORSO[1:], True).min(1)
    return gaps(people, space, TORSO[:2] if style == "counter-back" else TORSO).min(1)


def settle(style: str, people: People, space: Space, limit: float = 0.16) -> People:
    """Move people backwards (or forwards, out of it) until they touch what they lean on."""
    if style not in (*LEAN_BACK, "wall-side") or len(people) == 0:
        return people
    back = -ahead_of(people.yaws)
    start = people.places[:, :2].copy()
    if style in SITTING:
        # From where nothing is touched towards the back: a table may be in front.
        shifts = np.arange(-0.08, limit, 0.04)
        air = np.stack([contact_gap(style, people.shifted(back * step), space) for step in shifts], 1)
        free = air > -0.02
        last = free & ~np.roll(free, -1, axis=1)
        last[:, -1] = free[:, -1]
        # The contact nearest to the place; where there is no room, wherever there is most.
        cost = np.where(last, np.abs(shifts - 0.02), 9.0)
        chosen = np.where(free.any(1), cost.argmin(1), air.argmax(1))
        people = people.shifted(back * shifts[chosen][:, None])
    for _ in range(3 if style in SITTING else 6):
        # A hair of air rather than of flesh: the grid of places is 5 mm wide.
        step = (contact_gap(style, people, space) - 0.004).clip(-0.05, 0.05)
        if style in SITTING:
            step = step.clip(-0.015, 0.04)
        gone = ((people.places[:, :2] - start) * back).sum(1)
        step = (gone + step).clip(-limit, limit) - gone
        people = people.shifted(back * step[:, None])
    return people


def _on_floor(people: People, space: Space) -> NDArray:
    """Feet, and a knee that is down, on floor; where little is known, the ground between too."""
    low = people.keypoints[:, [R_ANKLE, L_ANKLE, R_KNEE, L_KNEE]]
    grounded = low[..., 2] < 0.22
    floor = space.floor[space.cells(low[..., :2])] > 0.25
    held = (floor | ~grounded).all(1) & grounded[:, :2].any(1)
    if not space.exact:
        between = low[:, :2, :2].mean(1)
        held &= space.floor[space.cells(between)] > 0.25
    return np.asarray(held)


def _feet_down(style: str, people: People, space: Space) -> NDArray:
    """For sitters: no foot inside a seat, and feet hang by less than 12 cm, from bar stools less than 40; who
    has one leg over the other has one of them down. Who sits on a bed's edge has the floor before it."""
    feet = people.keypoints[:, [R_ANKLE, L_ANKLE]]
    # The edge of a seat that is only seen is known to a cell or so.
    inside = feet[..., :2] + ahead_of(people.yaws)[:, None] * (0.0 if space.exact else SEEN_EDGE)
    cells = space.cells(inside)
    on_seat = np.isfinite(space.seat[cells]) & (space.seat_of[cells] != CHAIR)
    lowest = np.where(people.supports > 0.62, 0.46, 0.20)[:, None]
    down = feet[..., 2] < lowest
    good = np.all(~on_seat, axis=1) & (down.any(1) if style == "crossed" else down.all(1))
    if not space.exact:
        # Nor does a shin go into the side of a bed.
        share = np.array([0.4, 0.7, 1.0])[:, None, None, None]
        shins = people.keypoints[:, [R_KNEE, L_KNEE]] * (1 - share) + feet * share
        low = shins[..., 2] < people.supports[:, None] - 0.1
        into = space.seat_of[space.cells(shins[..., :2] + SHIN_EDGE * ahead_of(people.yaws)[:, None])]
        good &= ~(low & np.isin(into, (SOFA, BED))).any((0, 2))
    if not space.exact and style in ("free", "elbows"):
        chair = space.seat_of[space.cells(people.grounds)] == CHAIR
        good &= chair | (space.floor[space.cells(feet[..., :2])] > 0.25).any(1)
    return np.asarray(good)


def _legs_on_seat(people: People, space: Space) -> NDArray:
    """For sitters with their legs up: the seat is under thighs and feet too."""
    knees, feet = people.keypoints[:, [R_KNEE, L_KNEE]], people.keypoints[:, [R_ANKLE, L_ANKLE]]
    under = space.perch[space.cells(np.concatenate([knees, feet], 1)[..., :2])]
    return np.asarray((np.abs(under - people.supports[:, None]) < 0.08).all(1))


def _on_seat(people: People, space: Space) -> NDArray:
    """Whether a seat of the assumed height is under the pelvis, and a level one under both hips."""
    found = space.perch[space.cells(people.grounds)]
    hips = space.perch[space.cells(people.keypoints[:, [R_HIP, L_HIP], :2])]
    held = np.abs(found - people.supports) < 0.05
    held &= (np.abs(hips - people.supports[:, None]) < 0.08).all(1)
    return np.asarray(held if space.exact else held & _well_on_seat(people, space))


def _well_on_seat(people: People, space: Space) -> NDArray:
    """For sitters on seats with a back, of which only depth is known: most of hips and upper thighs has seat
    under it, not an armrest or what is before the front edge. On stools and beds people perch."""
    ahead = ahead_of(people.yaws)
    across = np.stack([ahead[:, 1], -ahead[:, 0]], -1)

    def under(far: NDArray, wide: NDArray) -> NDArray:
        steps = far[:, None, None] * ahead[:, None, None] + wide[:, None] * across[:, None, None]
        return np.isfinite(space.seat[space.cells(people.grounds[:, None, None] + steps)]).mean((1, 2))

    # The hips may be a little behind what is seen of a stool.
    stool = space.seat_of[space.cells(people.grounds + 0.08 * ahead)] == OTHER_FURNITURE
    backed = ~stool & ~np.isin(space.seat_of[space.cells(people.grounds)], (BED, OTHER_FURNITURE))
    whole = (
        under(np.array([-0.04, 0.04, 0.12, 0.18]), np.array([-0.14, -0.07, 0.0, 0.07, 0.14])) >= LEAST_SEAT
    )
    front = under(np.array([0.14, 0.20]), np.array([-0.08, 0.0, 0.08])) >= LEAST_FRONT
    # Seen from behind, a chair shows one side of its seat; people sit in the middle all the same.
    aside = ((people.grounds - space.seat_middle[space.cells(people.grounds)]) * across).sum(1)
    amid = ~(np.abs(aside) > MOST_ASIDE)
    return np.asarray(~backed | (whole & front & amid))


def through_seats(people: People, pixels: NDArray, shallow: NDArray, frame: Frame) -> NDArray:
    """(N,) whether sitters who face the camera have a knee or a foot just behind a seat or a bed, so inside.

    Args:
        pixels: (N, 16, 2). shallow: (N, 16) which joints are just behind something, as of `visibility`.
    """
    legs = [R_KNEE, L_KNEE, R_ANKLE, L_ANKLE]
    away = frame.camera_position[:2] - people.grounds
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    facing = (ahead_of(people.yaws) * away).sum(1) > 0.5
    width, height = frame.size
    x, y = np.floor(np.nan_to_num(pixels[:, legs], nan=-1.0)).astype(int).transpose(2, 0, 1)
    name = frame.labels[y.clip(0, height - 1), x.clip(0, width - 1)]
    return np.asarray(facing & (shallow[:, legs] & np.isin(name, (CHAIR, SOFA, BED))).any(1))


def _on_bed(people: People, space: Space) -> NDArray:
    """Whether something to lie on, about level, is under torso, head and whatever of the legs is down."""
    joints = people.keypoints[:, [PELVIS, THORAX, HEAD_TOP, R_KNEE, L_KNEE, R_ANKLE, L_ANKLE]]
    middle = joints[:, :1] * 0.5 + joints[:, 1:2] * 0.5
    head = joints[:, 1:2] * 0.3 + joints[:, 2:3] * 0.7
    legs = joints[:, 3:]
    places = np.concatenate([joints[:, :2], middle, head, legs], 1)
    under = space.bed[space.cells(places[..., :2])] - people.supports[:, None]
    soft = 0.0 if space.exact else GRAIN
    flat = (under[:, :3] > -0.06 - soft) & (under[:, :3] < 0.06 + soft)
    pillow = (under[:, 3] > -0.09) & (under[:, 3] < 0.20)
    down = legs[..., 2] < (people.supports + 0.24)[:, None]
    held = (under[:, 4:] > -0.09 - soft) & (under[:, 4:] < 0.08 + soft)
    return np.asarray(flat.all(1) & pillow & (held | ~down).all(1))


def visibility(keypoints: NDArray, frame: Frame) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Pixels (N, 16, 2), visibility (N, 16), which joints something stands in front of, and which of these
    are less than 0.45 m behind it. What of the body itself is in front does not count."""
    lying = np.abs(keypoints[:, THORAX, 2] - keypoints[:, PELVIS, 2]) < 0.2
    pixels, hidden, behind = _behind(keypoints, _THICKNESS, frame)
    hidden &= ~lying[:, None] | (behind > _THICKNESS + _BEDDING)
    width, height = frame.size
    inside = (pixels >= 0).all(-1) & (pixels[..., 0] <= width) & (pixels[..., 1] <= height)
    hidden &= inside
    shallow = hidden & (behind < 0.45)
    return pixels, np.where(inside & ~hidden, SEEN, HIDDEN).astype(np.uint8), hidden, shallow


def _behind(points: NDArray, radii: NDArray, frame: Frame) -> tuple[NDArray, NDArray, NDArray]:
    """For places in the body: their pixels, whether something stands before them, and how far before.

    Judged over a disc about each place, because single pixels look through the slats of a chair, and depth is
    blurred at edges.

    Args:
        points: world points (..., 3). radii: (...) of the body there, metres.

    Returns:
        pixels (..., 2); booleans (...); metres (...) behind the median of what is seen, -1 where nothing is.
    """
    pixels, depth = frame.project(points)
    turns = np.arange(8) * (np.pi / 4)
    ring = np.concatenate([np.zeros((1, 2)), np.stack([np.cos(turns), np.sin(turns)], -1)])
    reach = 0.7 * frame.intrinsics[0, 0] * radii / np.maximum(depth, 1e-3)
    seen = frame.depth_at(pixels[..., None, :] + reach[..., None, None] * ring)
    # A median of what is known; what is not known sorts to the end.
    known = np.isfinite(seen).sum(-1)
    middle = np.take_along_axis(np.sort(seen, -1), (known // 2).clip(0, 8)[..., None], -1)[..., 0]
    behind = np.where(known > 0, depth - middle, -1.0)
    hidden = behind > radii + _HIDDEN_MARGIN + _DEPTH_ERROR * depth
    return pixels, np.asarray(hidden), np.asarray(np.nan_to_num(behind, nan=-1.0))


def crossed(keypoints: NDArray, hidden: NDArray, frame: Frame) -> NDArray:
    """(N,) whether something stands before the middle of a limb both of whose ends are seen: drawn as a line,
    the limb would lie over it."""
    starts, ends = np.array(LIMBS).T
    share = np.array([0.25, 0.5, 0.75])[:, None, None, None]
    radii = np.minimum(_THICKNESS[starts], _THICKNESS[ends])
    _, behind, _ = _behind(keypoints[:, starts] * (1 - share) + keypoints[:, ends] * share, radii, frame)
    return np.asarray((behind.any(0) & ~hidden[:, starts] & ~hidden[:, ends]).any(1))


def in_picture(
    pixels: NDArray,
    seen: NDArray,
    hidden: NDArray,
    shallow: NDArray,
    frame: Frame,
    exact: bool,
    most_shallow: NDArray | float = 0.2,
) -> NDArray:
    """(N,) whether enough of each person shows: few joints hidden, the box mostly inside, the head too.

    Where hidden sides are unknown, no more than a share ``most_shallow`` (N,) of the joints is just behind
    something.
    """
    width, height = frame.size
    low, high = pixels.min(1), pixels.max(1)
    inside = np.minimum(high, [width, height]).clip(0) - low.clip(0)
    share = inside.clip(0) / np.maximum(high - low, 1e-6)
    within = np.isfinite(pixels).all((1, 2)) & (share >= 1 - MAX_OUTSIDE).all(1)
    centre = (low + high) / 2
    within &= (centre > 0).all(1) & (centre < [width, height]).all(1)
    # Nobody frames a photograph so that it cuts heads off, and nobody is a dot in it.
    within &= seen[:, HEAD_TOP] == SEEN
    within &= (high - low).max(1) > 0.12 * height
    within &= hidden.mean(1) <= MAX_HIDDEN
    # Where hidden sides are unknown, whoever is just behind a surface may well be inside of something.
    return np.asarray(within if exact else within & (shallow.mean(1) <= most_shallow))


def room_ahead(style: str, people: People, yaws: NDArray, space: Space) -> NDArray:
    """(N,) whether people of a style in `VIEW` have nothing close before their shoulders (nobody eyes a wall)
    and, when they walk, before their thighs (nobody walks into a counter or an armchair)."""
    free = _free_ahead(people, yaws, space, VIEW[style], people.keypoints[:, THORAX, 2] - 0.1)
    if style in WAY:
        free &= _free_ahead(people, yaws, space, WAY[style], np.full(len(people), 0.6))
    return free


def _free_ahead(people: People, yaws: NDArray, space: Space, distance: float, heights: NDArray) -> NDArray:
    steps = np.arange(0.3, distance + 1e-6, 0.1)
    ahead = people.grounds[:, None] + ahead_of(yaws)[:, None] * steps[:, None]
    level = np.broadcast_to(heights[:, None, None], (*ahead.shape[:2], 1))
    return np.asarray((space.solids.distance(np.concatenate([ahead, level], -1)) > 0.10).all(1))


#: Styles that stand freely and look ahead; how far the view must be free.
VIEW = {"stand": 1.0, "walk": 1.2, "gesture": 1.0, "carry": 0.9, "bend": 0.6, "crouch": 0.7}
#: Metres of free way before the thighs.
WAY = {"walk": 0.75}
