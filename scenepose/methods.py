"""What is known of the methods that ship: size, weights, and what their data allows."""

from __future__ import annotations

from dataclasses import dataclass

from scenepose import METHODS
from scenepose.assets import checkpoint_path
from scenepose.errors import CheckpointError
from scenepose.model.checkpoint import load_checkpoint, read_card


@dataclass(frozen=True)
class Description:
    """One method: its parameters in all, checkpoint file, training data and the terms they bring."""

    name: str
    parameters: int
    checkpoint: str
    data: str
    licence: str


def describe(name: str) -> Description | None:
    """Read a method's bundled checkpoint; None where there is none.

    Raises:
        CheckpointError: the file is damaged.
    """
    path = checkpoint_path(name)
    if not path.is_file():
        return None
    try:
        card = read_card(path)
        parameters = sum(parameter.numel() for parameter in load_checkpoint(path).parameters())
    except ValueError as error:
        raise CheckpointError(f"{path} is no checkpoint of {name}: {error}") from error
    data = " and ".join(card.get("data", [])) or "unnamed data"
    return Description(name, parameters, path.name, data, card.get("licence", "Its card names no licence."))


def describe_all() -> str:
    """Two lines a method, or one where its weights are missing."""
    indent = max(map(len, METHODS)) + 2
    lines = []
    for name in METHODS:
        found = describe(name)
        if found is None:
            lines.append(f"{name:{indent}}no weights are bundled")
            continue
        size = f"{found.parameters / 1e6:.1f} M parameters"
        lines.append(f"{name:{indent}}{size}, {found.checkpoint}, learnt from {found.data}")
        lines.append(f"{'':{indent}}{found.licence}")
    return "\n".join(lines)
