"""Offices, cafes and waiting rooms (see programs.py for homes, kitchens.py for kitchens)."""

import math

import numpy as np

from . import built, clutter, light, stock
from . import classes as c
from . import furniture as f
from . import joinery as j
from . import materials as mat
from .groups import around, furnish_desk, mark, shelves, spare_chair, workplace
from .layout import FACING, NoSpace


def office(room):
    rng = room.rng
    chair = stock.office_chair(rng)
    placed = 0
    if min(room.width, room.depth) > 3.8 and rng.random() < 0.55:  # an island of two desks, face to face
        x, y = room.width / 2 + rng.uniform(-0.3, 0.3), room.depth / 2 + rng.uniform(-0.3, 0.3)
        first = stock.desk(rng, float(rng.uniform(1.3, 1.6)))
        turn = rng.choice([0.0, math.pi / 2])
        for side in (0.0, math.pi):
            desk = f.copy_of(first)
            angle, reach = turn + side, desk.dimensions.x / 2 + 0.01
            if room.try_put(desk, x + reach * math.cos(angle), y + reach * math.sin(angle), angle, 0.0):
                furnish_desk(room, desk, chair)
                placed += 1
        f.discard(first)
    for _ in range(int(rng.integers(1, 4)) if placed else int(rng.integers(2, 5))):
        placed += workplace(room, chair)
    f.discard(chair)
    if not placed:
        raise NoSpace("no desk fits into the office")
    room.goals.append((room.width / 2, room.depth / 2))
    shelves(room, int(rng.integers(1, 4)))
    if rng.random() < 0.5:
        seat = stock.sofa(rng, float(rng.uniform(1.4, 1.8))) if rng.random() < 0.4 else stock.armchair(rng)
        if not room.against(seat, ahead=0.6):
            f.discard(seat)
    for _ in range(int(rng.integers(1, 3))):
        spare_chair(room)
    if rng.random() < 0.5:
        board = j.boxes(
            "whiteboard",
            [
                ((0, -0.8, 0), (0.02, 0.8, 1.0), mat.plain("board", (0.85, 0.86, 0.87), 0.2)),
                ((0, -0.82, -0.02), (0.06, 0.82, 0.0), mat.plain("ledge", (0.5, 0.5, 0.52), 0.3, 0.9)),
            ],
            c.WHITEBOARD,
            0.003,
        )
        f.settle(board)
        if not any(
            room.hang(board, wall, rng.uniform(1, room.length(wall) - 1), 1.5) for wall in room.walls() * 2
        ):
            f.discard(board)
    clutter.plants(room, int(rng.integers(1, 3)))
    clutter.pictures(room, int(rng.integers(0, 3)))


def cafe(room):
    rng = room.rng
    wall = sorted(room.walls(), key=lambda w: sum(o.wall == w for o in room.openings))[0]
    long = min(room.length(wall) - 1.6, float(rng.uniform(2.0, 3.2)))
    body, top = stock.front_colour(rng), mat.wood(stock.wood_colour(rng))
    bar = j.boxes(
        "bar",
        [
            ((-0.25, -long / 2, 0), (0.25, long / 2, 1.04), body),
            ((-0.3, -long / 2 - 0.05, 1.04), (0.36, long / 2 + 0.05, 1.09), top),
            ((0.25, -long / 2, 0.15), (0.27, long / 2, 0.2), top),
        ],
        c.COUNTER,
        0.005,
    )
    f.settle(bar)
    angle = FACING[wall]
    along = rng.uniform(long / 2 + 0.1, room.length(wall) - long / 2 - 0.1)
    bar_at = room.point(wall, along, 1.25)
    if room.try_put(bar, *bar_at, angle, 0.0):
        clutter.scatter_on(room, bar, 6)
        back = built.bookcase(rng)
        if not room.against(back, [wall], at=along / room.length(wall), ahead=0.2):
            f.discard(back)
        stool = stock.bar_stool(rng)
        for k in range(int(long / 0.7)):
            seat = f.copy_of(stool)
            sideways = (k - (int(long / 0.7) - 1) / 2) * 0.7
            spot = (
                bar_at
                + np.array([math.cos(angle), math.sin(angle)]) * (0.62 + rng.uniform(0, 0.2))
                + np.array([-math.sin(angle), math.cos(angle)]) * sideways
            )
            if not room.try_put(seat, *spot, angle + math.pi + rng.normal(0, 0.4), 0.0):
                f.discard(seat)
        f.discard(stool)
        for k in range(3):
            light.hanging(
                room, *(bar_at + np.array([-math.sin(angle), math.cos(angle)]) * (k - 1) * long / 3), 1.75
            )
    else:
        f.discard(bar)
    if rng.random() < 0.6:
        for _ in range(2):
            seat = built.bench(rng, float(rng.uniform(1.2, 2.0)))
            if not room.against(seat, ahead=0.9):
                f.discard(seat)
    chair, placed = stock.chair(rng), 0
    model = (
        built.round_table(rng, rng.uniform(0.3, 0.4)) if rng.random() < 0.6 else stock.table(rng, 0.7, 0.7)
    )
    for _ in range(60):
        if placed >= int(room.width * room.depth / 5):
            break
        table = f.copy_of(model)
        x, y = rng.uniform(0.9, room.width - 0.9), rng.uniform(0.9, room.depth - 0.9)
        if room.is_free(room.footprint(table, x, y, 0, 0.55)):
            room.put(table, x, y, rng.choice([0, math.pi / 2, math.pi / 4]))
            mark(room, table)
            around(room, table, f.copy_of(chair), 1, 0.3)
            clutter.scatter_on(room, table, int(rng.integers(0, 4)), 0.12)
            if rng.random() < 0.5:
                light.hanging(room, x, y, rng.uniform(1.5, 1.8))
            room.goals.append((x, y))
            placed += 1
        else:
            f.discard(table)
    f.discard(model)
    f.discard(chair)
    clutter.plants(room, int(rng.integers(1, 4)))
    clutter.pictures(room, int(rng.integers(2, 6)))


def waiting_room(room):
    rng = room.rng
    chair = stock.chair(rng) if rng.random() < 0.7 else stock.armchair(rng)
    rows = 0
    for wall in room.walls()[: int(rng.integers(2, 4))]:
        count = int(rng.integers(3, 6))
        begin = rng.uniform(0.4, 1.2)
        gap = rng.choice([0.02, 0.12])
        for k in range(count):
            seat = f.copy_of(chair)
            along = begin + (k + 0.5) * (chair.dimensions.y + gap)
            spot = room.point(wall, min(along, room.length(wall) - 0.3), chair.dimensions.x / 2 + 0.08)
            if (
                along < room.length(wall) - 0.3
                and not room.hides_opening(seat, wall, along)
                and room.try_put(seat, *spot, FACING[wall] + rng.normal(0, 0.03), 0.0, 0.5)
            ):
                rows += 1
            else:
                f.discard(seat)
    f.discard(chair)
    if rows < 2:
        raise NoSpace("no row of chairs fits into the waiting room")
    room.goals.append((room.width / 2, room.depth / 2))
    if rng.random() < 0.6:
        clutter.rug(room, room.width / 2, room.depth / 2, rng.uniform(1.4, 2.2), rng.uniform(2, 3), 0.0)
    coffee = stock.coffee_table(rng)
    if room.anywhere(coffee, 0.5, rng.choice([0.0, math.pi / 2])):
        clutter.scatter_on(room, coffee, 4)
    else:
        f.discard(coffee)
    if rng.random() < 0.5:
        seat = stock.sofa(rng, float(rng.uniform(1.5, 2.0)))
        if not room.against(seat, ahead=0.6):
            f.discard(seat)
    if rng.random() < 0.5:
        workplace(room)
    for _ in range(int(rng.integers(0, 3))):
        spare_chair(room)
    shelves(room, int(rng.integers(0, 2)))
    clutter.plants(room, int(rng.integers(1, 4)))
    clutter.pictures(room, int(rng.integers(1, 5)))
