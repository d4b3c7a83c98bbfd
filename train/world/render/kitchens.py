"""Kitchens: a run of units along a wall, and an island with stools or a table with chairs."""

import math

import numpy as np

from . import built, clutter, light, stock
from . import classes as c
from . import furniture as f
from . import joinery as j
from . import materials as mat
from .groups import around, mark, shelves, spare_chair
from .layout import FACING, NoSpace


def kitchen_run(room, wall):
    """Base units with a worktop, stove, sink, splashback and wall units along a wall; a fridge at its end."""
    rng = room.rng
    size = room.length(wall)
    blocked = [
        (o.centre - o.width / 2 - 0.2, o.centre + o.width / 2 + 0.2) for o in room.doors if o.wall == wall
    ]
    start, end = 0.0, size
    for a, b in blocked:
        if a > size - b:
            end = min(end, a)
        else:
            start = max(start, b)
    end = min(end, start + 4.2)
    if end - start < 2.0:
        raise NoSpace("the kitchen's wall is too short")
    top_height, depth = float(rng.uniform(0.88, 0.93)), 0.62
    fronts, stone = (
        stock.front_colour(rng),
        (
            mat.marble(mat.colour(0.1, 0.03, rng.uniform(0.15, 0.85)))
            if rng.random() < 0.6
            else mat.wood(stock.wood_colour(rng))
        ),
    )
    metal = mat.plain("steel", (0.6, 0.6, 0.6), 0.25, 1.0)
    dark = mat.plain("glass", (0.01, 0.01, 0.012), 0.06)
    fridge_width = 0.66
    length = end - start - fridge_width
    units = max(2, round(length / 0.6))
    step = length / units
    stove = int(rng.integers(0, units))
    bodies, tops = [], []
    for k in range(units):
        a, b = -length / 2 + k * step, -length / 2 + (k + 1) * step
        bodies.append(((-depth / 2, a, 0.1), (depth / 2 - 0.03, b, top_height - 0.04), fronts))
        bodies.append(
            (
                (depth / 2 - 0.03, a + 0.003, 0.103),
                (depth / 2 - 0.01, b - 0.003, top_height - 0.045),
                dark if k == stove else fronts,
            )
        )
        bodies.append(
            (
                (depth / 2 - 0.01, a + 0.1, top_height - 0.12),
                (depth / 2 + 0.018, b - 0.1, top_height - 0.105),
                metal,
            )
        )
        if k == stove:
            tops.append(
                (
                    (-depth / 2 + 0.06, a + 0.02, top_height),
                    (depth / 2 - 0.06, b - 0.02, top_height + 0.005),
                    dark,
                )
            )
    bodies.append(((-depth / 2, -length / 2, 0), (depth / 2 - 0.08, length / 2, 0.1), dark))
    tops.append(
        ((-depth / 2, -length / 2, top_height - 0.04), (depth / 2 + 0.01, length / 2, top_height), stone)
    )
    base = j.boxes("base units", bodies, c.CABINET, 0.003)
    top = j.boxes("worktop", tops, c.COUNTER, 0.003)
    tap = j.turned("tap", [(0.025, 0), (0.025, 0.02), (0.012, 0.03), (0.012, 0.26), (0, 0.27)], metal, c.SINK)
    middle = start + length / 2
    xy = room.point(wall, middle, depth / 2 + 0.005)
    for piece in (base, top):
        piece.location, piece.rotation_euler = (*xy, 0), (0, 0, FACING[wall])
    room.put(base, *xy, FACING[wall])
    along = middle + (1 if stove < units / 2 else -1) * length * 0.2
    tap.location = (*room.point(wall, along, 0.12), top_height)
    splash = mat.tiles(
        rng,
        mat.colour(rng.random(), rng.uniform(0, 0.3), rng.uniform(0.6, 0.95)),
        (0.2, 0.1) if rng.random() < 0.5 else (0.1, 0.1),
        True,
        0.5,
    )
    high = min(room.height - 0.05, 2.15)
    has_window = [
        o
        for o in room.windows
        if o.wall == wall and o.centre + o.width / 2 > start and o.centre - o.width / 2 < end
    ]
    spans = []
    at = start
    for o in sorted(has_window, key=lambda o: o.centre):
        spans.append((at, o.centre - o.width / 2 - 0.1))
        at = o.centre + o.width / 2 + 0.1
    spans.append((at, start + length))
    for a, b in spans:
        if b - a < 0.3:
            continue
        slab = j.boxes(
            "splashback", [((0, -(b - a) / 2, top_height), (0.008, (b - a) / 2, 1.45), splash)], c.WALL, 0
        )
        f.settle(slab)
        slab.location, slab.rotation_euler = (
            (*room.point(wall, (a + b) / 2, 0.004), top_height),
            (0, 0, FACING[wall]),
        )
        if b - a > 0.55 and rng.random() < 0.85:
            upper = built.wardrobe(rng, b - a, 0.35, high - 1.45, legs=0.0)
            for slot in range(len(upper.data.materials)):
                upper.data.materials[slot] = fronts if slot == 0 else upper.data.materials[slot]
            upper.location, upper.rotation_euler = (
                (*room.point(wall, (a + b) / 2, 0.18), 1.45),
                (0, 0, FACING[wall]),
            )
            room.on_walls.append((wall, a, b, 1.4, high))
    fridge = built.wardrobe(
        rng, fridge_width - 0.03, 0.66, float(rng.uniform(1.7, 2.0)), c.REFRIGERATOR, 0.03
    )
    fridge.data.materials[0] = (
        metal if rng.random() < 0.5 else mat.plain("white goods", (0.8, 0.8, 0.8), 0.25)
    )
    room.put(fridge, *room.point(wall, end - fridge_width / 2, 0.35), FACING[wall])
    room.on_walls += [(wall, start, end, 0, 1.45), (wall, end - fridge_width, end, 0, 2.0)]
    clutter.scatter_on(room, top, int(rng.integers(3, 7)), 0.15)
    return end - start


def kitchen(room):
    rng = room.rng
    walls = sorted(
        room.walls(),
        key=lambda w: (
            sum(o.wall == w for o in room.doors) * 2
            + sum(o.wall == w and o.bottom < 0.9 for o in room.windows) * 3
        ),
    )
    kitchen_run(room, walls[0])
    x, y = room.point(walls[0], room.length(walls[0]) / 2, 0)
    normal = np.array([math.cos(FACING[walls[0]]), math.sin(FACING[walls[0]])])
    across = room.depth if walls[0] in ("south", "north") else room.width
    if across > 3.6 and rng.random() < 0.5:  # an island with stools
        long = float(rng.uniform(1.5, 2.1))
        island = built.wardrobe(rng, long, 0.6, 0.86)
        fronts = island.data.materials[0]
        slab = j.boxes(
            "counter",
            [
                (
                    (-0.3, -long / 2 - 0.05, 0.86),
                    (0.62, long / 2 + 0.05, 0.9),
                    mat.marble(mat.colour(0.1, 0.04, rng.uniform(0.2, 0.95))),
                ),
                ((0.3, -long / 2, 0.1), (0.32, long / 2, 0.86), fronts),
            ],
            c.COUNTER,
            0.003,
        )
        place = np.array([x, y]) + normal * 1.95
        angle = FACING[walls[0]]
        room.put(island, *place, angle)
        slab.location, slab.rotation_euler = (*place, 0), (0, 0, angle)
        clutter.scatter_on(room, slab, 3)
        stool = stock.bar_stool(rng)
        for k in range(int(long / 0.6)):
            seat = f.copy_of(stool)
            sideways = (k - (int(long / 0.6) - 1) / 2) * 0.6
            spot = (
                place + normal * (0.62 + rng.uniform(0.0, 0.3)) + np.array([-normal[1], normal[0]]) * sideways
            )
            if not room.try_put(seat, *spot, angle + math.pi + rng.normal(0, 0.3), 0.0):
                f.discard(seat)
        f.discard(stool)
        for shift in (-0.4, 0.4):
            light.hanging(room, *(place + np.array([-normal[1], normal[0]]) * shift), 1.65)
        room.goals.append(tuple(place + normal))
    else:
        table = (
            stock.table(rng, rng.uniform(1.0, 1.5), rng.uniform(0.7, 0.85))
            if rng.random() < 0.6
            else built.round_table(rng, rng.uniform(0.4, 0.55))
        )
        place = (
            np.array([x, y])
            + normal * (across - rng.uniform(0.9, 1.3))
            + np.array([-normal[1], normal[0]]) * rng.uniform(-0.5, 0.5)
        )
        turn = FACING[walls[0]] + rng.choice([0, math.pi / 2])
        if room.try_put(table, *place, turn, 0.0):
            mark(room, table)
            around(room, table, stock.chair(rng), 2 if table.dimensions.y > 1.15 else 1, 0.6)
            clutter.scatter_on(room, table, int(rng.integers(1, 5)), 0.2)
            light.hanging(room, *place, 1.6)
        else:
            f.discard(table)
        room.goals.append(tuple(place))
    for _ in range(int(rng.integers(0, 2))):
        spare_chair(room)
    shelves(room, int(rng.integers(0, 2)))
    clutter.plants(room, int(rng.integers(0, 3)))
    clutter.pictures(room, int(rng.integers(1, 3)))
