"""What the camera sees through the windows: sky, houses, trees and ground, slightly out of focus.

Only camera rays see it; for all other rays the world gives back what the walls of the room would.
"""

import bpy

from . import materials as mat


class Backdrop(mat.Nodes):
    """The world's shader under construction: directions instead of places."""

    def __init__(self, world):
        world.use_nodes = True
        self.tree = world.node_tree
        self.direction = self.add("ShaderNodeTexCoord").outputs["Generated"]
        split = self.add("ShaderNodeSeparateXYZ", {0: self.direction})
        self.azimuth = self.math("ARCTAN2", split.outputs[1], split.outputs[0])
        self.height = split.outputs[2]

    def math(self, operation, first, second=0.0):
        return self.add("ShaderNodeMath", {0: first, 1: second}, operation=operation).outputs[0]

    def below(self, edge, soft):
        """1 where the view is lower than `edge` (a socket or number), fading over `soft`."""
        return self.ramp(self.math("SUBTRACT", edge, self.height), -soft, soft)


def sky(m, rng, mood):
    """A gradient from the horizon upwards, with soft clouds."""
    if mood == "evening":
        return m.mix(m.ramp(m.height, -0.1, 0.5), (0.02, 0.022, 0.035), (0.004, 0.006, 0.014))
    clear = mood == "sun" or rng.random() < 0.3
    low = (0.8, 0.86, 0.92) if clear else (0.78, 0.8, 0.82)
    top = mat.colour(0.59, rng.uniform(0.35, 0.7), 0.85) if clear else (0.55, 0.6, 0.66)
    plain = m.mix(m.ramp(m.height, -0.05, rng.uniform(0.3, 0.6)), low, top)
    cloud = m.noise(m.direction, rng.uniform(2, 5), 5, 0.6, 0.3)
    return m.mix(m.ramp(cloud, 0.45, rng.uniform(0.6, 0.8)), plain, (0.92, 0.92, 0.92))


def houses(m, rng, mood, behind):
    """Facades side by side, each of its own height and tint, with rows of windows."""
    night = mood == "evening"
    broad, shift = rng.uniform(0.25, 0.6), rng.uniform(0, 9)
    number = m.math("FLOOR", m.math("ADD", m.math("DIVIDE", m.azimuth, broad), shift))
    draw = m.add("ShaderNodeTexWhiteNoise", {"W": number}, noise_dimensions="1D").outputs["Value"]
    roof = m.math("ADD", m.math("MULTIPLY", draw, rng.uniform(0.1, 0.35)), rng.uniform(-0.08, 0.2))
    hue = rng.choice([0.05, 0.08, 0.11, 0.6])
    first = mat.colour(hue, rng.uniform(0.05, 0.4), rng.uniform(0.45, 0.7))
    second = mat.colour(hue + 0.03, rng.uniform(0.02, 0.3), rng.uniform(0.6, 0.85))
    if night:
        first, second = mat.scaled(first, 0.03), mat.scaled(second, 0.03)
    place = m.add("ShaderNodeCombineXYZ", {0: m.azimuth, 1: m.height}).outputs[0]
    wide = rng.uniform(0.06, 0.11)
    bricks = m.add(
        "ShaderNodeTexBrick",
        {
            "Vector": place,
            "Color1": (0.002, 0.002, 0.003, 1) if night else (0.06, 0.08, 0.1, 1),
            "Color2": (0.5, 0.33, 0.14, 1) if night else (0.3, 0.36, 0.42, 1),
            "Scale": 1.0,
            "Mortar Size": wide * rng.uniform(0.2, 0.28),
            "Mortar Smooth": 0.25,
            "Bias": -0.5 if night else 0.0,
            "Brick Width": wide,
            "Row Height": wide * rng.uniform(1.1, 1.5),
        },
        offset=0.0,
    )
    wall = m.mix(draw, first, second)
    front = m.mix(bricks.outputs["Fac"], bricks.outputs["Color"], wall)
    return m.mix(m.below(roof, 0.006), behind, front)


def trees(m, rng, mood, behind):
    """Treetops: a ragged edge and leaves of several shades."""
    edge = m.noise(m.direction, rng.uniform(2.5, 6), 6, 0.62)
    crown = m.math("ADD", m.math("MULTIPLY", edge, rng.uniform(0.4, 0.9)), rng.uniform(-0.5, -0.12))
    hue = rng.uniform(0.2, 0.33)
    dark = mat.colour(hue, rng.uniform(0.3, 0.6), rng.uniform(0.2, 0.35))
    light = mat.colour(hue - 0.03, rng.uniform(0.25, 0.55), rng.uniform(0.5, 0.72))
    if mood == "evening":
        dark, light = mat.scaled(dark, 0.02), mat.scaled(light, 0.02)
    leaves = m.ramp(m.noise(m.direction, rng.uniform(14, 30), 5, 0.65, 0.4), 0.36, 0.66)
    return m.mix(m.below(crown, 0.012), behind, m.mix(leaves, dark, light))


def ground(m, rng, mood, behind):
    """Lawn or street below the horizon, paler with distance."""
    tone = (
        mat.colour(rng.uniform(0.2, 0.3), rng.uniform(0.2, 0.5), rng.uniform(0.4, 0.6))
        if rng.random() < 0.6
        else mat.colour(0.1, rng.uniform(0, 0.15), rng.uniform(0.4, 0.65))
    )
    if mood == "evening":
        tone = mat.scaled(tone, 0.02)
    near = m.mix(m.noise(m.direction, 9, 4), mat.scaled(tone, 0.7), mat.scaled(tone, 1.25))
    return m.mix(m.below(rng.uniform(-0.22, -0.08), 0.02), behind, near)


def build(rng, mood, tint, ambient, strength):
    """Sets the scene's world.

    tint, ambient: colour and radiance of what the room's surfaces give back; strength: radiance of the
    palest sky as the camera sees it.
    """
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    m = Backdrop(world)
    world.cycles.sampling_method = "NONE"  # uniform but for the camera: an importance map would cost a second
    glow = m.tree.nodes["Background"]
    glow.inputs["Color"].default_value, glow.inputs["Strength"].default_value = (*tint, 1), ambient
    picture, pick = sky(m, rng, mood), rng.random()
    if pick > 0.4:
        picture = houses(m, rng, mood, picture)
    if pick < 0.8:
        picture = trees(m, rng, mood, picture)
    picture = ground(m, rng, mood, picture)
    view = m.add("ShaderNodeBackground", {"Color": picture, "Strength": strength})
    is_camera = m.add("ShaderNodeLightPath").outputs["Is Camera Ray"]
    choice = m.add("ShaderNodeMixShader", {0: is_camera, 1: glow.outputs[0], 2: view.outputs[0]})
    m.tree.links.new(choice.outputs[0], m.tree.nodes["World Output"].inputs["Surface"])
    world.light_settings.distance = 1.2
    world.light_settings.ao_factor = 1.0
