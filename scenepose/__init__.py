"""ScenePose: click a point in a picture of a place and see the people who fit there.

    import scenepose
    generator = scenepose.load("scenepose")     # or any other name in scenepose.METHODS
    scene = generator.encode("room.jpg")        # a path, a Pillow image or an (H, W, 3) uint8 array
    poses = scene.generate((480, 410), top_k=5) # best first
    poses[0].keypoints                          # (16, 2) float32, pixels

Importing this module is cheap: PyTorch is imported by the first `load`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenepose.errors import CheckpointError, PictureError, PointError, RequestError, ScenePoseError

if TYPE_CHECKING:
    from scenepose.predictor import Generator, Pose, Scene

__all__ = [
    "METHODS",
    "VARIANTS",
    "CheckpointError",
    "Generator",
    "PictureError",
    "PointError",
    "Pose",
    "RequestError",
    "Scene",
    "ScenePoseError",
    "load",
]

__version__ = "0.1.0"

#: Every method by the name that Python, the shell and the demo know it by, with one line about it.
METHODS = {
    "scenepose": "Scene-aware human pose generation with transformers (Yao et al., ACM MM 2023)",
    "heatmap": "a heatmap for each joint, read at its peak",
    "regression": "the joints' coordinates, straight from the features",
    "vae": "a class of pose and a conditional VAE around it (Wang et al., CVPR 2017)",
    "unipose": "a waterfall of atrous convolutions and heatmaps (Artacho and Savakis, CVPR 2020)",
    "prtr": "joints as a set, predicted by queries and matched (Li et al., CVPR 2021)",
    "placenet": "a GAN whose samples spread as their noise does (Zhang et al., ECCV 2020)",
    "graconet": "the place as a graph to be completed, GAN and VAE (Zhou et al., ECCV 2022)",
}

#: Systems that `load` knows too, but that only evaluation asks for.
VARIANTS = {"vae30": "vae with 30 classes, as it was published"}


def load(
    name: str = "scenepose",
    checkpoint: str | Path | None = None,
    device: str | None = None,
    encoder: str | Path | None = None,
) -> Generator:
    """Load a trained method.

    Args:
        name: one of `METHODS`.
        checkpoint: a ``.safetensors`` file; by default the bundled one.
        device: "cpu", "cuda", "cuda:1" ...; by default a GPU where there is one.
        encoder: the main method's weights, whose encoder the other methods read; by default the bundled ones.

    Raises:
        RequestError: there is no such method. CheckpointError: the weights are missing or unreadable, or
            belong to another encoder.
    """
    if name not in METHODS and name not in VARIANTS:
        raise RequestError(f"there is no method {name!r}; there is {', '.join(METHODS)}")
    from scenepose.predictor import Generator

    return Generator.from_checkpoint(name, checkpoint, device, encoder)


def __getattr__(name: str) -> Any:
    """`scenepose.Pose` and its like, imported when first asked for."""
    if name in ("Generator", "Pose", "Scene"):
        from scenepose import predictor

        return getattr(predictor, name)
    raise AttributeError(f"module 'scenepose' has no attribute {name!r}")
