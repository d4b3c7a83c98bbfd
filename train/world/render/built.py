"""Furniture we build ourselves: what infinigen has no quick factory for, or makes too small or empty.

Bookcases full of books, cupboards (wardrobes, sideboards, kitchen units), made beds, benches, pedestal
tables, pendant lamps, framed prints. Fronts at +x, lowest point at z = 0, sizes in metres.
"""

from . import classes as c
from . import furniture as f
from . import joinery as j
from . import materials as mat
from .stock import cloth_colour, front_colour, seed_of, shade_colour, wood_colour


def round_table(rng, radius, height=None):
    """A pedestal table."""
    h = height if height is not None else float(rng.uniform(0.72, 0.76))
    top = (
        mat.wood(wood_colour(rng))
        if rng.random() < 0.6
        else mat.marble(mat.colour(0.1, 0.03, rng.uniform(0.2, 0.85)))
    )
    leg = mat.plain("leg", mat.colour(0.1, 0.1, rng.choice([0.12, 0.6])), 0.35, 0.8)
    a = j.turned(
        "table",
        [(0, h - 0.03), (radius, h - 0.03), (radius + 0.004, h - 0.015), (radius, h), (0, h)],
        top,
        c.TABLE,
        48,
    )
    b = j.turned(
        "leg",
        [(0, 0), (radius * 0.6, 0), (radius * 0.58, 0.02), (0.035, 0.035), (0.03, h - 0.03)],
        leg,
        c.TABLE,
    )
    return j.join(a, b)


def bookcase(rng):
    """A tall shelf filled with books and odds and ends."""
    f.put_away()
    w, h, d = float(rng.uniform(0.7, 1.6)), float(rng.uniform(1.2, 2.1)), float(rng.uniform(0.28, 0.34))
    board = mat.wood(wood_colour(rng)) if rng.random() < 0.6 else front_colour(rng)
    t, rows = 0.022, max(3, round(h / 0.36))
    parts = [
        ((-d / 2, -w / 2, 0), (d / 2, -w / 2 + t, h), board),
        ((-d / 2, w / 2 - t, 0), (d / 2, w / 2, h), board),
        ((-d / 2 + 0.001, -w / 2 + t, 0.05), (-d / 2 + 0.008, w / 2 - t, h - 0.001), board),
    ]  # boards end where others begin: faces that coincide would render black
    levels = [0.05 + (h - 0.05 - t) * k / rows for k in range(rows + 1)]
    parts += [((-d / 2, -w / 2 + t, z), (d / 2 - 0.002, w / 2 - t, z + t), board) for z in levels]
    if w > 1.0:
        parts.append(((-d / 2 + 0.002, -t / 2, 0), (d / 2 - 0.004, t / 2, h - 0.002), board))
    case = j.boxes("bookcase", parts, c.BOOKSHELF, 0.002)
    goods = []
    for z in levels[:-1]:
        y = -w / 2 + 0.05
        while y < w / 2 - 0.15:
            if w > 1.0 and y < 0 < y + 0.3:
                y = 0.04
            room = min(0.3, (0 if y < 0 and w > 1.0 else w / 2) - y - 0.04)
            if room < 0.1:
                y += 0.1
                continue
            pick = rng.random()
            if pick < 0.62:
                item = j.books(rng, max(2, int(room / 0.04)), True)
                f.rescale(
                    item,
                    y=min(1.0, room / item.dimensions.y),
                    z=min(1.0, (levels[1] - levels[0] - 0.05) / item.dimensions.z),
                )
                item.location = (d / 2 - 0.12 - rng.uniform(0, 0.03), y, z + t)
                y += item.dimensions.y + rng.uniform(0, 0.06)
            elif pick < 0.8:
                item = (
                    j.vase(rng, mat.plain("vase", cloth_colour(rng), 0.3))
                    if rng.random() < 0.5
                    else j.books(rng, 3, False)
                )
                f.rescale(item, *(min(1.0, 0.24 / max(item.dimensions)),) * 3)
                item.location = (0, y + item.dimensions.y / 2, z + t)
                y += item.dimensions.y + 0.05
            else:
                y += rng.uniform(0.08, 0.25)
                continue
            goods.append(item)
    case = j.join(case, *goods) if goods else case
    f.settle(case)
    return case


def wardrobe(rng, width=None, depth=0.58, height=None, label=c.CABINET, legs=0.06):
    """A cupboard with doors and handles: wardrobe, sideboard or kitchen unit by its measures."""
    w = width or float(rng.uniform(1.0, 2.0))
    h = height or float(rng.uniform(1.9, 2.25))
    carcass, metal = (
        front_colour(rng),
        mat.plain("handle", mat.colour(0.1, 0.15, rng.choice([0.1, 0.7])), 0.3, 1.0),
    )
    parts = [((-depth / 2, -w / 2, legs), (depth / 2 - 0.02, w / 2, h), carcass)]
    if legs:
        parts.append(((-depth / 2, -w / 2 + 0.04, 0), (depth / 2 - 0.07, w / 2 - 0.04, legs), carcass))
    doors = max(1, round(w / 0.5))
    drawers = h < 1.1 and rng.random() < 0.5
    for k in range(doors):
        a, b = -w / 2 + w * k / doors + 0.003, -w / 2 + w * (k + 1) / doors - 0.003
        rows = 3 if drawers else 1
        for r in range(rows):
            lo, hi = legs + 0.003 + (h - legs) * r / rows, legs - 0.003 + (h - legs) * (r + 1) / rows
            parts.append(((depth / 2 - 0.02, a, lo), (depth / 2, b, hi), carcass))
            if drawers:
                parts.append(
                    (
                        (depth / 2, (a + b) / 2 - 0.06, (lo + hi) / 2 - 0.006),
                        (depth / 2 + 0.025, (a + b) / 2 + 0.06, (lo + hi) / 2 + 0.006),
                        metal,
                    )
                )
            else:
                y, z = (b - 0.05 if k % 2 == 0 else a + 0.05), (lo + hi) / 2 if h > 1.1 else hi - 0.16
                parts.append(
                    ((depth / 2, y - 0.006, z - 0.08), (depth / 2 + 0.025, y + 0.006, z + 0.08), metal)
                )
    cupboard = j.boxes("cupboard", parts, label, 0.003)
    f.settle(cupboard)
    return cupboard


def bed(rng, width=None):
    """Frame with headboard (at -x), mattress, pillows and cover; everything is class bed."""
    w = width or float(rng.choice([0.95, 1.45, 1.65, 1.85]))
    length, leg = 2.08, float(rng.uniform(0.16, 0.24))

    def tweak(factory):
        factory.width, factory.size, factory.leg_height = w, length, leg
        factory.back_height = float(rng.uniform(0.5, 0.8))

    frame = f.spawn("bed_frame", seed_of(rng), tweak)
    slats = leg + 0.05
    x0, x1 = -frame.dimensions.x / 2 + 0.1, frame.dimensions.x / 2 - 0.06
    sheet = mat.fabric(mat.colour(rng.random(), rng.uniform(0, 0.15), rng.uniform(0.68, 0.88)))
    thick = float(rng.uniform(0.17, 0.22))
    mattress = j.soft_box("mattress", (x1 - x0, w - 0.08, thick), sheet, c.BED, 0.06)
    mattress.location = ((x0 + x1) / 2, 0, slats)
    top = slats + thick
    parts = [mattress]
    cover = mat.fabric(cloth_colour(rng), rng)
    start = x0 + float(rng.uniform(0.35, 0.75))
    spread = j.duvet(
        rng, x1 - start, w - 0.06, 0.07, min(float(rng.uniform(0.14, 0.3)), thick - 0.06), cover
    )  # stays above the frame
    spread.location = (start, 0, top)
    parts.append(spread)
    count = 1 if w < 1.2 else 2
    for k in range(count):
        pillow = j.cushion(
            rng,
            0.62,
            0.42,
            0.15,
            mat.fabric(mat.colour(rng.random(), rng.uniform(0, 0.12), rng.uniform(0.7, 0.9))),
            c.BED,
        )
        pillow.rotation_euler = (0, -0.5, rng.normal(0, 0.06))
        pillow.location = (x0 + 0.25, (k - (count - 1) / 2) * w * 0.47, top + 0.06)
        parts.append(pillow)
    if rng.random() < 0.5:
        throw = j.cushion(rng, 0.42, 0.42, 0.13, mat.fabric(cloth_colour(rng), rng), c.BED)
        throw.rotation_euler = (0, -0.75, rng.normal(0, 0.1))
        throw.location = (x0 + 0.5, rng.uniform(-0.2, 0.2), top + 0.1)
        parts.append(throw)
    frame = j.join(frame, *parts)
    f.settle(frame)
    frame.name = "bed"
    return frame


def bench(rng, length, back_chance=0.6):
    """A padded bench, with or without a back."""
    seat, depth = float(rng.uniform(0.43, 0.48)), 0.45
    wood, pad = mat.wood(wood_colour(rng)), mat.fabric(cloth_colour(rng), rng)
    parts = [((-depth / 2, -length / 2, 0.34), (depth / 2, length / 2, 0.385), wood)]
    parts += [
        ((x - 0.03, y - 0.03, 0), (x + 0.03, y + 0.03, 0.34), wood)
        for x in (-depth / 2 + 0.05, depth / 2 - 0.05)
        for y in (-length / 2 + 0.08, length / 2 - 0.08)
    ]
    base = j.boxes("bench", parts, c.CHAIR, 0.006)
    soft = j.soft_box("pad", (depth, length, seat - 0.385), pad, c.CHAIR, 0.03)
    soft.location.z = 0.385
    pieces = [soft]
    if rng.random() < back_chance:
        back = j.soft_box("back", (0.1, length, 0.42), pad, c.CHAIR, 0.03)
        back.location = (-depth / 2, 0, seat + 0.02)
        pieces.append(back)
    base = j.join(base, *pieces)
    f.settle(base)
    return base


def pendant(rng, drop, lit):
    """A hanging lamp, hung from z = 0 downwards by `drop`; returns it."""
    r = float(rng.uniform(0.12, 0.26))
    shade = mat.glow(mat.colour(0.1, 0.25, 1.0), 1.4) if lit else mat.plain("shade", shade_colour(rng), 0.5)
    cord = mat.plain("cord", (0.02, 0.02, 0.02), 0.6)
    body = j.turned(
        "lamp",
        [
            (r, -drop),
            (r * rng.uniform(0.3, 0.9), -drop + r * 1.1),
            (0.02, -drop + r * 1.2),
            (0.006, -drop + r * 1.25),
            (0.006, 0),
        ],
        shade,
        c.LAMP,
    )
    return j.join(body, j.turned("rose", [(0.05, -0.02), (0.05, 0), (0, 0)], cord, c.LAMP))


def picture(rng):
    """A framed print, front at +x."""
    w, h = float(rng.uniform(0.3, 1.0)), float(rng.uniform(0.35, 0.9))
    edge, mount = float(rng.uniform(0.015, 0.04)), float(rng.choice([0, 0.06]))
    frame = (
        mat.wood(wood_colour(rng))
        if rng.random() < 0.4
        else mat.plain("frame", mat.colour(0.1, 0.1, rng.choice([0.05, 0.9])), 0.4)
    )
    white, art = mat.plain("mount", (0.85, 0.84, 0.8), 0.8), mat.print_of(rng)
    e, m = edge, mount
    parts = [
        ((0, -w / 2, 0), (0.025, -w / 2 + e, h), frame),
        ((0, w / 2 - e, 0), (0.025, w / 2, h), frame),
        ((0, -w / 2 + e, 0), (0.025, w / 2 - e, e), frame),
        ((0, -w / 2 + e, h - e), (0.025, w / 2 - e, h), frame),
        ((0, -w / 2 + e, e), (0.01, w / 2 - e, h - e), white if m else art),
    ]
    if m:
        parts.append(((0, -w / 2 + e + m, e + m), (0.011, w / 2 - e - m, h - e - m), art))
    piece = j.boxes("picture", parts, c.PICTURE, 0)
    f.settle(piece)
    return piece
