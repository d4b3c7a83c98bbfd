"""One room on disk: views as WebP and npz, the mesh, and room.json last.

OUT/room-00012/room.json  {"room", "seed", "type", "split", "views": [{"name", "width", "height",
                          "K", "world_to_camera"}, ...]}
OUT/room-00012/v0.webp    colour
OUT/room-00012/v0.npz     depth float16 (H, W) metres along the optical axis, 0 = none;
                          label uint8 (H, W) NYU-40
OUT/room-00012/mesh.npz   vertices float32 (N, 3) world metres; faces int32 (M, 3); label uint8 (M)
"""

import json
import os

import numpy as np

LOOKS = ("AgX - Base Contrast", "AgX - Medium High Contrast", "AgX - High Contrast", "AgX - Punchy")
SAMPLES = {320: 4, 640: 3}  # by width: the denoiser has more to go by in a larger picture


def folder_name(seed):
    return f"room-{seed:05d}"


def split_of(seed):
    """Rooms, never views, are split: the last digit 8 is val, 9 is test, the rest train."""
    return {8: "val", 9: "test"}.get(seed % 10, "train")


def size_of(seed):
    """Every third room is rendered at 640 x 480, the others at 320 x 240."""
    return (640, 480) if seed % 3 == 0 else (320, 240)


def room(out, seed, views, threads=0):
    """Renders the room of a seed into OUT/room-SEED; returns its type and how many views it got.

    Raises scene.NoSpace where furniture does not fit, RuntimeError where fewer than half the views are good.
    """
    from . import camera, meshes, render, scene  # bpy loads here: listing rooms does not need it

    built = scene.build(seed)
    rng = np.random.default_rng([seed, 73])
    chosen = camera.choose(built, rng, views)
    if len(chosen) * 2 < views:
        raise RuntimeError(f"room {seed}: only {len(chosen)} of {views} views are worth rendering")
    folder = os.path.join(out, folder_name(seed))
    os.makedirs(folder, exist_ok=True)
    vertices, faces, label = meshes.collect()
    np.savez_compressed(os.path.join(folder, "mesh.npz"), vertices=vertices, faces=faces, label=label)
    width, height = size_of(seed)
    render.settings(SAMPLES[width], threads)
    look = str(rng.choice(LOOKS, p=[0.15, 0.45, 0.15, 0.25]))
    listed = []
    for k, view in enumerate(chosen):
        name = f"v{k}"
        camera.apply(view)
        colour, depth, label = render.passes(width, height)
        render.save(
            os.path.join(folder, f"{name}.webp"), render.exposure_of(colour, label, rng, built.mood), look, 90
        )
        np.savez_compressed(os.path.join(folder, f"{name}.npz"), depth=depth.astype(np.float16), label=label)
        listed.append(
            {
                "name": name,
                "width": width,
                "height": height,
                "K": view.intrinsics(width, height).tolist(),
                "world_to_camera": view.world_to_camera().tolist(),
            }
        )
    record = {
        "room": folder_name(seed),
        "seed": seed,
        "type": built.kind,
        "split": split_of(seed),
        "views": listed,
    }
    part = os.path.join(folder, "room.json.part")
    with open(part, "w") as file:
        json.dump(record, file)
    os.replace(part, os.path.join(folder, "room.json"))
    return built.kind, len(listed)
