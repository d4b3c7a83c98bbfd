"""The room's geometry as one triangle mesh with a class per face, thinned by merging close vertices."""

import bpy
import numpy as np


def thinned(points, faces, cell):
    """Merges vertices that share a cubic cell (its mean stays) and drops collapsed and repeated faces."""
    keys = np.floor(points / cell).astype(np.int64)
    _, which = np.unique(keys, axis=0, return_inverse=True)
    which = which.ravel()
    count = np.bincount(which)
    merged = np.stack([np.bincount(which, points[:, k]) / count for k in range(3)], 1)
    faces = which[faces]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    faces = faces[whole]
    _, first = np.unique(np.sort(faces, 1), axis=0, return_index=True)
    return merged, faces[np.sort(first)]


def in_order(faces):
    """The same triangles, each from its lowest vertex on, in ascending order.

    Some of infinigen's operators number faces differently from run to run.
    """
    first = faces.argmin(1)
    turned = np.stack([faces[np.arange(len(faces)), (first + k) % 3] for k in range(3)], 1)
    return turned[np.lexsort(turned.T[::-1])]


def collect(cell=0.012):
    """vertices float32 (N, 3) world metres, faces int32 (M, 3), label uint8 (M) of the whole scene."""
    graph = bpy.context.evaluated_depsgraph_get()
    vertices, triangles, labels, at, known = [], [], [], 0, {}
    for obj in bpy.context.scene.objects:
        if obj.type != "MESH" or not obj.data.polygons:
            continue
        if obj.data.name not in known:
            mesh = obj.evaluated_get(graph).to_mesh()
            mesh.calc_loop_triangles()
            points = np.empty(len(mesh.vertices) * 3, np.float32)
            mesh.vertices.foreach_get("co", points)
            faces = np.empty(len(mesh.loop_triangles) * 3, np.int32)
            mesh.loop_triangles.foreach_get("vertices", faces)
            points, faces = points.reshape(-1, 3).astype(float), faces.reshape(-1, 3)
            if len(faces) > 3000:
                points, faces = thinned(points, faces, cell)
            known[obj.data.name] = points, in_order(faces)
        points, faces = known[obj.data.name]
        matrix = np.array(obj.matrix_world)
        vertices.append(points @ matrix[:3, :3].T + matrix[:3, 3])
        triangles.append(faces + at)
        labels.append(np.full(len(faces), obj.pass_index, np.uint8))
        at += len(points)
    return (
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(labels),
    )
