"""Groups that several types of room share: chairs around a table, a desk with screen and chair."""

import math

import numpy as np

from . import built, clutter, stock
from . import classes as c
from . import furniture as f
from . import joinery as j
from . import materials as mat


def around(room, table, make, per_side, ends=0.0, gap=None):
    """Chairs of one set around a table, facing it; some pulled out or turned; returns them."""
    rng, first, placed = room.rng, make, []
    half = table.dimensions.y / 2
    spots = [
        (side, (k - (per_side - 1) / 2) * (2 * half / per_side))
        for side in (0.0, math.pi)
        for k in range(per_side)
    ]
    spots += [(quarter, 0.0) for quarter in (math.pi / 2, -math.pi / 2) if rng.random() < ends]
    turn = table.rotation_euler.z
    for direction, slide in spots:
        if rng.random() < 0.08:
            continue
        chair = f.copy_of(first)
        reach = (table.dimensions.x if abs(math.cos(direction)) > 0.5 else table.dimensions.y) / 2
        out = rng.choice([-0.12, 0.02, 0.25, 0.45], p=[0.3, 0.3, 0.25, 0.15]) if gap is None else gap
        if chair.get("arms"):
            out = max(out, 0.03)
        away = reach + chair.dimensions.x / 2 + out
        local = np.array(
            [
                math.cos(direction) * away - math.sin(direction) * slide,
                math.sin(direction) * away + math.cos(direction) * slide,
            ]
        )
        x = table.location.x + local[0] * math.cos(turn) - local[1] * math.sin(turn)
        y = table.location.y + local[0] * math.sin(turn) + local[1] * math.cos(turn)
        angle = turn + direction + math.pi + rng.normal(0, 0.05 if out < 0.1 else 0.35)
        others = [t for t in room.taken if t is not room.plan_of.get(table.name)]
        shape = room.footprint(chair, x, y, angle, -0.02)
        if room.extent.contains(shape) and not any(shape.intersects(o) for o in others):
            room.put(chair, x, y, angle)
            placed.append(chair)
        else:
            f.discard(chair)
    f.discard(first)
    return placed


def mark(room, piece):
    """Remembers which plan polygon is a table's, so that chairs may slide under it."""
    piece.name = f"{piece.name}-{len(room.plan_of)}"
    room.plan_of[piece.name] = room.taken[-1]
    return piece


def shelves(room, count):
    """Bookcases, cupboards and sideboards along the walls."""
    rng = room.rng
    for _ in range(count):
        pick = rng.random()
        if pick < 0.6:
            piece = built.bookcase(rng)
        elif pick < 0.95:
            piece = built.wardrobe(rng, float(rng.uniform(1.0, 1.8)), 0.42, float(rng.uniform(0.75, 0.95)))
        else:
            piece = built.wardrobe(rng, float(rng.uniform(0.8, 1.2)), 0.4, float(rng.uniform(1.2, 1.6)))
        if room.against(piece, ahead=0.45):
            if piece.dimensions.z < 1.1:
                clutter.scatter_on(room, piece, int(rng.integers(2, 5)))
                clutter.over(room, piece, 0.5)
        else:
            f.discard(piece)


def spare_chair(room, toward=None):
    """A chair on open floor or at a wall."""
    chair = stock.chair(room.rng)
    if room.rng.random() < 0.5 and room.against(chair, ahead=0.5):
        return
    if not room.anywhere(
        chair, 0.3, toward=toward if toward is not None else (room.width / 2, room.depth / 2)
    ):
        f.discard(chair)


def workplace(room, chair=None, walls=None, ahead=0.95):
    """A desk at a wall with screen, lamp and chair; says whether it found a place."""
    rng = room.rng
    desk = stock.desk(rng)
    if not room.against(desk, walls, ahead=ahead):
        f.discard(desk)
        return False
    furnish_desk(room, desk, chair)
    return True


def furnish_desk(room, desk, chair=None):
    """Screen, lamp, clutter and a chair for a desk that stands."""
    rng = room.rng
    screen = f.spawn("monitor", stock.seed_of(rng))
    f.rescale(screen, *(float(rng.uniform(0.5, 0.62)) / screen.dimensions.y,) * 3)
    shift = rng.uniform(-0.15, 0.15)
    stock.screen_off(screen, rng)
    room.on_top(screen, desk, -desk.dimensions.x * 0.25, shift, 0.0)
    board = j.boxes(
        "keyboard",
        [
            (
                (-0.07, -0.21, 0),
                (0.07, 0.21, 0.018),
                mat.plain("keys", mat.colour(0.6, 0.05, rng.choice([0.12, 0.8])), 0.6),
            )
        ],
        c.OTHER_PROP,
    )
    room.on_top(board, desk, desk.dimensions.x * 0.18, shift, 0.0)
    side = rng.choice([-1, 1])
    if rng.random() < 0.6:
        clutter.table_lamp(room, desk, -0.1, side * (desk.dimensions.y / 2 - 0.16))
    for _ in range(2):
        item = (
            j.books(rng, 3, False)
            if rng.random() < 0.6
            else j.cup(rng, mat.plain("mug", stock.cloth_colour(rng), 0.3))
        )
        room.on_top(
            item, desk, rng.uniform(-0.1, 0.15), -side * (desk.dimensions.y / 2 - rng.uniform(0.14, 0.3))
        )
    seat = (
        f.copy_of(chair)
        if chair is not None
        else (stock.office_chair(rng) if rng.random() < 0.65 else stock.chair(rng))
    )
    for gap in (rng.choice([-0.1, 0.05, 0.3]), 0.05, 0.2):
        if room.before(seat, desk, gap, rng.uniform(-0.1, 0.1), math.pi + rng.normal(0, 0.3)):
            return
    f.discard(seat)
