"""Postures that nobody recorded, built from recorded ones by geometry: crouching and leaning.

Everything here is in the body frame of a 1.70 m person: metres, z up, facing +y, left at -x. What the person
rests on is part of the frame: the floor or the bed is z = 0, the wall or the counter's edge is y = 0.
Whoever lies has the feet towards +y (sitting up, they would face that way) and the head towards -y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.pose.skeleton import (
    HEAD_TOP,
    L_ANKLE,
    L_ELBOW,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    L_WRIST,
    PELVIS,
    R_ANKLE,
    R_ELBOW,
    R_HIP,
    R_KNEE,
    R_SHOULDER,
    R_WRIST,
    THORAX,
    UPPER_NECK,
)
from train.world.place.sampler import ANKLE_HEIGHT, REFERENCE_HEIGHT, bone_directions, from_directions

THIGH, SHANK, UPPER_ARM, FOREARM = 0.42, 0.40, 0.29, 0.25
#: From the middle of the torso to the surface of the back, and from a hip joint to what one sits on.
BACK, SEAT_FLESH = 0.12, 0.09
UPPER = [THORAX, UPPER_NECK, HEAD_TOP, R_WRIST, R_ELBOW, R_SHOULDER, L_SHOULDER, L_ELBOW, L_WRIST]
LEGS = ((R_HIP, R_KNEE, R_ANKLE, 1.0), (L_HIP, L_KNEE, L_ANKLE, -1.0))
ARMS = ((R_SHOULDER, R_ELBOW, R_WRIST, 1.0), (L_SHOULDER, L_ELBOW, L_WRIST, -1.0))


def reach(
    start: NDArray, end: NDArray, first: float, second: float, pole: NDArray
) -> tuple[NDArray, NDArray]:
    """Two bones from start to end (..., 3), bent towards pole: the joint between them, and where they end.

    An end out of reach is pulled in along the straight line.
    """
    line = end - start
    length = np.linalg.norm(line, axis=-1, keepdims=True)
    unit = line / np.maximum(length, 1e-9)
    length = length.clip(abs(first - second) + 0.02, (first + second) * 0.998)
    along = (first**2 + length**2 - second**2) / (2 * length)
    aside = pole - (pole * unit).sum(-1, keepdims=True) * unit
    aside /= np.maximum(np.linalg.norm(aside, axis=-1, keepdims=True), 1e-9)
    return start + unit * along + aside * np.sqrt((first**2 - along**2).clip(0)), start + unit * length


def vectors(*columns: NDArray | float) -> NDArray:
    """(N, 3) from three columns, any of them a number."""
    return np.stack(np.broadcast_arrays(*columns), -1).astype(float)


def rotate_upper(body: NDArray, angles: NDArray) -> NDArray:
    """Turn the upper bodies of (N, 16, 3) backwards about the pelvis by angles (N,), radians."""
    turned = body.copy()
    centre = body[:, [PELVIS]]
    offset = body[:, UPPER] - centre
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    y, z = offset[..., 1], offset[..., 2]
    turned[:, UPPER] = centre + np.stack([offset[..., 0], cosine * y - sine * z, sine * y + cosine * z], -1)
    return turned


def tilt_to(body: NDArray, tilt: NDArray) -> NDArray:
    """Turn upper bodies so that the torso leans back by tilt (N,) radians from the vertical."""
    torso = body[:, THORAX] - body[:, PELVIS]
    return rotate_upper(body, tilt - np.arctan2(-torso[:, 1], torso[:, 2]))


def raise_head(body: NDArray, angles: NDArray) -> NDArray:
    """Turn neck and head forwards about the thorax by angles (N,): who leans back still looks ahead."""
    turned = body.copy()
    centre = body[:, [THORAX]]
    offset = body[:, [UPPER_NECK, HEAD_TOP]] - centre
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    y, z = offset[..., 1], offset[..., 2]
    turned[:, [UPPER_NECK, HEAD_TOP]] = centre + np.stack(
        [offset[..., 0], cosine * y + sine * z, cosine * z - sine * y], -1
    )
    return turned


def exact(body: NDArray) -> NDArray:
    """The same bodies with every bone at its proper length, pelvis where it was."""
    heights = np.full(len(body), REFERENCE_HEIGHT)
    return from_directions(bone_directions(body), heights) + body[:, [PELVIS]]


def put_arm(body: NDArray, arm: tuple, wrist: NDArray, pole: NDArray) -> None:
    """Bring one wrist of each body to a place (N, 3), the elbow bent towards pole (N, 3); in place."""
    shoulder, elbow, hand, _ = arm
    body[:, elbow], body[:, hand] = reach(body[:, shoulder], wrist, UPPER_ARM, FOREARM, pole)


def put_leg(body: NDArray, leg: tuple, ankle: NDArray, pole: NDArray) -> None:
    """Bring one ankle of each body to a place (N, 3), the knee bent towards pole (N, 3); in place."""
    hip, knee, foot, _ = leg
    body[:, knee], body[:, foot] = reach(body[:, hip], ankle, THIGH, SHANK, pole)


def crouching(base: NDArray, rng: np.random.Generator) -> NDArray:
    """Squatting on both feet, or kneeling on the right knee, from standing bodies."""
    count = len(base)
    kneel = rng.random(count) < 0.45
    low = rng.uniform(0.24, 0.40, count)
    pelvis = vectors(0.0, 0.0, np.where(kneel, 0.47, low))
    body = tilt_to(base, -np.where(kneel, rng.uniform(0.0, 0.45, count), rng.uniform(0.30, 0.75, count)))
    body += (pelvis - body[:, PELVIS])[:, None]
    ahead = np.where(kneel, 0.0, rng.uniform(0.10, 0.20, count))
    for leg in LEGS:
        side = leg[3]
        feet = vectors(
            side * rng.uniform(0.10, 0.20, count), ahead + rng.normal(0, 0.03, count), ANKLE_HEIGHT
        )
        pole = vectors(side * rng.uniform(0.1, 0.5, count), 1.0, 0.25)
        if side > 0:
            feet = np.where(kneel[:, None], vectors(0.13, rng.uniform(-0.40, -0.30, count), 0.09), feet)
            pole = np.where(kneel[:, None], vectors(0.0, 1.0, -0.6), pole)
        else:
            stride = vectors(-0.14, rng.uniform(0.30, 0.42, count), ANKLE_HEIGHT)
            feet = np.where(kneel[:, None], stride, feet)
            pole = np.where(kneel[:, None], vectors(-0.15, 1.0, 0.6), pole)
        put_leg(body, leg, feet, pole)
    choice = rng.integers(0, 3, count)
    for arm in ARMS:
        knee = body[:, R_KNEE if arm[3] > 0 else L_KNEE]
        on_knee = np.where(
            (kneel & (arm[3] > 0))[:, None],
            body[:, R_HIP] + vectors(0.02, 0.16, 0.09),
            knee + vectors(-0.03 * arm[3], -0.02, 0.09),
        )
        ahead_low = vectors(arm[3] * rng.uniform(0.05, 0.18, count), rng.uniform(0.45, 0.6, count), 0.12)
        between = vectors(arm[3] * 0.06, rng.uniform(0.34, 0.46, count), rng.uniform(0.35, 0.5, count))
        wrist = np.choose(choice[:, None], [on_knee, ahead_low, between])
        put_arm(body, arm, wrist, vectors(0.7 * arm[3], -0.4, -0.3))
    return body


def _rest_arms(body: NDArray, rng: np.random.Generator, behind: bool) -> None:
    """Arms of a leaning person: hanging, in the pockets, crossed, or holding something before the chest."""
    count = len(body)
    choice = rng.choice(4, count, p=[0.3, 0.2, 0.35, 0.15])
    pelvis, thorax = body[:, PELVIS], body[:, THORAX]
    up = thorax - pelvis
    for arm in ARMS:
        side = arm[3]
        hang = body[:, arm[0]] + vectors(side * rng.uniform(0.02, 0.09, count), 0.06, -0.52)
        pocket = pelvis + vectors(side * 0.21, 0.10, 0.02)
        crossed = pelvis + up * 0.58 + vectors(-side * 0.13, 0.21 + 0.03 * side, 0.0)
        phone = pelvis + up * 0.72 + vectors(side * 0.05, 0.30, 0.0)
        wrist = np.choose(choice[:, None], [hang, pocket, crossed, phone])
        pole = np.where(
            (choice == 0)[:, None],
            vectors(side * 0.6, 0.0 if behind else -0.6, 0.0),
            vectors(side, 0.12, -0.5),
        )
        put_arm(body, arm, wrist, pole)


def leaning_back(base: NDArray, rng: np.random.Generator) -> NDArray:
    """The back flat against a wall (y = 0), the feet a step before it."""
    count = len(base)
    body = tilt_to(base, rng.uniform(0.0, 0.05, count))
    ahead = rng.uniform(0.12, 0.34, count)
    legs = rng.uniform(0.965, 0.995, count) * (THIGH + SHANK)
    pelvis = vectors(0.0, BACK + 0.005, ANKLE_HEIGHT + np.sqrt(legs**2 - ahead**2))
    body += (pelvis - body[:, PELVIS])[:, None]
    raised = rng.random(count) < 0.2
    for leg in LEGS:
        side = leg[3]
        feet = vectors(
            side * rng.uniform(0.09, 0.17, count), BACK + ahead + rng.normal(0, 0.02, count), ANKLE_HEIGHT
        )
        if side > 0:
            feet = np.where(raised[:, None], vectors(0.11, 0.10, rng.uniform(0.36, 0.46, count)), feet)
        put_leg(body, leg, feet, vectors(side * 0.1, 1.0, 0.1))
    _rest_arms(body, rng, behind=True)
    return body


def leaning_aside(base: NDArray, rng: np.random.Generator) -> NDArray:
    """The right shoulder against a wall, the body slanting to it; the wall is y = 0, the person faces +x.

    (Turned about the vertical so that the wall is behind y = 0 as for everybody who leans.)
    """
    body = tilt_to(base, rng.uniform(-0.05, 0.04, len(base)))
    _rest_arms(body, rng, behind=False)
    feet = body[:, [R_ANKLE, L_ANKLE]].mean(1)
    body -= vectors(feet[:, 0], feet[:, 1], feet[:, 2] - ANKLE_HEIGHT)[:, None]
    slant = rng.uniform(0.10, 0.20, len(base))[:, None]
    x, z = body[..., 0], body[..., 2] - ANKLE_HEIGHT
    body = np.stack(
        [
            np.cos(slant) * x + np.sin(slant) * z,
            body[..., 1],
            ANKLE_HEIGHT - np.sin(slant) * x + np.cos(slant) * z,
        ],
        -1,
    )
    # The feet stay level on the floor.
    for leg in LEGS:
        put_leg(
            body, leg, vectors(body[:, leg[2], 0], body[:, leg[2], 1], ANKLE_HEIGHT), vectors(0.0, 1.0, 0.1)
        )
    reached = np.maximum(body[:, R_SHOULDER, 0] + 0.055, body[:, R_ELBOW, 0] + 0.045)
    body[..., 0] -= reached[:, None]
    return np.stack([body[..., 1], -body[..., 0], body[..., 2]], -1)


def against_counter(base: NDArray, top: NDArray, rng: np.random.Generator) -> NDArray:
    """The hips against a counter of heights (N,) behind (edge y = 0), hands on its edge or arms at rest."""
    count = len(base)
    body = tilt_to(base, rng.uniform(-0.12, 0.03, count))
    ahead = rng.uniform(0.10, 0.26, count)
    legs = rng.uniform(0.965, 0.995, count) * (THIGH + SHANK)
    pelvis = vectors(0.0, BACK + 0.01, ANKLE_HEIGHT + np.sqrt(legs**2 - ahead**2))
    body += (pelvis - body[:, PELVIS])[:, None]
    for leg in LEGS:
        feet = vectors(
            leg[3] * rng.uniform(0.09, 0.17, count), BACK + ahead + rng.normal(0, 0.02, count), ANKLE_HEIGHT
        )
        put_leg(body, leg, feet, vectors(leg[3] * 0.1, 1.0, 0.1))
    _rest_arms(body, rng, behind=True)
    hands = rng.random(count) < 0.55
    for arm in ARMS:
        resting = body.copy()
        wrist = vectors(arm[3] * rng.uniform(0.27, 0.38, count), -0.05, top + 0.05)
        put_arm(resting, arm, wrist, vectors(arm[3] * 0.7, -0.7, 0.2))
        body[hands] = resting[hands]
    return body


def hands_on_counter(base: NDArray, top: NDArray, rng: np.random.Generator) -> NDArray:
    """Facing a counter (the person looks along -y at the edge y = 0), both hands on its top."""
    count = len(base)
    tilt = np.interp(top, [0.65, 1.10], [0.65, 0.12]) + rng.uniform(-0.10, 0.12, count)
    body = tilt_to(base, -tilt)
    pelvis = vectors(0.0, -rng.uniform(0.20, 0.34, count), rng.uniform(0.86, 0.89, count))
    body += (pelvis - body[:, PELVIS])[:, None]
    for leg in LEGS:
        stride = rng.uniform(-0.16, 0.06, count)
        feet = vectors(leg[3] * rng.uniform(0.10, 0.18, count), pelvis[:, 1] + stride, ANKLE_HEIGHT)
        put_leg(body, leg, feet, vectors(leg[3] * 0.1, 1.0, 0.1))
    for arm in ARMS:
        wrist = vectors(arm[3] * rng.uniform(0.17, 0.30, count), rng.uniform(0.05, 0.14, count), top + 0.05)
        put_arm(body, arm, wrist, vectors(arm[3] * 0.9, -0.3, 0.1))
    # Turn by half: whoever leans has the support behind y = 0.
    return body * np.array([-1.0, -1.0, 1.0])
