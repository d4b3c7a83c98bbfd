"""One room on disk: views as WebP and npz, the mesh, and room.json last.

OUT/room-00012/room.json  {"room", "seed", "version", "type", "split", "views": [{"name", "width", "height",
                          "K", "world_to_camera"}, ...]}
OUT/room-00012/v0.webp    colour
OUT/room-00012/v0.npz     depth float16 (H, W) metres along the optical axis, 0 = none;
                          label uint8 (H, W) NYU-40
OUT/room-00012/mesh.npz   vertices float32 (N, 3) world metres; faces int32 (M, 3); label uint8 (M)
"""

import json
import os

import numpy as np

from .plan import VERSION, folder_name, size_of, split_of, views_of

LOOKS = ("AgX - Base Contrast", "AgX - Medium High Contrast", "AgX - High Contrast", "AgX - Punchy")
SAMPLES = {320: 4, 640: 2}  # by width: the denoiser has more to go by in a larger picture


def room(out, seed, views=0, threads=0, width=0):
    """Renders the room of a seed into OUT/room-SEED; returns its type and how many views it got.

    views, width: 0 for what the seed stands for (see plan.py); other values are for trials.

    Raises scene.NoSpace where furniture does not fit or fewer than half the views are worth rendering.
    """
    from . import camera, meshes, render, scene  # bpy loads here: listing rooms does not need it

    views, size = views or views_of(seed), (width, width * 3 // 4) if width else size_of(seed)
    built = scene.build(seed)
    rng = np.random.default_rng([seed, 73])
    chosen = camera.choose(built, rng, views)
    if len(chosen) * 2 < views:
        raise scene.NoSpace(f"room {seed}: only {len(chosen)} of {views} views are worth rendering")
    folder = os.path.join(out, folder_name(seed))
    os.makedirs(folder, exist_ok=True)
    vertices, faces, label = meshes.collect()
    np.savez_compressed(os.path.join(folder, "mesh.npz"), vertices=vertices, faces=faces, label=label)
    width, height = size
    render.settings(SAMPLES.get(width, 4), threads)
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
        "version": VERSION,
        "type": built.kind,
        "split": split_of(seed),
        "views": listed,
    }
    part = os.path.join(folder, "room.json.part")
    with open(part, "w") as file:
        json.dump(record, file)
    os.replace(part, os.path.join(folder, "room.json"))
    return built.kind, len(listed)
