"""The methods: their table, which of them have weights, and what those allow.

`table` has one row a method; `head` is what they all are; each has a file of its own, the paper's `scenepose`
first. `checkpoint` keeps their weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scenepose.assets import checkpoint_path
from scenepose.methods.table import METHODS, Method

__all__ = ["METHODS", "Description", "Method", "available", "describe", "describe_all", "missing", "weights"]


@dataclass(frozen=True)
class Description:
    """One method: its own parameters, checkpoint file, training data and the terms they bring."""

    name: str
    parameters: int
    checkpoint: str
    data: str
    licence: str


def available(folder: Path | None = None) -> list[str]:
    """The methods that have weights, in the table's order, variants aside.

    Args:
        folder: where to look for ``NAME.safetensors``, by default among the bundled ones.
    """
    return [name for name in _listed() if weights(name, folder).is_file()]


def missing(folder: Path | None = None) -> list[str]:
    """The methods that have none yet."""
    return [name for name in _listed() if not weights(name, folder).is_file()]


def weights(name: str, folder: Path | None = None) -> Path:
    """Where a method's weights are, or would be; those of the encoder are called "encoder"."""
    return checkpoint_path(name) if folder is None else folder / f"{name}.safetensors"


def describe(name: str) -> Description | None:
    """Read a method's bundled checkpoint; None where there is none.

    Raises:
        CheckpointError: the file is damaged.
    """
    path = checkpoint_path(name)
    if not path.is_file():
        return None
    # PyTorch is imported here, so that the demo can ask which methods there are and still start quickly.
    from scenepose.methods.checkpoint import read_head_file

    file = read_head_file(path)
    data = " and ".join(file.card.get("data", [])) or "unnamed data"
    licence = file.card.get("licence", "Its card names no licence.")
    return Description(name, file.parameters, path.name, data, licence)


def describe_all() -> str:
    """A line about the encoder, two about each method that has weights, one about those that have none."""
    indent = max(map(len, _listed())) + 2
    lines = []
    if checkpoint_path("encoder").is_file():
        from scenepose.model.checkpoint import load_encoder

        size = sum(parameter.numel() for parameter in load_encoder(checkpoint_path("encoder")).parameters())
        lines.append(f"{'encoder':{indent}}{size / 1e6:.1f} M parameters, shared by all methods")
    for name in available():
        found = describe(name)
        assert found is not None
        size = f"{found.parameters / 1e6:.1f} M parameters"
        lines.append(f"{name:{indent}}{size}, {found.checkpoint}, trained on {found.data}")
        lines.append(f"{'':{indent}}{found.licence}")
    lacking = missing()
    if lacking:
        lines.append(
            f"No weights are bundled of {', '.join(lacking)}: `python -m train baseline` makes them."
        )
    return "\n".join(lines)


def _listed() -> list[str]:
    return [name for name, method in METHODS.items() if not method.variant]
