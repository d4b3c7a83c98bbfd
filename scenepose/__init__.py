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
from scenepose.methods.table import METHODS as _TABLE

if TYPE_CHECKING:
    from scenepose.predict.generator import Generator, Pose, Scene

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
METHODS = {name: method.line for name, method in _TABLE.items() if not method.variant}
#: Methods that `load` knows too, but that only evaluation asks for.
VARIANTS = {name: method.line for name, method in _TABLE.items() if method.variant}


def load(
    name: str = "scenepose",
    checkpoint: str | Path | None = None,
    device: str | None = None,
    encoder: str | Path | None = None,
) -> Generator:
    """Load a trained method.

    Args:
        name: one of `METHODS`.
        checkpoint: its ``.safetensors`` file, or a folder that holds it; by default the bundled one.
        device: "cpu", "cuda", "cuda:1" ...; by default a GPU where there is one.
        encoder: the encoder's file; by default the one beside the checkpoint, or else the bundled one.

    Raises:
        RequestError: there is no such method. CheckpointError: the weights are missing or unreadable, or
            belong to another encoder.
    """
    if name not in METHODS and name not in VARIANTS:
        raise RequestError(f"there is no method {name!r}; there is {', '.join(METHODS)}")
    from scenepose.predict.generator import Generator

    return Generator.from_checkpoint(name, checkpoint, device, encoder)


def __getattr__(name: str) -> Any:
    """`scenepose.Pose` and its like, imported when first asked for."""
    if name in ("Generator", "Pose", "Scene"):
        from scenepose.predict import generator

        return getattr(generator, name)
    raise AttributeError(f"module 'scenepose' has no attribute {name!r}")
