"""What is fixed to walls: radiators, switches, sockets, clocks, mirrors, hooks with coats.

Each function returns one mesh object that `layout.Room.hang` takes: flat against x = 0, front at +x.
"""

import numpy as np

from . import classes as c
from . import furniture as f
from . import joinery as j
from . import materials as mat
from .stock import cloth_colour, wood_colour


def settled(piece):
    f.settle(piece)
    return piece


def radiator(rng, width, height):
    """A panel radiator."""
    white = mat.plain("radiator", mat.colour(0.1, 0.04, rng.uniform(0.8, 0.93)), 0.4)
    count = max(4, round(width / 0.07))
    step = width / count
    parts = [((0.04, -width / 2 + 0.01, 0.02), (0.075, width / 2 - 0.01, height - 0.02), white)]
    parts += [
        (
            (0.03, -width / 2 + k * step + 0.008, 0),
            (0.095, -width / 2 + (k + 1) * step - 0.008, height),
            white,
        )
        for k in range(count)
    ]
    return settled(j.boxes("radiator", parts, c.OTHER_PROP, 0.004))


def switch(_rng, socket=False):
    """A light switch, or a double socket."""
    white = mat.plain("switch", (0.72, 0.71, 0.68), 0.3)
    dark = mat.plain("hole", (0.05, 0.05, 0.05), 0.5)
    half = 0.075 if socket else 0.04
    parts = [((0, -half, 0), (0.011, half, 0.08), white)]
    if socket:
        parts += [((0.011, y - 0.02, 0.02), (0.0115, y + 0.02, 0.06), dark) for y in (-0.037, 0.037)]
    else:
        parts.append(((0.011, -0.022, 0.012), (0.016, 0.022, 0.068), white))
    return settled(j.boxes("switch", parts, c.OTHER_PROP, 0.002))


def clock(rng):
    """A round wall clock."""
    r = float(rng.uniform(0.12, 0.19))
    rim = mat.plain("rim", mat.colour(0.1, 0.2, rng.choice([0.05, 0.5, 0.85])), 0.35)
    face = mat.plain("face", (0.75, 0.74, 0.7), 0.5)
    dark = mat.plain("hand", (0.02, 0.02, 0.02), 0.5)
    body = j.turned(
        "clock", [(r, 0), (r, 0.035), (r * 0.92, 0.035), (r * 0.92, 0.026)], rim, c.OTHER_PROP, 40
    )
    dial = j.turned("dial", [(r * 0.93, 0.026), (0, 0.026)], face, c.OTHER_PROP, 40)
    pieces = [body, dial]
    for k in range(12):
        a = k * np.pi / 6
        mark = j.boxes("mark", [((0.74 * r, -0.004, 0.026), (0.86 * r, 0.004, 0.028), dark)], c.OTHER_PROP, 0)
        mark.rotation_euler = (0, 0, a)
        pieces.append(mark)
    for length, broad in ((0.5, 0.007), (0.72, 0.004)):
        hand = j.boxes("hand", [((-0.02, -broad, 0.028), (length * r, broad, 0.03), dark)], c.OTHER_PROP, 0)
        hand.rotation_euler = (0, 0, rng.uniform(0, 6.3))
        pieces.append(hand)
    whole = j.join(*pieces)
    whole.data.transform(((0, 0, 1, 0), (0, 1, 0, 0), (-1, 0, 0, 0), (0, 0, 0, 1)))
    return settled(whole)


def mirror(rng):
    """A framed mirror, upright or round; `glass` stays a surface of its own in depth and label."""
    w, h = float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.7, 1.3))
    frame = (
        mat.wood(wood_colour(rng))
        if rng.random() < 0.5
        else mat.plain("frame", mat.colour(0.1, 0.3, rng.choice([0.05, 0.6])), 0.35, 0.7)
    )
    glass, e = mat.plain("mirror", (0.85, 0.87, 0.87), 0.03, 1.0), 0.035
    parts = [
        ((0, -w / 2, 0), (0.03, -w / 2 + e, h), frame),
        ((0, w / 2 - e, 0), (0.03, w / 2, h), frame),
        ((0, -w / 2 + e, 0), (0.03, w / 2 - e, e), frame),
        ((0, -w / 2 + e, h - e), (0.03, w / 2 - e, h), frame),
        ((0, -w / 2 + e, e), (0.012, w / 2 - e, h - e), glass),
    ]
    return settled(j.boxes("mirror", parts, c.MIRROR, 0))


def coat_rack(rng):
    """A board with hooks, coats and bags hanging from it."""
    count = int(rng.integers(3, 6))
    wide = 0.18 * count + 0.1
    board, metal = mat.wood(wood_colour(rng)), mat.plain("hook", (0.5, 0.48, 0.45), 0.3, 1.0)
    parts = [((0, -wide / 2, -0.05), (0.02, wide / 2, 0.05), board)]
    parts += [
        ((0.02, y - 0.008, -0.03), (0.07, y + 0.008, -0.01), metal)
        for y in (np.arange(count) - (count - 1) / 2) * 0.18
    ]
    rack = j.boxes("rack", parts, c.CLOTHES, 0.003)
    places = (np.arange(count) - (count - 1) / 2) * 0.18
    coats = [coat(rng, float(y)) for y in places if rng.random() < 0.65]
    return settled(j.join(rack, *coats) if coats else rack)


def coat(rng, y):
    """A coat or jacket hanging from a hook at (0, y, 0): narrow at the top, folds below."""
    drop, half = float(rng.uniform(0.6, 1.05)), float(rng.uniform(0.14, 0.22))
    t, s = np.meshgrid(np.linspace(0, 1, 16), np.linspace(-1, 1, 30), indexing="ij")
    spread = half * (0.25 + 0.75 * np.clip(t / 0.18, 0, 1) ** 0.6 + 0.12 * t)
    depth = (0.05 + 0.06 * np.clip(t / 0.2, 0, 1)) * np.sqrt(np.clip(1 - s**4, 0, 1))
    depth = depth + 0.014 * np.sin(rng.uniform(9, 15) * s + rng.uniform(0, 6)) * np.clip(t * 2, 0, 1) * (
        1 - s**2
    )
    shape = np.stack([0.02 + depth, y + s * spread, -0.02 - t * drop], -1)
    return j.grid("coat", shape, mat.fabric(cloth_colour(rng)), c.CLOTHES)
