"""Our own procedural materials for the shell of a room and for what infinigen has no quick factory for.

Each function returns a new bpy material. Colours are linear RGB in 0..1. Patterns follow world
coordinates, so that one floor or wall runs on through all its parts without seams.
"""

import colorsys

import bpy


def colour(hue, saturation, value):
    """Linear RGB from hue, saturation and value in 0..1 as a paint card would give them (sRGB)."""
    return tuple(channel**2.2 for channel in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


class Nodes:
    """A principled material under construction: `add` makes nodes, `link` joins sockets.

    `fine` adds relief (bump maps). It triples what a material costs and shows in large pictures only.
    """

    fine = False

    def __init__(self, name, base=(0.8, 0.8, 0.8), roughness=0.6, metallic=0.0):
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.bsdf = self.tree.nodes["Principled BSDF"]
        self.bsdf.inputs["Base Color"].default_value = (*base, 1)
        self.bsdf.inputs["Roughness"].default_value = roughness
        self.bsdf.inputs["Metallic"].default_value = metallic

    def add(self, kind, inputs=None, **attributes):
        node = self.tree.nodes.new(kind)
        for key, value in attributes.items():
            setattr(node, key, value)
        for key, value in (inputs or {}).items():
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, node.inputs[key])
            else:
                node.inputs[key].default_value = value
        return node

    def link(self, output, name):
        self.tree.links.new(output, self.bsdf.inputs[name])

    def world(self, scale=(1, 1, 1), rotation=(0, 0, 0), location=(0, 0, 0)):
        """World position, scaled and turned."""
        where = self.add("ShaderNodeNewGeometry").outputs["Position"]
        return self.add(
            "ShaderNodeMapping", {"Vector": where, "Scale": scale, "Rotation": rotation, "Location": location}
        ).outputs[0]

    def object(self, scale=(1, 1, 1)):
        """Object coordinates, for things that move about."""
        where = self.add("ShaderNodeTexCoord").outputs["Object"]
        return self.add("ShaderNodeMapping", {"Vector": where, "Scale": scale}).outputs[0]

    def along_wall(self):
        """(distance along the wall, height, 0) on walls that follow the axes."""
        split = self.add("ShaderNodeSeparateXYZ", {0: self.world()})
        along = self.add("ShaderNodeMath", {0: split.outputs[0], 1: split.outputs[1]}, operation="ADD")
        return self.add("ShaderNodeCombineXYZ", {0: along.outputs[0], 1: split.outputs[2]}).outputs[0]

    def noise(self, vector, scale=5.0, detail=4.0, roughness=0.5, distortion=0.0):
        return self.add(
            "ShaderNodeTexNoise",
            {
                "Vector": vector,
                "Scale": scale,
                "Detail": detail,
                "Roughness": roughness,
                "Distortion": distortion,
            },
        ).outputs["Fac"]

    def mix(self, factor, first, second, blend="MIX"):
        inputs = {0: factor}
        for slot, value in ((6, first), (7, second)):
            inputs[slot] = value if isinstance(value, bpy.types.NodeSocket) else (*value, 1)
        return self.add("ShaderNodeMix", inputs, data_type="RGBA", blend_type=blend).outputs[2]

    def ramp(self, value, low, high):
        """Maps low..high to 0..1, clamped."""
        return self.add("ShaderNodeMapRange", {0: value, 1: low, 2: high}).outputs[0]

    def bump(self, height, strength=0.2, distance=0.01):
        if not self.fine:
            return
        node = self.add("ShaderNodeBump", {"Height": height, "Strength": strength, "Distance": distance})
        self.link(node.outputs[0], "Normal")


def scaled(rgb, factor):
    return tuple(min(1.0, channel * factor) for channel in rgb)


def plain(name, rgb, roughness=0.5, metallic=0.0):
    return Nodes(name, rgb, roughness, metallic).material


def paint(rgb):
    """Wall paint: slightly uneven and faintly bumpy."""
    m = Nodes("paint", rgb, 0.75)
    where = m.world()
    m.link(m.mix(m.noise(where, 0.7, 3), scaled(rgb, 0.93), scaled(rgb, 1.05)), "Base Color")
    m.bump(m.noise(where, 90, 2), 0.08, 0.004)
    return m.material


def wallpaper(rng, rgb, second):
    """Wallpaper: stripes, dots or a mottled repeat, in two near colours."""
    m = Nodes("wallpaper", rgb, 0.8)
    where = m.along_wall()
    kind = rng.integers(3)
    if kind == 0:
        width = rng.uniform(0.06, 0.2)
        wave = m.add(
            "ShaderNodeTexWave",
            {"Vector": where, "Scale": 0.314 / width, "Distortion": 0.0},
            bands_direction="X",
        ).outputs["Fac"]
        factor = m.ramp(wave, 0.45, 0.55)
    elif kind == 1:
        cells = m.add(
            "ShaderNodeTexVoronoi",
            {"Vector": where, "Scale": rng.uniform(8, 16), "Randomness": rng.choice([0.0, 0.4])},
        ).outputs["Distance"]
        factor = m.ramp(cells, 0.28, 0.22)
    else:
        factor = m.ramp(m.noise(where, rng.uniform(9, 18), 1, distortion=2.5), 0.46, 0.54)
    m.link(m.mix(factor, rgb, second), "Base Color")
    return m.material


def planks(rng, rgb, angle=0.0):
    """A floor of wooden boards, each of a slightly different shade, with grain along the board."""
    m = Nodes("planks", rgb, rng.uniform(0.25, 0.5))
    where = m.world(rotation=(0, 0, angle), location=(rng.uniform(0, 9), rng.uniform(0, 9), 0))
    bricks = m.add(
        "ShaderNodeTexBrick",
        {
            "Vector": where,
            "Color1": (0.1, 0.1, 0.1, 1),
            "Color2": (1, 1, 1, 1),
            "Mortar": (0.5, 0.5, 0.5, 1),
            "Scale": 1.0,
            "Mortar Size": 0.0012,
            "Brick Width": rng.uniform(0.7, 1.6),
            "Row Height": rng.uniform(0.07, 0.18),
        },
        offset=rng.uniform(0.3, 0.5),
    )
    shade = bricks.outputs["Color"]
    shift = m.add("ShaderNodeVectorMath", {0: where, 1: shade}, operation="ADD").outputs[0]
    stretched = m.add("ShaderNodeMapping", {"Vector": shift, "Scale": (1.2, 16, 1)}).outputs[0]
    grain = m.noise(stretched, 3.5, 6, 0.6, 0.6)
    board = m.mix(shade, scaled(rgb, 0.72), scaled(rgb, 1.2))
    board = m.mix(m.ramp(grain, 0.3, 0.75), board, scaled(rgb, 0.5))
    m.link(m.mix(bricks.outputs["Fac"], board, scaled(rgb, 0.2)), "Base Color")
    m.bump(
        m.add("ShaderNodeMath", {0: 1.0, 1: bricks.outputs["Fac"]}, operation="SUBTRACT").outputs[0],
        0.3,
        0.002,
    )
    return m.material


def tiles(rng, rgb, size, wall=False, offset=0.0):
    """Tiles with grout; `wall` runs them over walls instead of the floor."""
    m = Nodes("tiles", rgb, rng.uniform(0.12, 0.4))
    where = m.along_wall() if wall else m.world()
    bricks = m.add(
        "ShaderNodeTexBrick",
        {
            "Vector": where,
            "Color1": (*scaled(rgb, 0.88), 1),
            "Color2": (*scaled(rgb, 1.08), 1),
            "Mortar": (*scaled(rgb, rng.uniform(0.3, 0.7)), 1),
            "Scale": 1.0,
            "Mortar Size": 0.004,
            "Brick Width": size[0],
            "Row Height": size[1],
        },
        offset=offset,
    )
    cloud = m.noise(where, 4, 5, 0.6, 1.0)
    m.link(m.mix(m.ramp(cloud, 0.35, 0.8), bricks.outputs["Color"], scaled(rgb, 0.75)), "Base Color")
    m.bump(bricks.outputs["Fac"], -0.4, 0.003)
    return m.material


def carpet(rgb):
    m = Nodes("carpet", rgb, 0.95)
    where = m.world()
    m.link(m.mix(m.noise(where, 160, 3), scaled(rgb, 0.6), scaled(rgb, 1.25)), "Base Color")
    m.bump(m.noise(where, 220, 2), 0.6, 0.01)
    return m.material


def concrete(rgb):
    m = Nodes("concrete", rgb, 0.6)
    where = m.world()
    m.link(m.mix(m.noise(where, 1.6, 9, 0.65, 0.4), scaled(rgb, 0.65), scaled(rgb, 1.2)), "Base Color")
    return m.material


def fabric(rgb, rng=None):
    """Woven cloth; with a generator, sometimes striped or checked."""
    m = Nodes("fabric", rgb, 0.9)
    where = m.object()
    tone = m.mix(m.noise(where, 130, 2), scaled(rgb, 0.75), scaled(rgb, 1.15))
    if rng is not None and rng.random() < 0.35:
        second = scaled(rgb, 0.35) if sum(rgb) > 0.9 else scaled(rgb, 2.6)
        # slanted with height, so that hanging sides are striped too instead of blotched by their folds
        height = m.add("ShaderNodeSeparateXYZ", {0: where}).outputs[2]
        slant = m.add("ShaderNodeVectorMath", {0: where, 1: height}, operation="ADD").outputs[0]
        stripes = m.add(
            "ShaderNodeTexWave",
            {"Vector": slant, "Scale": rng.uniform(4, 12), "Distortion": 0.0},
            bands_direction=str(rng.choice(["X", "Y"])),
        ).outputs["Fac"]
        tone = m.mix(m.ramp(stripes, 0.6, 0.64), tone, second)
    m.link(tone, "Base Color")
    m.bsdf.inputs["Sheen Weight"].default_value = 0.3
    m.bump(m.noise(where, 300, 1), 0.25, 0.003)
    return m.material


def wood(rgb, roughness=0.4):
    """Wood with grain along the object's longest (y) side."""
    m = Nodes("wood", rgb, roughness)
    grain = m.noise(m.object((9, 1.1, 9)), 3.0, 6, 0.6, 0.8)
    m.link(m.mix(m.ramp(grain, 0.3, 0.75), scaled(rgb, 1.15), scaled(rgb, 0.55)), "Base Color")
    return m.material


def marble(rgb):
    m = Nodes("marble", rgb, 0.15)
    vein = m.noise(m.object(), 2.5, 10, 0.65, 1.8)
    m.link(m.mix(m.ramp(vein, 0.5, 0.56), rgb, scaled(rgb, 0.6)), "Base Color")
    return m.material


def glow(rgb, strength):
    m = Nodes("glow", rgb, 0.5)
    m.bsdf.inputs["Emission Color"].default_value = (*rgb, 1)
    m.bsdf.inputs["Emission Strength"].default_value = strength
    return m.material


def sheer(rgb, through=0.5):
    """Cloth that lets part of the light through: curtains and lampshades."""
    m = Nodes("sheer", rgb, 0.9)
    m.tree.nodes.remove(m.bsdf)
    diffuse = m.add("ShaderNodeBsdfDiffuse", {"Color": (*rgb, 1)}).outputs[0]
    translucent = m.add("ShaderNodeBsdfTranslucent", {"Color": (*rgb, 1)}).outputs[0]
    both = m.add("ShaderNodeMixShader", {0: through, 1: diffuse, 2: translucent}).outputs[0]
    m.tree.links.new(both, m.tree.nodes["Material Output"].inputs["Surface"])
    return m.material


def print_of(rng):
    """A print for a frame: abstract fields of colour, by noise."""
    hue = rng.random()
    first, second = (
        colour(hue, rng.uniform(0.05, 0.5), rng.uniform(0.5, 0.95)),
        colour(hue + rng.choice([0.05, 0.1, 0.5]), rng.uniform(0.1, 0.6), rng.uniform(0.15, 0.9)),
    )
    third = colour(hue + 0.5, 0.3, rng.choice([0.1, 0.95]))
    m = Nodes("print", first, 0.5)
    where = m.object((1, rng.uniform(1, 3), rng.uniform(1, 6)))
    a = m.noise(where, rng.uniform(1, 3), rng.uniform(1, 6), 0.5, rng.uniform(0, 2))
    b = m.noise(where, rng.uniform(2, 5), 2, 0.5, rng.uniform(0, 2))
    edge = rng.choice([0.01, 0.15])
    tone = m.mix(m.ramp(a, 0.5 - edge, 0.5 + edge), first, second)
    m.link(m.mix(m.ramp(b, 0.6 - edge, 0.6 + edge), tone, third), "Base Color")
    return m.material
