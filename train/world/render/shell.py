"""The shell of a room: floor, walls with openings, ceiling, baseboards, windows, curtains, door.

A room is the box 0..width x 0..depth x 0..height. Walls are named by the way they lie: "south" (y = 0),
"north" (y = depth), "west" (x = 0), "east" (x = width).
"""

import math
from dataclasses import dataclass

import bpy
import numpy as np

from . import classes as c
from . import joinery
from . import materials as mat

THICK = 0.22  # wall thickness, metres


@dataclass
class Opening:
    """A hole in a wall: centre along it, width, bottom and top height in metres."""

    wall: str
    centre: float
    width: float
    bottom: float
    top: float


def frame_of(wall, width, depth):
    """(origin, along, inward) of a wall in plan: unit vectors, `along` in growing x or y."""
    return {
        "south": (np.array([0.0, 0.0]), np.array([1.0, 0.0]), np.array([0.0, 1.0])),
        "north": (np.array([0.0, depth]), np.array([1.0, 0.0]), np.array([0.0, -1.0])),
        "west": (np.array([0.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 0.0])),
        "east": (np.array([width, 0.0]), np.array([0.0, 1.0]), np.array([-1.0, 0.0])),
    }[wall]


def length_of(wall, width, depth):
    return width if wall in ("south", "north") else depth


def slab(room, wall, start, end, low, high, inner, outer, material):
    """A box on a wall for `joinery.boxes`: along start..end, low..high, inner..outer metres inward."""
    origin, along, inward = frame_of(wall, room.width, room.depth)
    p, q = origin + along * start + inward * inner, origin + along * end + inward * outer
    return ((min(p[0], q[0]), min(p[1], q[1]), low), (max(p[0], q[0]), max(p[1], q[1]), high), material)


def build(room, rng):
    """Builds floor, ceiling, walls, trim, windows and doors of `room` (see layout.Room)."""
    w, d, h = room.width, room.depth, room.height
    floor = joinery.boxes(
        "floor", [((-THICK, -THICK, -0.1), (w + THICK, d + THICK, 0), room.floor_material)], c.FLOOR, 0
    )
    white = mat.plain("ceiling", mat.colour(0.1, rng.uniform(0, 0.06), rng.uniform(0.84, 0.93)), 0.9)
    ceiling = joinery.boxes(
        "ceiling", [((-THICK, -THICK, h), (w + THICK, d + THICK, h + 0.1), white)], c.CEILING, 0
    )
    trim_white = mat.plain("trim", mat.colour(0.1, rng.uniform(0, 0.1), rng.uniform(0.78, 0.92)), 0.35)
    trim = trim_white if rng.random() < 0.75 else mat.wood(mat.colour(0.07, 0.6, rng.uniform(0.25, 0.55)))
    skirting = rng.uniform(0.06, 0.13)
    room.window_style = rng.random()  # one kind of curtain or blind a room
    room.curtain_cloth = mat.sheer(
        mat.colour(rng.choice([0.08, 0.1, 0.6, rng.random()]), rng.uniform(0, 0.35), rng.uniform(0.4, 0.88)),
        rng.uniform(0.15, 0.5),
    )
    cornice = rng.random() < 0.35
    for wall in ("south", "north", "west", "east"):
        size = length_of(wall, w, d)
        holes = sorted((o for o in room.openings if o.wall == wall), key=lambda o: o.centre)
        parts, at, board = [], -THICK, []
        for hole in holes:
            a, b = hole.centre - hole.width / 2, hole.centre + hole.width / 2
            parts.append((at, a, 0, h))
            parts.append((a, b, hole.top, h))
            if hole.bottom > 0:
                parts.append((a, b, 0, hole.bottom))
            board.append((max(at, 0), a if hole.bottom <= 0 else b))
            at = b
        parts.append((at, size + THICK, 0, h))
        board.append((max(at, 0), size))
        material = room.wall_materials[wall]
        joinery.boxes(
            "wall", [slab(room, wall, s, e, lo, hi, 0, -THICK, material) for s, e, lo, hi in parts], c.WALL, 0
        )
        gap = 0.07  # the casing of a door stands here
        runs = [
            (s + (gap if s > 0 and is_door_edge(holes, s) else 0), e - (gap if is_door_edge(holes, e) else 0))
            for s, e in board
        ]
        boards = [slab(room, wall, s, e, 0, skirting, 0, 0.014, trim) for s, e in runs if e > s]
        if cornice:
            boards.append(slab(room, wall, 0, size, h - 0.07, h, 0, 0.06, trim_white))
        joinery.boxes("trim", boards, c.WALL, 0.003)
    for opening in room.openings:
        if opening.bottom > 0.05 or opening in room.windows:
            window(room, opening, trim_white, rng)
        else:
            door(room, opening, trim, rng)
    return floor, ceiling


def is_door_edge(holes, at):
    return any(
        o.bottom <= 0 and min(abs(o.centre - o.width / 2 - at), abs(o.centre + o.width / 2 - at)) < 1e-6
        for o in holes
    )


def window(room, o, material, rng):
    """Frame, mullions, sill; perhaps curtains or a blind."""
    a, b, lo, hi = o.centre - o.width / 2, o.centre + o.width / 2, o.bottom, o.top
    t, depth = 0.055, (-0.1, -0.16)
    parts = [(a, a + t, lo, hi), (b - t, b, lo, hi), (a + t, b - t, lo, lo + t), (a + t, b - t, hi - t, hi)]
    panes = max(1, round(o.width / rng.uniform(0.6, 1.2)))
    for k in range(1, panes):
        x = a + o.width * k / panes
        if x < b - t:
            parts.append((x - t / 2, x + t / 2, lo + t, hi - t))
    if rng.random() < 0.45:
        z = lo + (hi - lo) * rng.choice([0.5, 0.68])
        transom = slab(room, o.wall, a + t, b - t, z - 0.02, z + 0.02, -0.105, -0.155, material)
    else:
        transom = None
    solids = [slab(room, o.wall, *part, *depth, material) for part in parts]
    solids += [transom] if transom else []
    if lo > 0.2:
        solids.append(slab(room, o.wall, a - 0.06, b + 0.06, lo - 0.035, lo + 0.004, 0.06, -0.12, material))
    joinery.boxes("window", solids, c.WINDOW, 0.004)
    origin, along, inward = frame_of(o.wall, room.width, room.depth)
    turn = math.atan2(inward[1], inward[0])
    style = room.window_style
    if style < 0.62:
        cloth = room.curtain_cloth
        high = min(room.height - 0.04, hi + 0.18)
        low = 0.02 if rng.random() < 0.75 else max(0.02, lo - 0.15)
        open_share = rng.uniform(0.16, 0.3)
        for side in (-1, 1):
            cloth_width = max(0.3, o.width * open_share)
            hang = joinery.curtain(rng, cloth_width, high - low, cloth)
            centre = o.centre + side * (o.width / 2 + 0.12 - cloth_width / 2)
            xy = origin + along * centre + inward * 0.1
            hang.location, hang.rotation_euler = (*xy, low), (0, 0, turn)
        rod = slab(
            room,
            o.wall,
            a - 0.22,
            b + 0.22,
            high - 0.005,
            high + 0.02,
            0.09,
            0.115,
            mat.plain("rod", mat.colour(0.1, 0.1, rng.uniform(0.1, 0.8)), 0.3),
        )
        joinery.boxes("rod", [rod], c.CURTAIN, 0.006)
    elif style < 0.78:
        drop = (hi - lo) * rng.uniform(0.15, 0.6)
        cloth = mat.sheer(mat.colour(0.1, rng.uniform(0, 0.2), rng.uniform(0.7, 0.97)), 0.35)
        joinery.boxes(
            "blind",
            [slab(room, o.wall, a + 0.02, b - 0.02, hi - drop, hi - 0.02, -0.03, -0.035, cloth)],
            c.BLINDS,
            0,
        )


def door(room, o, trim, rng):
    """A closed panelled door with casing and handle."""
    a, b, hi = o.centre - o.width / 2, o.centre + o.width / 2, o.top
    casing = [
        slab(room, o.wall, a - 0.07, a, 0, hi, 0, 0.02, trim),
        slab(room, o.wall, b, b + 0.07, 0, hi, 0, 0.02, trim),
        slab(room, o.wall, a - 0.07, b + 0.07, hi, hi + 0.07, 0, 0.022, trim),
    ]
    wooden = rng.random() < 0.35
    tone = mat.colour(rng.choice([0.08, 0.1, 0.1, 0.6]), rng.uniform(0, 0.15), rng.uniform(0.65, 0.95))
    leaf = mat.wood(mat.colour(0.07, 0.6, rng.uniform(0.3, 0.6))) if wooden else mat.plain("door", tone, 0.35)
    casing.append(slab(room, o.wall, a, b, 0, hi, -0.04, -0.08, leaf))
    rows = int(rng.integers(1, 4))
    for k in range(rows):
        low, high = 0.12 + (hi - 0.2) * k / rows, 0.04 + (hi - 0.2) * (k + 1) / rows
        for s, e in ((a + 0.1, o.centre - 0.04), (o.centre + 0.04, b - 0.1)):
            casing.append(slab(room, o.wall, s, e, low, high, -0.033, -0.05, leaf))
    metal = mat.plain("handle", (0.6, 0.58, 0.52), 0.25, 1.0)
    casing.append(slab(room, o.wall, b - 0.16, b - 0.05, 1.0, 1.02, 0.015, 0.035, metal))
    casing.append(slab(room, o.wall, b - 0.07, b - 0.05, 0.95, 1.07, -0.04, 0.02, metal))
    joinery.boxes("door", casing, c.DOOR, 0.006)
    # behind the door: a dark slab, so that no sky shows through the gaps
    joinery.boxes(
        "lintel", [slab(room, o.wall, a - 0.1, b + 0.1, -0.05, hi + 0.1, -0.1, -0.2, leaf)], c.DOOR, 0
    )


def remove_everything():
    """An empty scene, with no data left over from an earlier room."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
