"""How people sit: upright, leaning back, one leg over the other, elbows on the knees, at a table, legs up.

Frame as in `train.world.place.postures`: the floor is z = 0; for whoever has the legs up the seat is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.pose.skeleton import L_HIP, L_KNEE, PELVIS, R_ANKLE, R_HIP, R_KNEE
from train.world.place.postures import (
    ARMS,
    FOREARM,
    LEGS,
    SEAT_FLESH,
    SHANK,
    THIGH,
    UPPER_ARM,
    put_arm,
    put_leg,
    raise_head,
    tilt_to,
    vectors,
)
from train.world.place.sampler import ANKLE_HEIGHT

#: How far the trunk leans back (forwards: negative), radians.
TILT = {
    "backed": (0.04, 0.26),
    "reclined": (0.24, 0.55),
    "crossed": (0.05, 0.36),
    "free": (-0.25, 0.10),
    "elbows": (-0.85, -0.60),
    "desk": (-0.22, 0.04),
}
#: A table's height over that of its chairs' seats: 0.74 m over 0.45.
TABLE_OVER_SEAT = 1.64


def sitting(base: NDArray, seat: NDArray, style: str, rng: np.random.Generator) -> NDArray:
    """Sitters on seats of heights (N,) from drawn upper bodies: feet on the floor wherever they reach it."""
    count = len(base)
    tilt = rng.uniform(*TILT[style], count)
    body = raise_head(tilt_to(base, tilt), tilt * rng.uniform(0.5, 1.0, count))
    body += vectors(0.0, 0.0, seat + SEAT_FLESH)[:, None] - body[:, [PELVIS]]
    body[:, [R_HIP, L_HIP], 2] = body[:, [PELVIS], 2]
    body[:, R_HIP, :2], body[:, L_HIP, :2] = (0.12, 0.0), (-0.12, 0.0)
    _legs(body, style, rng)
    if style == "crossed":
        _cross(body, rng)
    if style == "elbows":
        _elbows_on_knees(body, rng)
    elif style == "desk":
        for arm in ARMS:
            side = arm[3]
            hand = vectors(
                side * rng.uniform(0.06, 0.24, count),
                rng.uniform(0.32, 0.44, count),
                TABLE_OVER_SEAT * seat + 0.025,
            )
            put_arm(body, arm, hand, vectors(side * 0.9, -0.5, -0.5))
    else:
        _hands_in_lap(body, rng)
    return body


def _legs(body: NDArray, style: str, rng: np.random.Generator) -> None:
    """Thighs forward, feet below the knees, before them or under the seat; in place."""
    count = len(body)
    spread, lean = rng.uniform(-0.05, 0.35, count), rng.normal(0.02, 0.16, count).clip(-0.3, 0.4)
    choice = rng.random(count)
    ahead, under = {"reclined": (0.35, 0.0), "elbows": (0.0, 0.3), "crossed": (0.0, 0.0)}.get(
        style, (0.15, 0.2)
    )
    lean = np.where(choice < ahead, rng.uniform(0.45, 0.95, count), lean)
    lean = np.where(choice > 1 - under, rng.uniform(-0.65, -0.3, count), lean)
    for hip, knee, ankle, side in LEGS:
        turned = side * (spread + rng.normal(0, 0.06, count)).clip(-0.08, 0.5)
        forward = np.stack([np.sin(turned), np.cos(turned)], -1)
        shank = lean + rng.normal(0, 0.09, count)
        # How far the knee rises above the hip so that the ankle comes to the floor.
        lift = ((SHANK * np.cos(shank) - (body[:, hip, 2] - ANKLE_HEIGHT)) / THIGH).clip(-0.30, 0.62)
        along = np.sqrt(1 - lift**2)
        body[:, knee] = body[:, hip] + np.concatenate([forward * along[:, None], lift[:, None]], 1) * THIGH
        drop = np.minimum((body[:, knee, 2] - ANKLE_HEIGHT) / SHANK, 1.0)
        aside = np.sqrt((1 - drop**2).clip(0)) * np.sign(shank + 1e-9)
        body[:, ankle] = body[:, knee] + SHANK * np.concatenate([forward * aside[:, None], -drop[:, None]], 1)


def _cross(body: NDArray, rng: np.random.Generator) -> None:
    """The right leg over the left: knee over knee, or the right ankle on the left knee; in place."""
    count = len(body)
    other = body[:, L_KNEE]
    over = rng.random(count) < 0.65
    # The thigh lies on the other; the shank hangs before it, the foot towards the left.
    rise = rng.uniform(0.13, 0.17, count)
    knee = body[:, R_HIP] + THIGH * _unit(
        other + vectors(rng.uniform(0.0, 0.05, count), 0.0, rise) - body[:, R_HIP]
    )
    swing = _unit(vectors(-rng.uniform(0.15, 0.45, count), rng.uniform(0.1, 0.5, count), -1.0))
    body[over, R_KNEE], body[over, R_ANKLE] = knee[over], (knee + SHANK * swing)[over]
    rest = body.copy()
    ankle = other + vectors(rng.uniform(-0.10, -0.02, count), rng.uniform(-0.10, -0.03, count), 0.13)
    put_leg(rest, LEGS[0], ankle, vectors(1.0, 0.2, 0.25))
    body[~over] = rest[~over]


def _elbows_on_knees(body: NDArray, rng: np.random.Generator) -> None:
    """Elbows on the thighs above the knees, hands between them; in place."""
    count = len(body)
    for shoulder, elbow, wrist, side in ARMS:
        hip, knee = (R_HIP, R_KNEE) if side > 0 else (L_HIP, L_KNEE)
        share = rng.uniform(0.68, 0.95, (count, 1))
        rest = body[:, hip] * (1 - share) + body[:, knee] * share + vectors(0.0, 0.0, 0.10)
        body[:, elbow] = body[:, shoulder] + UPPER_ARM * _unit(rest - body[:, shoulder])
        hand = vectors(
            side * rng.uniform(0.03, 0.10, count) - body[:, elbow, 0],
            rng.uniform(0.12, 0.24, count),
            rng.uniform(-0.06, 0.16, count),
        )
        body[:, wrist] = body[:, elbow] + FOREARM * _unit(hand)


def _hands_in_lap(body: NDArray, rng: np.random.Generator) -> None:
    """Most hands rest on the thighs or in the lap; the others stay as they were recorded; in place."""
    count = len(body)
    for arm in ARMS:
        hip, knee = (R_HIP, R_KNEE) if arm[3] > 0 else (L_HIP, L_KNEE)
        share = rng.uniform(0.35, 0.95, (count, 1))
        rest = body[:, hip] * (1 - share) + body[:, knee] * share + vectors(-0.04 * arm[3], 0.0, 0.11)
        resting = body.copy()
        put_arm(resting, arm, rest, vectors(0.8 * arm[3], -0.5, -0.4))
        rests = rng.random(count) >= 0.35
        body[rests] = resting[rests]


def legs_up(base: NDArray, rng: np.random.Generator) -> NDArray:
    """Half lying: the back against an armrest or a headboard, the legs along the seat, which is z = 0."""
    count = len(base)
    tilt = rng.uniform(0.30, 0.75, count)
    body = raise_head(tilt_to(base, tilt), tilt * rng.uniform(0.5, 0.9, count))
    body += np.array([0.0, 0.0, SEAT_FLESH]) - body[:, [PELVIS]]
    body[:, [R_HIP, L_HIP], 2] = body[:, [PELVIS], 2]
    body[:, R_HIP, :2], body[:, L_HIP, :2] = (0.12, 0.0), (-0.12, 0.0)
    for leg in LEGS:
        side = leg[3]
        bent = rng.random(count) < 0.3
        straight = vectors(side * rng.uniform(0.06, 0.17, count), rng.uniform(0.77, 0.81, count), 0.07)
        drawn_up = vectors(side * rng.uniform(0.08, 0.16, count), rng.uniform(0.34, 0.55, count), 0.08)
        put_leg(body, leg, np.where(bent[:, None], drawn_up, straight), vectors(side * 0.2, 0.0, 1.0))
    _hands_in_lap(body, rng)
    return body


def _unit(lines: NDArray) -> NDArray:
    return lines / np.maximum(np.linalg.norm(lines, axis=1, keepdims=True), 1e-9)
