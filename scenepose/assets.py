"""Where the bundled files are: weights, templates and the demo's scenes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from scenepose.errors import PictureError

_PACKAGE = Path(__file__).resolve().parent


def assets() -> Path:
    """The folder of bundled files: inside an installed package, beside the package in a checkout."""
    inside = _PACKAGE / "bundled"
    return inside if inside.is_dir() else _PACKAGE.parent / "assets"


def checkpoint_path(method: str) -> Path:
    """Where the bundled weights of a method are."""
    return assets() / "checkpoints" / f"{method}.safetensors"


@dataclass(frozen=True)
class BundledScene:
    """A picture that comes with the project.

    Attributes:
        name: its key in links and on the command line, the file's stem ("bedroom-2").
        title: what people read.
        path: the picture file.
        point: (x, y), pixels: a place where somebody fits, to start from.
    """

    name: str
    title: str
    path: Path
    point: tuple[float, float]


def bundled_scenes(folder: Path | None = None) -> list[BundledScene]:
    """The scenes listed in ``scenes.json``, in its order; those whose file is missing are left out.

    Raises:
        PictureError: there is no such list.
    """
    folder = folder or assets() / "scenes"
    listing = folder / "scenes.json"
    if not listing.is_file():
        raise PictureError(f"the bundled scenes are missing: there is no {listing.name} in {folder}")
    entries = json.loads(listing.read_text(encoding="utf-8"))
    return [
        BundledScene(Path(entry["file"]).stem, entry["title"], folder / entry["file"], tuple(entry["point"]))
        for entry in entries
        if (folder / entry["file"]).is_file()
    ]
