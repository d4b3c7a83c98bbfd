"""What physics and the photograph rule out: bodies in furniture, on nothing, behind things or cut off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import Frame
from scenepose.placer.bank import STYLES
from scenepose.placer.limbs import (
    ARMS,
    FOREARMS,
    HEAD,
    SHANKS,
    THIGH_TOPS,
    THIGHS,
    TORSO,
    UPPER_ARMS,
    spheres,
)  # fmt: skip
from scenepose.placer.people import People
from scenepose.placer.space import Space
from scenepose.placer.supports import ahead_of
from scenepose.poses import REFERENCE_HEIGHT
from scenepose.skeleton import (
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
)  # fmt: skip

#: A limb may sink this far into what is there: clothes and cushions give, depth is rounded to 4 cm.
GIVE = 0.02
#: Whoever lies sinks into a mattress, and a sitter's legs press against the seat's edge.
BED_GIVE, SEAT_GIVE = 0.03, 0.03
#: Depth images have steps of 4 cm: there, soft contacts may be so much deeper.
GRAIN = 0.02
#: Whoever stands freely keeps so far away from everything: who could step aside does not brush a chair, and
#: depth images miss thin legs and far sides.
CLEAR = 0.04
#: Whoever is shown at a point is no borderline case: so much more air around who stands and around a sitter's
#: sides, and so much less of it behind who leans.
PLAIN_CLEAR, PLAIN_SIDE, PLAIN_TOUCH = 0.08, 0.02, 0.02
MAX_HIDDEN = 1 / 3
MAX_OUTSIDE = 0.2
#: A joint counts as hidden when something is seen this far in front of it, beyond the limb's own thickness.
_HIDDEN_MARGIN = 0.12
SITTING, LEANING = STYLES["sit"], STYLES["lean"]
LEAN_BACK = ("backed", "wall-back", "counter-back")


def gaps(people: People, space: Space, parts: list) -> NDArray:
    """(N, S) metres of air between body parts and the nearest solid; negative inside of it."""
    centres, radii = spheres(people.keypoints, parts, people.heights)
    return space.solids.distance(centres) - radii


def collides(style: str, people: People, space: Space) -> NDArray:
    """(N,) whether any limb is inside something. What rests on a support may touch it."""
    soft = 0.0 if space.exact else GRAIN
    if style in SITTING:
        inside = gaps(people, space, TORSO[1:] + HEAD + ARMS) < -GIVE
        legs = gaps(people, space, SHANKS) < (-SEAT_GIVE if space.exact else -GIVE)
        legs = np.concatenate([legs, gaps(people, space, THIGHS) < -SEAT_GIVE - 0.005 - soft], 1)
        tops = gaps(people, space, THIGH_TOPS) < -soft
        return np.asarray(inside.any(1) | legs.any(1) | tops.any(1))
    if style in ("face-up", "on-side"):
        centres, radii = spheres(people.keypoints, TORSO + HEAD + ARMS + THIGHS + SHANKS, people.heights)
        resting = centres[..., 2] < (people.supports + 0.16)[:, None]
        air = space.solids.distance(centres) - radii
        return np.asarray((air < np.where(resting, -BED_GIVE, -GIVE) - soft).any(1))
    arms = [*UPPER_ARMS, *FOREARMS[:5], *FOREARMS[7:12]] if style.startswith("counter") else ARMS
    least = CLEAR if style in VIEW else -GIVE
    return np.asarray((gaps(people, space, TORSO + HEAD + arms + THIGHS + SHANKS) < least).any(1))


def supported(style: str, people: People, space: Space) -> NDArray:
    """(N,) whether feet, seat, back, hands or the whole body have what they rest on."""
    if style in SITTING:
        held = _on_seat(people, space) & _feet_down(people, space)
    elif style in ("face-up", "on-side"):
        return _on_bed(people, space)
    else:
        held = _on_floor(people, space)
    if style in SITTING or style in LEANING:
        # Bodies made for a seat or counter of another height would hang above the floor.
        held &= np.abs(people.places[:, 2]) < 0.02
    if style in (*LEAN_BACK, "wall-side"):
        touch = contact_gap(style, people, space)
        held &= (touch < (0.04 if style == "backed" else 0.03)) & (touch > -0.045)
    if style == "counter-front":
        wrists = people.keypoints[:, [R_WRIST, L_WRIST]]
        top = space.counter[space.cells(wrists[..., :2])]
        held &= (np.abs(wrists[..., 2] - top - 0.05) < (0.035 if space.exact else 0.05)).all(1)
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
        clear = gaps(people, space, TORSO[2:] + HEAD + FOREARMS) > -0.01
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
    parts = TORSO[1:] if style == "backed" else TORSO[:2] if style == "counter-back" else TORSO
    return gaps(people, space, parts).min(1)


def settle(style: str, people: People, space: Space, limit: float = 0.12) -> People:
    """Move people backwards (or forwards, out of it) until they touch what they lean on."""
    if style not in (*LEAN_BACK, "wall-side") or len(people) == 0:
        return people
    back = -ahead_of(people.yaws)
    start = people.places[:, :2].copy()
    for _ in range(6):
        # A hair of air rather than of flesh: the grid of places is 5 mm wide.
        step = (contact_gap(style, people, space) - 0.004).clip(-0.05, 0.05)
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


def _feet_down(people: People, space: Space) -> NDArray:
    """For sitters: no foot inside a seat, and feet hang by less than 12 cm, from bar stools less than 40."""
    feet = people.keypoints[:, [R_ANKLE, L_ANKLE]]
    on_seat = np.isfinite(space.seat[space.cells(feet[..., :2])])
    lowest = np.where(people.supports > 0.62, 0.46, 0.20)[:, None]
    return np.asarray(np.all(~on_seat, axis=1) & np.all(feet[..., 2] < lowest, axis=1))


def _on_seat(people: People, space: Space) -> NDArray:
    """Whether a seat of the assumed height is under the pelvis, and a level one under both hips."""
    found = space.seat[space.cells(people.grounds)]
    hips = space.seat[space.cells(people.keypoints[:, [R_HIP, L_HIP], :2])]
    held = np.abs(found - people.supports) < 0.05
    return np.asarray(held & (np.abs(hips - people.supports[:, None]) < 0.08).all(1))


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
    are less than 0.45 m behind it."""
    pixels, behind = _behind(keypoints, frame)
    width, height = frame.size
    inside = (pixels >= 0).all(-1) & (pixels[..., 0] <= width) & (pixels[..., 1] <= height)
    hidden = behind > _HIDDEN_MARGIN
    shallow = hidden & (behind < 0.45)
    return pixels, np.where(inside & ~hidden, SEEN, HIDDEN).astype(np.uint8), hidden, shallow


def _behind(points: NDArray, frame: Frame) -> tuple[NDArray, NDArray]:
    """Pixels (..., 2) of world points (..., 3), and how many metres (...) they lie behind what is seen there;
    -1 where nothing is known."""
    pixels, depth = frame.project(points)
    return pixels, np.nan_to_num(depth - frame.depth_at(pixels), nan=-1.0)


def crossed(keypoints: NDArray, hidden: NDArray, frame: Frame) -> NDArray:
    """(N,) whether something stands before the middle of a limb both of whose ends are seen: drawn as a line,
    the limb would lie over it."""
    starts, ends = np.array(LIMBS).T
    share = np.array([0.25, 0.5, 0.75])[:, None, None, None]
    _, behind = _behind(keypoints[:, starts] * (1 - share) + keypoints[:, ends] * share, frame)
    return np.asarray(((behind > _HIDDEN_MARGIN).any(0) & ~hidden[:, starts] & ~hidden[:, ends]).any(1))


def in_picture(
    pixels: NDArray, seen: NDArray, hidden: NDArray, shallow: NDArray, frame: Frame, exact: bool
) -> NDArray:
    """(N,) whether enough of each person shows: few joints hidden, the box mostly inside, the head too."""
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
    return np.asarray(within if exact else within & (shallow.mean(1) <= 0.2))


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
