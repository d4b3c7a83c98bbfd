"""Path-traces a view with Cycles and reads colour, depth and labels back from one render."""

import math
import os
import tempfile

import bpy
import numpy as np


def settings(samples, threads=0):
    """Few samples and a denoiser, three bounces, ambient occlusion for the rest: about a second a view."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.use_adaptive_sampling = "CPU", samples, False
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_input_passes, cycles.denoising_prefilter = (
        "RGB_ALBEDO_NORMAL",
        "ACCURATE" if samples > 8 else "FAST",
    )
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = (
        (2, 1, 1) if samples <= 8 else (3, 2, 2)
    )
    cycles.transmission_bounces, cycles.transparent_max_bounces, cycles.volume_bounces = 1, 4, 0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.use_fast_gi, cycles.fast_gi_method = True, "REPLACE"
    cycles.ao_bounces, cycles.ao_bounces_render = (1, 1) if samples <= 8 else (2, 2)
    cycles.sample_clamp_indirect, cycles.sample_clamp_direct, cycles.blur_glossy = 3.0, 0.0, 1.0
    cycles.denoising_quality = "BALANCED" if samples <= 8 else "HIGH"
    cycles.use_light_tree = sum(obj.type == "LIGHT" for obj in scene.objects) > 8
    scene.render.use_persistent_data = True
    scene.render.threads_mode, scene.render.threads = ("FIXED", threads) if threads else ("AUTO", 1)
    layer = scene.view_layers[0]
    layer.use_pass_z = layer.use_pass_object_index = layer.use_pass_combined = True
    scene.render.film_transparent = False


def passes(width, height):
    """Renders the scene's camera; returns linear colour (H, W, 3), depth (H, W) m and class (H, W) uint8.

    Depth is along the optical axis, 0 where the view leaves through a window. Depth and class come from
    each pixel's first sample, so their edges are exact and agree with each other.
    """
    import OpenEXR

    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = (
        width,
        height,
        100,
    )
    image = scene.render.image_settings
    image.file_format, image.color_mode, image.color_depth = "OPEN_EXR_MULTILAYER", "RGBA", "32"
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = os.path.join(folder, "view.exr")
        bpy.ops.render.render(write_still=True)
        with OpenEXR.File(scene.render.filepath, separate_channels=True) as file:
            channels = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
    pick = {name.split(".", 1)[1]: pixels for name, pixels in channels.items()}
    colour = np.stack([pick[f"Combined.{k}"] for k in "RGB"], -1)
    depth = next(pixels for name, pixels in pick.items() if name.startswith("Depth."))
    index = next(pixels for name, pixels in pick.items() if name.startswith("IndexOB."))
    outside = depth > 60
    label = np.where(outside, 8, np.rint(index)).astype(np.uint8)
    return colour, np.where(outside, 0, depth), label


def exposure_of(colour, label, rng, mood):
    """Stops by which to brighten a view: its typical light to a middle grey, without burning too much."""
    light = colour @ np.array([0.2126, 0.7152, 0.0722])
    inside = light[label != 8]
    typical = math.exp(float(np.log(np.maximum(inside, 1e-5)).mean()))
    bright = float(np.percentile(inside, 97)) + 1e-6
    want = {"evening": 0.16, "sun": 0.22}.get(mood, 0.23) * 2 ** rng.normal(0, 0.25)
    return float(np.clip(min(math.log2(want / typical), math.log2(3.0 / bright)), -8, 12))


def save(path, exposure, look, quality):
    """Writes the last render as WebP through the view transform at an exposure in stops."""
    scene = bpy.context.scene
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = look
    scene.view_settings.exposure, scene.view_settings.gamma = exposure, 1.0
    image = scene.render.image_settings
    image.file_format, image.color_mode, image.color_depth, image.quality = "WEBP", "RGB", "8", quality
    bpy.data.images["Render Result"].save_render(str(path), scene=scene)
