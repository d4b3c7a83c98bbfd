"""What is known of the methods that ship: size, weights, and what their data allows."""

from __future__ import annotations

from dataclasses import dataclass

from scenepose import METHODS
from scenepose.assets import checkpoint_path
from scenepose.errors import CheckpointError
from scenepose.model.checkpoint import load_checkpoint, read_card


@dataclass(frozen=True)
class Description:
    """One method: parameters in all, its checkpoint's file name, and the licence of its training data."""

    name: str
    parameters: int
    checkpoint: str
    data_licence: str


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
    return Description(name, parameters, path.name, str(card.get("data_licence", "see the model card")))


def describe_all() -> str:
    """A table of all methods, one line each, columns aligned."""
    lines = [("method", "parameters", "checkpoint", "licence of its data")]
    for name in METHODS:
        found = describe(name)
        if found is None:
            lines.append((name, "-", "missing", "-"))
        else:
            lines.append((name, f"{found.parameters / 1e6:.1f} M", found.checkpoint, found.data_licence))
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]])
        for line in lines
    )
