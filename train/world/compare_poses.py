"""`python -m train compare-poses`: placed poses beside real ones from photographs, in numbers and a plot.

Both are 2-D: limb lengths in units of the torso (pelvis to thorax) and angles at joints, as the picture shows
them. The distance of two distributions is the Kolmogorov-Smirnov statistic: 0 equal, 1 apart.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenepose.data.sources import open_source
from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import (
    HEAD_TOP,
    L_ANKLE,
    L_ELBOW,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    L_WRIST,
    PELVIS,
    R_ANKLE,
    R_ELBOW,
    R_HIP,
    R_KNEE,
    R_SHOULDER,
    R_WRIST,
    THORAX,
    UPPER_NECK,
)

#: Lengths, each a pair of joints on the right and its mirror image.
LENGTHS = {
    "thigh": ((R_HIP, R_KNEE), (L_HIP, L_KNEE)),
    "shank": ((R_KNEE, R_ANKLE), (L_KNEE, L_ANKLE)),
    "upper arm": ((R_SHOULDER, R_ELBOW), (L_SHOULDER, L_ELBOW)),
    "forearm": ((R_ELBOW, R_WRIST), (L_ELBOW, L_WRIST)),
    "head": ((UPPER_NECK, HEAD_TOP),),
    "shoulders": ((R_SHOULDER, L_SHOULDER),),
    "hips": ((R_HIP, L_HIP),),
}
ANGLES = {
    "knee": ((R_HIP, R_KNEE, R_ANKLE), (L_HIP, L_KNEE, L_ANKLE)),
    "elbow": ((R_SHOULDER, R_ELBOW, R_WRIST), (L_SHOULDER, L_ELBOW, L_WRIST)),
    "hip": ((THORAX, R_HIP, R_KNEE), (THORAX, L_HIP, L_KNEE)),
    "armpit": ((PELVIS, R_SHOULDER, R_ELBOW), (PELVIS, L_SHOULDER, L_ELBOW)),
    "neck": ((PELVIS, THORAX, HEAD_TOP),),
}


@dataclass
class ComparePosesConfig:
    """Compare a source's primary poses with real 2-D poses."""

    data: str
    """as for `evaluate`"""
    poses: Path
    """.npz with keypoints (N, 16, 2) of real poses, MPII order, pixels"""
    split: str = "train"
    """for sources that name none"""
    kind: str = ""
    """only poses of this kind"""
    out: Path = Path("assets/docs/poses-compared.png")
    """the plot; the numbers go beside it as .json"""


def measure(poses: NDArray) -> dict[str, NDArray]:
    """Lengths in torsos and angles in degrees of poses (N, 16, 2), by name; foreshortened torsos left out."""
    torso = np.linalg.norm(poses[:, THORAX] - poses[:, PELVIS], axis=-1)
    size = np.linalg.norm(np.nanmax(poses, 1) - np.nanmin(poses, 1), axis=-1)
    poses, torso = poses[torso > 0.12 * size], torso[torso > 0.12 * size]
    found = {}
    for name, pairs in LENGTHS.items():
        found[name] = np.concatenate(
            [np.linalg.norm(poses[:, a] - poses[:, b], axis=-1) / torso for a, b in pairs]
        )
    for name, triples in ANGLES.items():
        column = []
        for a, b, c in triples:
            first, second = poses[:, a] - poses[:, b], poses[:, c] - poses[:, b]
            lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
            cosine = (first * second).sum(-1) / np.maximum(lengths, 1e-9)
            column.append(np.degrees(np.arccos(cosine.clip(-1, 1))))
        found[name] = np.concatenate(column)
    return {name: value[np.isfinite(value)] for name, value in found.items()}


def distance(ours: NDArray, real: NDArray) -> float:
    """Kolmogorov-Smirnov statistic of two samples."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(ours, real).statistic)  # pyright: ignore[reportAttributeAccessIssue]


def main(config: ComparePosesConfig) -> None:
    """Print the table, save plot and numbers."""
    if not config.poses.is_file():
        raise FileNotFoundError(f"there are no real poses at {config.poses}")
    with np.load(config.poses) as file:
        if "keypoints" not in file:
            raise ValueError(f"{config.poses} needs the array keypoints, and has {', '.join(file)}")
        real = file["keypoints"].astype(float)
    samples = open_source(config.data, config.split).samples
    rows = samples.primary_rows[samples.primary_rows >= 0]
    if config.kind:
        rows = rows[samples.kinds[rows] == KINDS.index(config.kind)]
    first, second = measure(samples.keypoints[rows].astype(float)), measure(real)
    table = {}
    print("            placed: 10 %  median    90 %  real: 10 %  median    90 %    KS")
    for name, values in first.items():
        a, b = np.quantile(values, [0.1, 0.5, 0.9]), np.quantile(second[name], [0.1, 0.5, 0.9])
        apart = distance(values, second[name])
        table[name] = {"ours": a.round(3).tolist(), "real": b.round(3).tolist(), "ks": round(apart, 3)}
        numbers = "".join(f"{value:9.2f}" for value in [*a, *b])
        print(f"{name:12s}   {numbers} {apart:5.2f}")
    config.out.parent.mkdir(parents=True, exist_ok=True)
    config.out.with_suffix(".json").write_text(
        json.dumps({"data": config.data, "poses": len(rows), "real": len(real), "measures": table}, indent=1)
        + "\n"
    )
    draw(first, second, config.out)
    print(f"{config.out}: {len(rows)} poses of {config.data}, {len(real)} real ones")


def draw(ours: dict[str, NDArray], real: dict[str, NDArray], path: Path) -> None:
    """Histograms of both, one panel a measure."""
    from matplotlib.figure import Figure

    figure = Figure((12, 7), layout="constrained")
    axes = figure.subplots(3, 4).ravel()
    for axis, name in zip(axes, ours, strict=True):
        high = 180 if name in ANGLES else float(np.quantile(real[name], 0.99))
        bins = np.linspace(0, high, 37).tolist()
        axis.hist(real[name], bins, density=True, color="#888888", alpha=0.6, label="real")
        axis.hist(
            ours[name], bins, density=True, histtype="step", color="#c04020", linewidth=1.6, label="placed"
        )
        axis.set_title(f"{name} ({'degrees' if name in ANGLES else 'torsos'})", fontsize=10)
        axis.set_yticks([])
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=80)
