"""What stands in a room of each type, and where: seven functions that fill a layout.Room."""

import math

import numpy as np

from . import classes as c
from . import clutter
from . import furniture as f
from . import joinery as j
from . import light
from . import materials as mat
from . import stock
from .layout import OPPOSITE


def around(room, table, make, per_side, ends=0.0, gap=None):
    """Chairs of one set around a table, facing it; some pulled out or turned; returns them."""
    rng, first, placed = room.rng, make, []
    half = table.dimensions.y / 2
    spots = [(side, (k - (per_side - 1) / 2) * (2 * half / per_side)) for side in (0.0, math.pi) for k in range(per_side)]
    spots += [(quarter, 0.0) for quarter in (math.pi / 2, -math.pi / 2) if rng.random() < ends]
    turn = table.rotation_euler.z
    for direction, slide in spots:
        if rng.random() < 0.08:
            continue
        chair = f.copy_of(first)
        reach = (table.dimensions.x if abs(math.cos(direction)) > 0.5 else table.dimensions.y) / 2
        out = rng.choice([-0.12, 0.02, 0.25, 0.45], p=[0.3, 0.3, 0.25, 0.15]) if gap is None else gap
        away = reach + chair.dimensions.x / 2 + out
        local = np.array([math.cos(direction) * away - math.sin(direction) * slide, math.sin(direction) * away + math.cos(direction) * slide])
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


def living_room(room):
    rng = room.rng
    sofa = stock.sofa(rng, min(float(rng.uniform(1.6, 2.4)), max(room.width, room.depth) - 1.2))
    walls = sorted(room.walls(), key=lambda w: any(o.wall == w for o in room.doors))
    found = room.against(sofa, walls, gap=float(rng.choice([0.03, 0.08, 0.3], p=[0.5, 0.35, 0.15])), ahead=1.6, at=0.5 + rng.normal(0, 0.08), need=True)
    room.goals.append(sofa.location[:2])
    coffee = stock.coffee_table(rng) if rng.random() < 0.75 else stock.round_table(rng, rng.uniform(0.35, 0.45), rng.uniform(0.36, 0.45))
    angle = sofa.rotation_euler.z
    ahead = np.array(sofa.location)[:2] + 1.15 * np.array([math.cos(angle), math.sin(angle)])
    if rng.random() < 0.8:
        clutter.rug(room, *ahead, rng.uniform(1.6, 2.3), rng.uniform(2.1, 3.0), angle)
    if room.before(coffee, sofa, rng.uniform(0.4, 0.6), 0.0, 0.0):
        clutter.scatter_on(room, coffee, int(rng.integers(1, 5)))
    else:
        f.discard(coffee)
    stand = stock.wardrobe(rng, float(rng.uniform(1.3, 2.0)), 0.42, float(rng.uniform(0.42, 0.6))) if rng.random() < 0.6 else stock.scaled_to("tv_stand", rng, (0.38, 0.45), (1.2, 1.8), (0.42, 0.58))
    share = found[1] / room.length(found[0])
    if room.against(stand, [OPPOSITE[found[0]]] + room.walls(), at=share, ahead=0.4):
        tv = f.spawn("tv", stock.seed_of(rng))
        f.rescale(tv, *(float(rng.uniform(0.95, 1.35)) / tv.dimensions.y,) * 3)
        stock.screen_off(tv, rng)
        if not room.on_top(tv, stand, 0, 0, 0.0):
            f.discard(tv)
    else:
        f.discard(stand)
    chair = stock.armchair(rng)
    for side in rng.permutation([-1, 1])[: int(rng.integers(1, 3))]:
        seat = f.copy_of(chair)
        turn = -side * (math.pi / 2 + rng.uniform(-0.25, 0.35))
        x, y = ahead + np.array([-math.sin(angle), math.cos(angle)]) * side * rng.uniform(1.15, 1.5) + rng.uniform(-0.1, 0.3) * np.array([math.cos(angle), math.sin(angle)])
        if room.try_put(seat, x, y, angle + turn, 0.03):
            clutter.cushions(room, seat)
            clutter.on_seat(room, seat, 0.15)
        else:
            f.discard(seat)
    f.discard(chair)
    side_table = f.spawn("side_table", stock.seed_of(rng))
    if room.beside(side_table, sofa, int(rng.choice([-1, 1]))):
        clutter.table_lamp(room, side_table)
    else:
        f.discard(side_table)
    clutter.cushions(room, sofa)
    clutter.on_seat(room, sofa, 0.12)
    shelves(room, int(rng.integers(1, 3)))
    clutter.over(room, sofa)
    clutter.floor_lamp(room)
    clutter.plants(room, int(rng.integers(1, 4)))
    if rng.random() < 0.35:
        spare_chair(room)
    clutter.pictures(room, int(rng.integers(1, 4)))


def shelves(room, count):
    """Bookcases, cupboards and sideboards along the walls."""
    rng = room.rng
    for _ in range(count):
        pick = rng.random()
        if pick < 0.6:
            piece = stock.bookcase(rng)
        elif pick < 0.95:
            piece = stock.wardrobe(rng, float(rng.uniform(1.0, 1.8)), 0.42, float(rng.uniform(0.75, 0.95)))
        else:
            piece = stock.scaled_to("large_shelf", rng, z=(1.2, 2.0))
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
    if not room.anywhere(chair, 0.3, toward=toward if toward is not None else (room.width / 2, room.depth / 2)):
        f.discard(chair)


def bedroom(room):
    rng = room.rng
    bed = stock.bed(rng)
    wide = bed.dimensions.y > 1.3
    if room.against(bed, ahead=0.5, at=0.5 + rng.normal(0, 0.1) if wide else rng.choice([0.0, 0.3]), need=True) is None:
        return
    room.goals.append(bed.location[:2])
    angle = bed.rotation_euler.z
    for side in (-1, 1):
        stand = f.spawn("side_table", stock.seed_of(rng)) if rng.random() < 0.4 else stock.wardrobe(rng, 0.45, 0.38, float(rng.uniform(0.45, 0.58)), c.NIGHT_STAND)
        stand.pass_index = c.NIGHT_STAND
        if room.beside(stand, bed, side, 0.06):
            if rng.random() < 0.75:
                clutter.table_lamp(room, stand)
            else:
                clutter.scatter_on(room, stand, 1)
        else:
            f.discard(stand)
    if rng.random() < 0.7:
        front = np.array(bed.location)[:2] + 0.5 * np.array([math.cos(angle), math.sin(angle)])
        clutter.rug(room, *front, rng.uniform(1.5, 2.2), bed.dimensions.y + 1.3, angle)
    closet = stock.wardrobe(rng)
    if not room.against(closet, ahead=0.7):
        f.discard(closet)
    if rng.random() < 0.6:
        workplace(room)
    if rng.random() < 0.6:
        dresser = stock.wardrobe(rng, float(rng.uniform(0.8, 1.4)), 0.45, float(rng.uniform(0.75, 1.0)), c.DRESSER)
        if room.against(dresser, ahead=0.6):
            clutter.scatter_on(room, dresser, 3)
            clutter.over(room, dresser)
        else:
            f.discard(dresser)
    if rng.random() < 0.5:
        seat = stock.armchair(rng)
        if not (room.against(seat, ahead=0.4) or room.anywhere(seat, 0.2, toward=(room.width / 2, room.depth / 2))):
            f.discard(seat)
    elif rng.random() < 0.6:
        spare_chair(room)
    if wide and rng.random() < 0.4:
        seat = stock.bench(rng, bed.dimensions.y * 0.8, 0.0)
        if not room.before(seat, bed, 0.08, 0.0, 0.0):
            f.discard(seat)
    clutter.over(room, bed)
    clutter.plants(room, int(rng.integers(0, 3)))
    if rng.random() < 0.4:
        clutter.floor_lamp(room)
    clutter.pictures(room, int(rng.integers(1, 4)))


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
    board = j.boxes("keyboard", [((-0.07, -0.21, 0), (0.07, 0.21, 0.018), mat.plain("keys", mat.colour(0.6, 0.05, rng.choice([0.12, 0.8])), 0.6))], c.OTHER_PROP)
    room.on_top(board, desk, desk.dimensions.x * 0.18, shift, 0.0)
    side = rng.choice([-1, 1])
    if rng.random() < 0.6:
        clutter.table_lamp(room, desk, -0.1, side * (desk.dimensions.y / 2 - 0.16))
    for _ in range(2):
        item = j.books(rng, 3, False) if rng.random() < 0.6 else j.cup(rng, mat.plain("mug", stock.cloth_colour(rng), 0.3))
        room.on_top(item, desk, rng.uniform(-0.1, 0.15), -side * (desk.dimensions.y / 2 - rng.uniform(0.14, 0.3)))
    seat = f.copy_of(chair) if chair is not None else (stock.office_chair(rng) if rng.random() < 0.65 else stock.chair(rng))
    for gap in (rng.choice([-0.1, 0.05, 0.3]), 0.05, 0.2):
        if room.before(seat, desk, gap, rng.uniform(-0.1, 0.1), math.pi + rng.normal(0, 0.3)):
            return
    f.discard(seat)


def dining_room(room):
    rng = room.rng
    if rng.random() < 0.75:
        per_side = int(rng.integers(2, 4)) if max(room.width, room.depth) > 4.2 else 2
        table = stock.table(rng, per_side * rng.uniform(0.62, 0.75) + 0.15, rng.uniform(0.8, 1.0))
        turn = math.pi / 2 if room.width > room.depth else 0.0
    else:
        table, per_side, turn = stock.round_table(rng, rng.uniform(0.5, 0.65)), 1, 0.0
    x, y = room.width / 2 + rng.uniform(-0.4, 0.4), room.depth / 2 + rng.uniform(-0.4, 0.4)
    if rng.random() < 0.5:
        clutter.rug(room, x, y, 2.4, 3.2, turn)
    room.put(table, x, y, turn)
    mark(room, table)
    room.goals.append((x, y))
    around(room, table, stock.chair(rng), per_side, 0.7)
    clutter.scatter_on(room, table, int(rng.integers(1, 6)), 0.2)
    for shift in ((0.0,) if table.dimensions.y < 1.7 else (-0.45, 0.45)):
        light.hanging(room, x - shift * math.sin(turn), y + shift * math.cos(turn), rng.uniform(1.45, 1.75))
    shelves(room, int(rng.integers(1, 4)))
    for _ in range(int(rng.integers(0, 3))):
        spare_chair(room, (x, y))
    if rng.random() < 0.3:
        seat = stock.bench(rng, float(rng.uniform(1.0, 1.5)))
        if not room.against(seat, ahead=0.5):
            f.discard(seat)
    clutter.plants(room, int(rng.integers(1, 4)))
    clutter.pictures(room, int(rng.integers(2, 5)))
