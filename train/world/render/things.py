"""Small things people leave about: bags, clothes, blankets, boxes, laptops, dishes, shoes, toys.

Each function takes a random generator and returns one mesh object with its NYU-40 class, its middle at
x = y = 0 and its lowest point at z = 0. Sizes in metres.
"""

import numpy as np

from . import classes as c
from . import furniture as f
from . import joinery as j
from . import materials as mat
from .stock import cloth_colour


def settled(piece):
    f.settle(piece)
    return piece


def placed(piece, x=0.0, y=0.0, z=0.0):
    piece.location = (x, y, z)
    return piece


def heap(rng, wide, high, label=c.CLOTHES):
    """Clothes or a blanket dropped on something: a low, creased mound."""
    s = np.linspace(-1, 1, 41)
    u, v = np.meshgrid(s, s, indexing="ij")
    angle = np.arctan2(v, u)
    edge = 1 + sum(rng.uniform(-0.14, 0.14) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 5))
    r = np.minimum(np.hypot(u, v) / edge, 1.0)
    mound = (1 - r**2.2) ** 0.7
    folds = j.wrinkles(rng, 2.2 * u, 2.2 * v, 0.5, 9)
    z = high * mound * np.clip(0.75 + folds, 0.25, 1.5)
    shape = np.stack([u * wide / 2, v * wide / 2 * rng.uniform(0.7, 1.0), z], -1)
    outside = np.hypot(u, v) > edge * 1.02
    body = j.grid("clothes", shape, mat.fabric(cloth_colour(rng), rng), label)
    keep = ~(outside[:-1, :-1] & outside[1:, 1:] & outside[1:, :-1] & outside[:-1, 1:]).ravel()
    mesh = body.data
    faces = [tuple(p.vertices) for p, k in zip(mesh.polygons, keep, strict=True) if k]
    trimmed = j.from_arrays("clothes", shape.reshape(-1, 3), faces, mesh.materials[0], label, smooth=True)
    f.discard(body)
    return settled(trimmed)


def folded(rng):
    """A folded blanket, towel or stack of laundry."""
    parts, at = [], 0.0
    for _ in range(int(rng.integers(1, 4))):
        cloth, thick = mat.fabric(cloth_colour(rng), rng), float(rng.uniform(0.03, 0.06))
        size = (rng.uniform(0.26, 0.34), rng.uniform(0.32, 0.45), thick)
        parts.append(
            placed(j.soft_box("cloth", size, cloth, c.CLOTHES, 0.02), *rng.uniform(-0.015, 0.015, 2), at)
        )
        at += thick - 0.002
    return settled(j.join(*parts) if len(parts) > 1 else parts[0])


def bag(rng):
    """A handbag, tote or backpack with its straps, standing."""
    cloth = (
        mat.fabric(cloth_colour(rng))
        if rng.random() < 0.6
        else mat.plain("leather", mat.colour(0.06, rng.uniform(0.2, 0.7), rng.uniform(0.08, 0.45)), 0.4)
    )
    deep, wide, high = rng.uniform(0.12, 0.2), rng.uniform(0.26, 0.42), rng.uniform(0.24, 0.44)
    body = j.soft_box("bag", (deep, wide, high), cloth, c.BAG, 0.06)
    t = np.linspace(0, np.pi, 13)
    loops = []
    for x in (-deep * 0.25, deep * 0.25):
        y, z = wide * 0.25 * np.cos(t), high - 0.02 + rng.uniform(0.09, 0.2) * np.sin(t)
        band = [
            (x + dx, y[k], z[k] + dz) for k in range(13) for dx, dz in ((-0.006, 0), (0.006, 0), (0, 0.02))
        ]
        faces = [
            (3 * k + a, 3 * k + b, 3 * k + 3 + b, 3 * k + 3 + a)
            for k in range(12)
            for a, b in ((0, 1), (1, 2), (2, 0))
        ]
        loops.append(j.from_arrays("strap", band, faces, cloth, c.BAG))
    front = placed(
        j.soft_box("pocket", (0.03, wide * 0.7, high * 0.45), cloth, c.BAG, 0.012), deep / 2, 0, 0.02
    )
    return settled(j.join(body, front, *loops))


def carton(rng):
    """A cardboard or storage box, open or closed."""
    tone = (
        mat.colour(0.085, rng.uniform(0.35, 0.5), rng.uniform(0.55, 0.75))
        if rng.random() < 0.6
        else cloth_colour(rng)
    )
    board = mat.plain("board", tone, 0.8)
    x, y, z = rng.uniform(0.12, 0.22), rng.uniform(0.14, 0.26), rng.uniform(0.16, 0.34)
    t = 0.006
    parts = [
        ((-x, -y, 0), (x, y, t), board),
        ((-x, -y, t), (-x + t, y, z), board),
        ((x - t, -y, t), (x, y, z), board),
        ((-x + t, -y, t), (x - t, -y + t, z), board),
        ((-x + t, y - t, t), (x - t, y, z), board),
    ]
    if rng.random() < 0.6:
        tape = mat.plain("tape", mat.scaled(tone, 0.75), 0.35)
        parts += [((-x, -y, z), (x, y, z + t), board), ((-x, -0.025, z + t), (x, 0.025, z + t + 0.001), tape)]
    else:
        parts.append(((-x + t, -y + t, t), (x - t, y - t, z * 0.8), mat.fabric(cloth_colour(rng))))
    return settled(j.boxes("box", parts, c.BOX, 0.002))


def laptop(rng):
    """An open laptop, its screen at -x."""
    shell = mat.plain("laptop", mat.colour(0.6, 0.02, rng.choice([0.2, 0.6, 0.75])), 0.35, 0.6)
    dark = mat.plain("screen", (0.015, 0.015, 0.018), 0.12)
    base = j.boxes(
        "laptop",
        [
            ((-0.11, -0.16, 0), (0.11, 0.16, 0.014), shell),
            ((-0.09, -0.14, 0.014), (0.03, 0.14, 0.0155), dark),
        ],
        c.OTHER_PROP,
        0.002,
    )
    picture = mat.glow(mat.colour(0.58, 0.2, 0.7), 0.5) if rng.random() < 0.4 else dark
    lid = j.boxes(
        "lid",
        [((-0.006, -0.16, 0), (0, 0.16, 0.21), shell), ((0, -0.15, 0.01), (0.001, 0.15, 0.2), picture)],
        c.OTHER_PROP,
        0.001,
    )
    lid.rotation_euler = (0, -float(rng.uniform(0.15, 0.5)), 0)
    lid.location = (-0.108, 0, 0.014)
    return settled(j.join(base, lid))


def plate(rng):
    """A plate, sometimes with something to eat."""
    r = float(rng.uniform(0.09, 0.135))
    china = mat.plain("china", (0.72, 0.71, 0.68) if rng.random() < 0.7 else cloth_colour(rng), 0.2)
    body = j.turned(
        "plate",
        [(0, 0), (r * 0.6, 0), (r, 0.02), (r * 0.97, 0.023), (r * 0.6, 0.006), (0, 0.006)],
        china,
        c.OTHER_PROP,
        28,
    )
    if rng.random() < 0.5:
        tone = mat.colour(rng.uniform(0.02, 0.13), rng.uniform(0.5, 0.8), rng.uniform(0.35, 0.8))
        h = float(rng.uniform(0.02, 0.05))
        q = r * rng.uniform(0.35, 0.6)
        food = j.turned(
            "food", [(q, 0.006), (q * 0.95, h), (0, h * 1.2)], mat.plain("food", tone, 0.7), 39, 14
        )
        body = j.join(body, food)
    return settled(body)


def bottle(rng):
    """A bottle of dark or pale glass (opaque: see furniture.GLASSY)."""
    tone = mat.colour(rng.choice([0.28, 0.1, 0.55]), rng.uniform(0.1, 0.7), rng.uniform(0.12, 0.6))
    h, r = float(rng.uniform(0.2, 0.31)), float(rng.uniform(0.03, 0.042))
    profile = [(0, 0), (r, 0), (r, h * 0.6), (r * 0.4, h * 0.75), (r * 0.36, h), (0, h)]
    body = j.turned("bottle", profile, mat.plain("bottle", tone, 0.1), c.OTHER_PROP, 20)
    paper = mat.plain("paper", mat.colour(rng.random(), rng.uniform(0, 0.5), 0.8), 0.7)
    return settled(
        j.join(body, j.turned("label", [(r * 1.02, h * 0.2), (r * 1.02, h * 0.5)], paper, c.OTHER_PROP, 20))
    )


def papers(rng):
    """A few sheets or magazines, askew."""
    sheets = []
    for k in range(int(rng.integers(2, 6))):
        tone = (
            (0.7, 0.7, 0.68) if rng.random() < 0.6 else mat.colour(rng.random(), 0.4, rng.uniform(0.3, 0.8))
        )
        low = 0.004 * k
        sheet = j.boxes(
            "paper",
            [((-0.105, -0.148, low), (0.105, 0.148, low + 0.0035), mat.plain("paper", tone, 0.7))],
            c.PAPER,
            0,
        )
        sheet.rotation_euler = (0, 0, float(rng.normal(0, 0.35)))
        sheet.location = (*rng.normal(0, 0.03, 2), 0)
        sheets.append(sheet)
    return settled(j.join(*sheets))


def shoes(rng):
    """A pair of shoes, not quite side by side."""
    leather = mat.plain("shoe", cloth_colour(rng) if rng.random() < 0.5 else (0.03, 0.025, 0.02), 0.5)
    sole = mat.plain("sole", (0.6, 0.58, 0.55) if rng.random() < 0.4 else (0.04, 0.04, 0.04), 0.7)
    pair = []
    for side in (-1, 1):
        toe = j.soft_box("shoe", (0.27, 0.095, 0.06), leather, c.CLOTHES, 0.028)
        heel = placed(j.soft_box("shoe", (0.13, 0.085, 0.1), leather, c.CLOTHES, 0.03), -0.065, 0, 0)
        rubber = j.boxes("sole", [((-0.135, -0.047, 0), (0.135, 0.047, 0.018), sole)], c.CLOTHES, 0.006)
        shoe = j.join(toe, heel, rubber)
        shoe.rotation_euler = (0, 0, float(rng.normal(0, 0.25)))
        shoe.location = (rng.normal(0, 0.05), side * rng.uniform(0.07, 0.1), 0)
        pair.append(shoe)
    return settled(j.join(*pair))


def ball(rng):
    """A toy ball."""
    r = float(rng.uniform(0.06, 0.13))
    t = np.linspace(-np.pi / 2, np.pi / 2, 15)
    tone = mat.colour(rng.random(), rng.uniform(0.5, 0.85), rng.uniform(0.5, 0.85))
    profile = [(float(r * np.cos(a)), float(r + r * np.sin(a))) for a in t]
    return settled(j.turned("ball", profile, mat.plain("ball", tone, 0.4), c.OTHER_PROP, 24))


def blocks(rng):
    """Toy bricks strewn about."""
    parts = []
    for _ in range(int(rng.integers(5, 14))):
        x, y = rng.normal(0, 0.13, 2)
        a, b, h = rng.choice([0.03, 0.06]), 0.03, rng.choice([0.03, 0.05])
        tone = mat.colour(rng.choice([0.0, 0.13, 0.33, 0.6]), 0.75, 0.75)
        parts.append(((x - a, y - b, 0), (x + a, y + b, h), mat.plain("toy", tone, 0.35)))
    return settled(j.boxes("toys", parts, c.OTHER_PROP, 0.002))


def basket(rng):
    """A round basket or bin, with laundry or empty."""
    r, h = float(rng.uniform(0.14, 0.22)), float(rng.uniform(0.26, 0.45))
    weave = (
        mat.wood(mat.colour(0.08, 0.5, rng.uniform(0.4, 0.7)), 0.8)
        if rng.random() < 0.6
        else mat.plain("bin", mat.colour(0.1, 0.05, rng.choice([0.08, 0.4, 0.75])), 0.5)
    )
    body = j.turned(
        "basket",
        [(0, 0), (r * 0.8, 0), (r, h), (r * 0.94, h), (r * 0.76, 0.015), (0, 0.015)],
        weave,
        c.OTHER_PROP,
        28,
    )
    if rng.random() < 0.5:
        body = j.join(body, placed(heap(rng, r * 1.8, 0.12), 0, 0, h - 0.06))
        body.pass_index = c.OTHER_PROP
    return settled(body)


def pouf(rng):
    """A round upholstered stool one may sit on."""
    r, h = float(rng.uniform(0.22, 0.3)), float(rng.uniform(0.38, 0.45))
    cloth = mat.fabric(cloth_colour(rng), rng)
    profile = [(r * 0.9, 0), (r, 0.05), (r * 1.03, h * 0.5), (r, h - 0.05), (r * 0.85, h - 0.005), (0, h)]
    return settled(j.turned("pouf", profile, cloth, c.CHAIR, 36))
