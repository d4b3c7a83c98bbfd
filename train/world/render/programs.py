"""What stands in living rooms, bedrooms and dining rooms, and where: functions that fill a layout.Room."""

import math

import numpy as np

from . import built, clutter, light, stock
from . import classes as c
from . import furniture as f
from .groups import around, mark, shelves, spare_chair, workplace
from .layout import OPPOSITE


def living_room(room):
    rng = room.rng
    sofa = stock.sofa(rng, min(float(rng.uniform(1.6, 2.4)), max(room.width, room.depth) - 1.2))
    walls = sorted(room.walls(), key=lambda w: any(o.wall == w for o in room.doors))
    found = room.against(
        sofa,
        walls,
        gap=float(rng.choice([0.03, 0.08, 0.3], p=[0.5, 0.35, 0.15])),
        ahead=1.6,
        at=0.5 + rng.normal(0, 0.08),
        need=True,
    )
    room.goals.append(sofa.location[:2])
    coffee = (
        stock.coffee_table(rng)
        if rng.random() < 0.75
        else built.round_table(rng, rng.uniform(0.35, 0.45), rng.uniform(0.36, 0.45))
    )
    angle = sofa.rotation_euler.z
    ahead = np.array(sofa.location)[:2] + 1.15 * np.array([math.cos(angle), math.sin(angle)])
    if rng.random() < 0.8:
        clutter.rug(room, *ahead, rng.uniform(1.6, 2.3), rng.uniform(2.1, 3.0), angle)
    if room.before(coffee, sofa, rng.uniform(0.4, 0.6), 0.0, 0.0):
        clutter.scatter_on(room, coffee, int(rng.integers(1, 5)))
    else:
        f.discard(coffee)
    stand = (
        built.wardrobe(rng, float(rng.uniform(1.3, 2.0)), 0.42, float(rng.uniform(0.42, 0.6)))
        if rng.random() < 0.6
        else stock.scaled_to("tv_stand", rng, (0.38, 0.45), (1.2, 1.8), (0.42, 0.58))
    )
    share = found[1] / room.length(found[0])
    if room.against(stand, [OPPOSITE[found[0]], *room.walls()], at=share, ahead=0.4):
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
        x, y = (
            ahead
            + np.array([-math.sin(angle), math.cos(angle)]) * side * rng.uniform(1.15, 1.5)
            + rng.uniform(-0.1, 0.3) * np.array([math.cos(angle), math.sin(angle)])
        )
        if room.try_put(seat, x, y, angle + turn, 0.03):
            clutter.cushions(room, seat)
        else:
            f.discard(seat)
    f.discard(chair)
    side_table = f.spawn("side_table", stock.seed_of(rng))
    if room.beside(side_table, sofa, int(rng.choice([-1, 1]))):
        clutter.table_lamp(room, side_table)
    else:
        f.discard(side_table)
    clutter.cushions(room, sofa)
    shelves(room, int(rng.integers(1, 3)))
    clutter.over(room, sofa)
    clutter.floor_lamp(room)
    clutter.plants(room, int(rng.integers(1, 4)))
    if rng.random() < 0.35:
        spare_chair(room)
    clutter.pictures(room, int(rng.integers(1, 4)))


def bedroom(room):
    rng = room.rng
    bed = built.bed(rng)
    wide = bed.dimensions.y > 1.3
    if (
        room.against(
            bed, ahead=0.5, at=0.5 + rng.normal(0, 0.1) if wide else rng.choice([0.0, 0.3]), need=True
        )
        is None
    ):
        return
    room.goals.append(bed.location[:2])
    angle = bed.rotation_euler.z
    for side in (-1, 1):
        stand = (
            f.spawn("side_table", stock.seed_of(rng))
            if rng.random() < 0.4
            else built.wardrobe(rng, 0.45, 0.38, float(rng.uniform(0.45, 0.58)), c.NIGHT_STAND)
        )
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
    closet = built.wardrobe(rng)
    if not room.against(closet, ahead=0.7):
        f.discard(closet)
    if rng.random() < 0.6:
        workplace(room)
    if rng.random() < 0.6:
        dresser = built.wardrobe(
            rng, float(rng.uniform(0.8, 1.4)), 0.45, float(rng.uniform(0.75, 1.0)), c.DRESSER
        )
        if room.against(dresser, ahead=0.6):
            clutter.scatter_on(room, dresser, 3)
            clutter.over(room, dresser)
        else:
            f.discard(dresser)
    if rng.random() < 0.5:
        seat = stock.armchair(rng)
        if not (
            room.against(seat, ahead=0.4) or room.anywhere(seat, 0.2, toward=(room.width / 2, room.depth / 2))
        ):
            f.discard(seat)
    elif rng.random() < 0.6:
        spare_chair(room)
    if wide and rng.random() < 0.4:
        seat = built.bench(rng, bed.dimensions.y * 0.8, 0.0)
        if not room.before(seat, bed, 0.08, 0.0, 0.0):
            f.discard(seat)
    clutter.over(room, bed)
    clutter.plants(room, int(rng.integers(0, 3)))
    if rng.random() < 0.4:
        clutter.floor_lamp(room)
    clutter.pictures(room, int(rng.integers(1, 4)))


def dining_room(room):
    rng = room.rng
    if rng.random() < 0.75:
        per_side = int(rng.integers(2, 4)) if max(room.width, room.depth) > 4.2 else 2
        table = stock.table(rng, per_side * rng.uniform(0.62, 0.75) + 0.15, rng.uniform(0.8, 1.0))
        turn = math.pi / 2 if room.width > room.depth else 0.0
    else:
        table, per_side, turn = built.round_table(rng, rng.uniform(0.5, 0.65)), 1, 0.0
    x, y = room.width / 2 + rng.uniform(-0.4, 0.4), room.depth / 2 + rng.uniform(-0.4, 0.4)
    if rng.random() < 0.5:
        clutter.rug(room, x, y, 2.4, 3.2, turn)
    room.put(table, x, y, turn)
    mark(room, table)
    room.goals.append((x, y))
    around(room, table, stock.chair(rng), per_side, 0.7)
    clutter.scatter_on(room, table, int(rng.integers(1, 6)), 0.2)
    for shift in (0.0,) if table.dimensions.y < 1.7 else (-0.45, 0.45):
        light.hanging(room, x - shift * math.sin(turn), y + shift * math.cos(turn), rng.uniform(1.45, 1.75))
    shelves(room, int(rng.integers(1, 4)))
    for _ in range(int(rng.integers(0, 3))):
        spare_chair(room, (x, y))
    if rng.random() < 0.3:
        seat = built.bench(rng, float(rng.uniform(1.0, 1.5)))
        if not room.against(seat, ahead=0.5):
            f.discard(seat)
    clutter.plants(room, int(rng.integers(1, 4)))
    clutter.pictures(room, int(rng.integers(2, 5)))
