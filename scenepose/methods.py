"""What is known of the methods: which have weights, their size, and what their data allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scenepose import METHODS
from scenepose.assets import checkpoint_path
from scenepose.errors import CheckpointError


@dataclass(frozen=True)
class Description:
    """One method: its own parameters, checkpoint file, training data and the terms they bring."""

    name: str
    parameters: int
    checkpoint: str
    data: str
    licence: str


def available(folder: Path | None = None) -> list[str]:
    """The methods that have weights, in the order of `scenepose.METHODS`.

    Args:
        folder: where to look for ``NAME.safetensors``, by default among the bundled ones.
    """
    return [name for name in METHODS if weights(name, folder).is_file()]


def missing(folder: Path | None = None) -> list[str]:
    """The methods that have none yet."""
    there = available(folder)
    return [name for name in METHODS if name not in there]


def weights(name: str, folder: Path | None = None) -> Path:
    """Where a method's weights are, or would be."""
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
    from scenepose.baselines.checkpoint import read_head_file
    from scenepose.model.checkpoint import load_checkpoint, read_card

    if name == "scenepose":
        try:
            card = read_card(path)
            parameters = sum(parameter.numel() for parameter in load_checkpoint(path).parameters())
        except ValueError as error:
            raise CheckpointError(f"{path} is no checkpoint of {name}: {error}") from error
    else:
        file = read_head_file(path)
        card, parameters = file.card, file.parameters
    data = " and ".join(card.get("data", [])) or "unnamed data"
    return Description(name, parameters, path.name, data, card.get("licence", "Its card names no licence."))


def describe_all() -> str:
    """Two lines a method that has weights, then one about those that have none."""
    indent = max(map(len, METHODS)) + 2
    lines = []
    for name in available():
        found = describe(name)
        assert found is not None
        beside = "" if name == "scenepose" else " beside scenepose's encoder"
        size = f"{found.parameters / 1e6:.1f} M parameters{beside}"
        lines.append(f"{name:{indent}}{size}, {found.checkpoint}, learnt from {found.data}")
        lines.append(f"{'':{indent}}{found.licence}")
    lacking = missing()
    if lacking:
        lines.append(
            f"No weights are bundled of {', '.join(lacking)}: `python -m train baseline` makes them."
        )
    return "\n".join(lines)
