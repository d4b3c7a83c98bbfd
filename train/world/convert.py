"""`python -m train convert`: from the Sitcom layout to our samples file and back.

``--data sitcom:DIR --out FILE.npz`` writes samples. ``--data rooms:val --out DIR`` (or nyu:DIR:val) writes a
folder in the Sitcom layout: the list of the split, the pictures under data/, and centers_30.txt, whose
classes are k-means clusters of the poses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from scenepose.data.samples import Samples
from scenepose.data.sitcom import CLASSES, from_samples, write_list
from scenepose.data.sources import Source, open_source, parse_source


@dataclass
class ConvertConfig:
    """Convert samples from or to the Sitcom layout."""

    data: str
    """sitcom:DIR to make a samples file; any other source to make a Sitcom folder"""
    out: Path
    """the samples file (.npz), or the Sitcom folder"""
    split: str = "train"
    """for sources that name none; test goes to testlist.txt, others to trainlist.txt"""


def main(config: ConvertConfig) -> None:
    """Convert and say what was written."""
    kind, _, split = parse_source(config.data, config.split)
    source = open_source(config.data, config.split)
    if kind == "sitcom":
        if config.out.suffix != ".npz":
            raise ValueError(f"{config.out} is not an .npz file; samples from Sitcom are written to one")
        source.samples.save(config.out)
        print(f"{config.out}: {len(source.samples)} points in {len(source.samples.frame_names)} pictures")
        return
    count = write_sitcom(source, config.out, "testlist.txt" if split == "test" else "trainlist.txt")
    print(f"{config.out}: {count} poses of {config.data}")


def write_sitcom(source: Source, folder: Path, name: str) -> int:
    """Write a source in the Sitcom layout; the number of poses."""
    samples = source.samples
    classes, centres = cluster(samples)
    listed = from_samples(samples, classes)
    images = np.array([f"{image}.jpg" for image in listed.images], np.str_)
    write_list(folder / name, type(listed)(images, listed.keypoints, listed.points, listed.classes))
    with (folder / "centers_30.txt").open("w") as file:
        for centre in centres:
            file.write(" ".join(f"{value:.5f}" for value in [*centre.ravel(), 0.0, 0.0]) + "\n")
    wanted = set(listed.images.tolist())
    for row, frame in enumerate(tqdm(samples.frame_names, desc="pictures")):
        if str(frame) in wanted:
            path = folder / "data" / f"{frame}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            source.picture(row).save(path, quality=95, subsampling=0)
    return len(listed)


def cluster(samples: Samples) -> tuple[NDArray, NDArray]:
    """Classes (P,) from 1 of points and the centres (30, 16, 2): k-means of poses scaled to their boxes."""
    from sklearn.cluster import KMeans

    rows = samples.primary_rows
    fits = rows >= 0
    poses = samples.keypoints[rows[fits]].astype(float)
    low, high = np.nanmin(poses, 1, keepdims=True), np.nanmax(poses, 1, keepdims=True)
    unit = np.nan_to_num((poses - (low + high) / 2) / np.maximum(high - low, 1e-6))
    if len(unit) < CLASSES:
        raise ValueError(f"{len(unit)} poses are too few for the {CLASSES} classes of the Sitcom layout")
    found = KMeans(CLASSES, n_init="auto", random_state=0).fit(unit.reshape(len(unit), 32))
    assert found.labels_ is not None
    classes = np.ones(len(samples), np.int64)
    classes[fits] = found.labels_ + 1
    return classes, found.cluster_centers_.reshape(CLASSES, 16, 2)
