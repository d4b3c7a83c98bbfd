"""Our own parametric meshes: boxes, soft things, plants, books, curtains, rugs, lamps.

All return one mesh object with its NYU-40 class as `pass_index`, lowest point at z = 0 and front at +x
unless said otherwise. Sizes in metres.
"""

import bpy
import numpy as np

from . import classes as c
from . import materials as mat


def from_arrays(name, points, faces, material, label, smooth=False):
    """A mesh object from vertices (N, 3) and a list of faces (index tuples)."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.asarray(points, float).tolist(), [], [tuple(int(i) for i in face) for face in faces])
    mesh.materials.append(material)
    if smooth:
        mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.update()
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    obj.pass_index = label
    return obj


BOX_FACES = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5))


def boxes(name, parts, label, bevel=0.004):
    """One object of several boxes: parts are ((x0, y0, z0), (x1, y1, z1), material)."""
    points, faces, slots, materials = [], [], [], []
    for low, high, material in parts:
        if material not in materials:
            materials.append(material)
        start = len(points)
        points += [(x, y, z) for z in (low[2], high[2]) for y in (low[1], high[1]) for x in (low[0], high[0])]
        faces += [tuple(start + i for i in face) for face in BOX_FACES]
        slots += [materials.index(material)] * 6
    obj = from_arrays(name, points, faces, materials[0], label)
    for material in materials[1:]:
        obj.data.materials.append(material)
    obj.data.polygons.foreach_set("material_index", slots)
    if bevel:
        modifier = obj.modifiers.new("bevel", "BEVEL")
        modifier.width, modifier.segments, modifier.limit_method = bevel, 2, "ANGLE"
        bpy.context.view_layer.objects.active = obj
        bpy.ops.object.modifier_apply(modifier="bevel")
    return obj


def grid(name, height, material, label, closed=True):
    """A soft body from a height field: `height` is (rows, columns, 3) points of its upper skin."""
    rows, columns = height.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    faces = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], -1).reshape(-1, 4)
    return from_arrays(name, height.reshape(-1, 3), faces, material, label, smooth=True)


def wrinkles(rng, u, v, amplitude, waves=7):
    """A smooth random field over u, v: a few sine waves of random direction."""
    total = np.zeros_like(u)
    for _ in range(waves):
        angle, frequency = rng.uniform(0, 2 * np.pi), rng.uniform(4, 16)
        total += np.sin(frequency * (u * np.cos(angle) + v * np.sin(angle)) + rng.uniform(0, 6.3)) / frequency
    return amplitude * 4 * total / waves


def cushion(rng, width, height, thickness, material, label=c.PILLOW):
    """A pillow lying flat: `height` along x, `width` along y, pinched corners and a few creases."""
    s = np.linspace(-1, 1, 33)
    u, v = np.meshgrid(s, s, indexing="ij")
    bulge = ((1 - np.abs(u) ** 3.2) * (1 - np.abs(v) ** 3.2)) ** 0.5
    pull = 1 - 0.07 * (1 - np.abs(u * v)) * (np.abs(u) ** 4 + np.abs(v) ** 4)
    crease = wrinkles(rng, u, v, 0.04) * bulge
    x, y = u * height / 2 * pull, v * width / 2 * pull
    upper = np.stack([x, y, (bulge + crease) * thickness / 2], -1)
    lower = np.stack([x, y, -(bulge - crease) * thickness / 2], -1)[::-1]
    a, b = grid("cushion", upper, material, label), grid("cushion", lower, material, label)
    join(a, b)
    a.data.transform(((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, thickness / 2), (0, 0, 0, 1)))
    return a


def join(first, *others):
    """Joins objects into the first one, keeping materials."""
    bpy.context.view_layer.update()
    bpy.ops.object.select_all(action="DESELECT")
    for obj in (first, *others):
        obj.select_set(True)
    bpy.context.view_layer.objects.active = first
    bpy.ops.object.join()
    return first


def duvet(rng, length, width, thickness, drop, material):
    """A bed cover: flat with creases on top, hanging down `drop` at both sides and the foot (+x)."""
    u = np.linspace(0, length + drop, 90)
    v = np.linspace(-width / 2 - drop, width / 2 + drop, 90)
    uu, vv = np.meshgrid(u, v, indexing="ij")
    over_x = np.maximum(uu - length, 0)
    over_y = np.maximum(np.abs(vv) - width / 2, 0)
    over = np.maximum(over_x, over_y)
    x = np.minimum(uu, length) + np.minimum(over_x, 0.03)
    y = np.sign(vv) * (np.minimum(np.abs(vv), width / 2) + np.minimum(over_y, 0.03))
    z = thickness - over
    fold = wrinkles(rng, uu, vv, 0.035, 9) * np.where(over > 0, 0.35, 1.0)
    puff = np.clip(1 - np.abs(vv) / (width / 2), 0, 1) ** 0.3 * np.clip(uu / 0.1, 0, 1)
    z = np.where(over > 0, z + fold, thickness * (0.45 + 0.55 * puff) + fold)
    sway = 0.018 * np.sin(9 * (uu + vv) + rng.uniform(0, 6)) * np.clip(over / 0.15, 0, 1)
    x = x + np.where(over_x >= over_y, sway, 0)
    y = y + np.where(over_y > over_x, np.sign(vv) * sway, 0)
    return grid("duvet", np.stack([x, y, z], -1), material, c.BED)


def soft_box(name, size, material, label, radius=0.06, crown=0.02):
    """An upholstered block: rounded edges and a slightly crowned top; size (x, y, z)."""
    obj = boxes(
        name, [((-size[0] / 2, -size[1] / 2, 0), (size[0] / 2, size[1] / 2, size[2]), material)], label, 0
    )
    bpy.context.view_layer.objects.active = obj
    modifier = obj.modifiers.new("bevel", "BEVEL")
    modifier.width, modifier.segments = min(radius, min(size) * 0.45), 5
    bpy.ops.object.modifier_apply(modifier="bevel")
    obj.data.polygons.foreach_set("use_smooth", np.ones(len(obj.data.polygons), bool))
    return obj


def turned(name, profile, material, label, sides=32):
    """A body of revolution about z: profile is [(radius, z), ...] from bottom to top."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    rings = [np.stack([r * np.cos(angle), r * np.sin(angle), np.full(sides, z)], 1) for r, z in profile]
    points = np.concatenate(rings)
    faces = []
    for k in range(len(profile) - 1):
        a, b = k * sides, (k + 1) * sides
        faces += [(a + i, a + (i + 1) % sides, b + (i + 1) % sides, b + i) for i in range(sides)]
    return from_arrays(name, points, faces, material, label, smooth=True)


def cup(rng, material):
    r, h = rng.uniform(0.035, 0.045), rng.uniform(0.07, 0.11)
    return turned(
        "cup",
        [(0, 0), (r * 0.8, 0), (r, h), (r * 0.9, h), (r * 0.75, 0.01), (0, 0.01)],
        material,
        c.OTHER_PROP,
    )


def vase(rng, material):
    h, r = rng.uniform(0.18, 0.4), rng.uniform(0.05, 0.11)
    z = np.linspace(0, 1, 18)
    bend = rng.uniform(0.5, 1.5)
    body = r * (0.45 + 0.55 * np.sin(np.pi * z**bend) + 0.1 * (z > 0.9))
    profile = [
        (0, 0),
        *[(float(q), float(h * t)) for q, t in zip(body, z, strict=True)],
        (float(body[-1]) * 0.8, h * 0.95),
        (0, h * 0.5),
    ]
    return turned("vase", profile, material, c.OTHER_PROP)


def books(rng, count, standing):
    """A pile of books, or a row standing along y with spines to +x."""
    parts, at = [], 0.0
    for _ in range(count):
        cover = mat.plain(
            "book", mat.colour(rng.random(), rng.uniform(0.1, 0.8), rng.uniform(0.15, 0.9)), 0.6
        )
        paper = mat.plain("paper", (0.75, 0.7, 0.6), 0.9)
        deep, tall, thick = rng.uniform(0.13, 0.2), rng.uniform(0.18, 0.27), rng.uniform(0.012, 0.04)
        if standing:
            parts.append(((-deep / 2, at, 0), (deep / 2, at + thick, tall), cover))
            parts.append(
                (
                    (-deep / 2 - 0.001, at + 0.003, 0.004),
                    (deep / 2 - 0.004, at + thick - 0.003, tall + 0.001),
                    paper,
                )
            )
        else:
            x, y = rng.uniform(-0.02, 0.02, 2)
            parts.append(((x - deep / 2, y - tall / 2, at), (x + deep / 2, y + tall / 2, at + thick), cover))
            parts.append(
                (
                    (x - deep / 2 + 0.005, y - tall / 2 - 0.001, at + 0.003),
                    (x + deep / 2 + 0.001, y + tall / 2 + 0.001, at + thick - 0.003),
                    paper,
                )
            )
        at += thick + 0.001
    return boxes("books", parts, c.BOOKS, 0)


def plant(rng, height):
    """A potted plant: arching strap or broad leaves from a pot."""
    pot_r, pot_h = rng.uniform(0.1, 0.17) * (0.5 + height / 2), rng.uniform(0.18, 0.32) * (0.4 + height / 2)
    tone = mat.colour(rng.choice([0.04, 0.08, 0.1, 0.6]), rng.uniform(0, 0.45), rng.uniform(0.2, 0.85))
    pot = turned(
        "pot",
        [
            (0, 0),
            (pot_r * 0.75, 0),
            (pot_r, pot_h),
            (pot_r * 0.9, pot_h),
            (pot_r * 0.85, pot_h * 0.9),
            (0, pot_h * 0.9),
        ],
        mat.plain("pot", tone, 0.4),
        c.OTHER_PROP,
    )
    hue, broad = rng.uniform(0.22, 0.38), rng.random() < 0.6
    leaf = mat.plain("leaf", mat.colour(hue, rng.uniform(0.45, 0.75), rng.uniform(0.2, 0.45)), 0.45)
    points, faces = [], []
    for _ in range(int(rng.integers(16, 30))):
        angle, lean = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 1.1)
        length = (height - pot_h) * rng.uniform(0.6, 1.05)
        half = length * (rng.uniform(0.13, 0.2) if broad else rng.uniform(0.03, 0.06))
        t = np.linspace(0, 1, 9)
        out = length * np.sin(lean) * t**1.3
        up = pot_h * 0.9 + length * (np.cos(lean) * t - 0.35 * lean * t**2.5)
        stem = 0.45 if broad else 0.0
        spread = half * np.where(
            t < stem, 0.06, np.sin(np.pi * np.clip((t - stem) / (1 - stem), 0.03, 1)) ** 0.7
        )
        side = np.array([-np.sin(angle), np.cos(angle)])
        axis = np.array([np.cos(angle), np.sin(angle)])
        start = len(points)
        for k in range(9):
            for sign in (-1, 0, 1):
                xy = axis * (out[k] + 0.02) + side * sign * spread[k]
                points.append((xy[0], xy[1], max(up[k], 0.02) + (0.25 * spread[k] if sign else 0)))
        for k in range(8):
            for s in (0, 1):
                a = start + 3 * k + s
                faces.append((a, a + 1, a + 4, a + 3))
    green = from_arrays("leaves", points, faces, leaf, c.OTHER_PROP, smooth=True)
    return join(pot, green)


def curtain(rng, width, height, material):
    """A pleated curtain in the plane x = 0, centred on y = 0, hanging from z = height to z = 0."""
    y = np.linspace(-width / 2, width / 2, 120)
    z = np.linspace(0, height, 6)
    zz, yy = np.meshgrid(z, y, indexing="ij")
    pleats = rng.uniform(38, 55)
    x = 0.035 * np.sin(pleats * yy + 0.8 * np.sin(3 * yy + zz)) * (1.1 - 0.2 * zz / height)
    return grid("curtain", np.stack([x, yy, zz], -1), material, c.CURTAIN)


def rug(rng, length, width):
    """A rug of 8 mm, round or rectangular, plain, striped or bordered."""
    hue = rng.choice([0.02, 0.08, 0.1, 0.58, 0.62, rng.random()])
    tone = mat.colour(hue, rng.uniform(0.03, 0.35), rng.uniform(0.3, 0.85))
    second = mat.colour(hue + rng.normal(0, 0.06), rng.uniform(0.05, 0.5), rng.uniform(0.15, 0.9))
    m = mat.Nodes("rug", tone, 0.95)
    where = m.object()
    kind = rng.integers(4)
    if kind == 0:
        factor = m.ramp(m.noise(where, rng.uniform(2, 7), 3, 0.5, 1.5), 0.47, 0.53)
    elif kind == 1:
        factor = m.ramp(
            m.add(
                "ShaderNodeTexWave", {"Vector": where, "Scale": rng.uniform(0.8, 3)}, bands_direction="X"
            ).outputs["Fac"],
            0.55,
            0.6,
        )
    elif kind == 2:
        factor = m.ramp(
            m.add(
                "ShaderNodeTexVoronoi",
                {"Vector": where, "Scale": rng.uniform(3, 8), "Randomness": 0.0},
                distance="MANHATTAN",
            ).outputs["Distance"],
            0.35,
            0.38,
        )
    else:
        factor = m.noise(where, 60, 2)
    base = m.mix(factor, tone, second if kind < 3 else mat.scaled(tone, 0.7))
    m.link(base, "Base Color")
    m.bump(m.noise(where, 250, 2), 0.5, 0.006)
    if rng.random() < 0.25:
        r = min(length, width) / 2
        return turned("rug", [(r, 0), (r, 0.008), (0, 0.008)], m.material, c.FLOOR_MAT, 64)
    return boxes(
        "rug",
        [((-length / 2, -width / 2, 0), (length / 2, width / 2, 0.008), m.material)],
        c.FLOOR_MAT,
        0.003,
    )
