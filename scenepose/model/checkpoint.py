"""Checkpoints: half-precision safetensors that carry everything needed to use them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from scenepose.model.scenepose import ScenePose, ScenePoseConfig
from scenepose.templates import TemplateSet


def save_checkpoint(path: Path, model: ScenePose, card: dict) -> None:
    """Write a model so that `load_checkpoint` needs nothing else. The old file stays until the new is whole.

    Matrices are stored in half precision; vectors (norms, biases) and the templates stay float32, because
    they cost nothing and some would underflow.

    Args:
        card: what a reader should know (data, licence, figures ...); must be JSON.
    """
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() and tensor.dim() > 1 else tensor).contiguous()
        for name, tensor in model.state_dict().items()
        if name != "templates"
    }
    tensors["templates"] = model.templates.float().contiguous()
    metadata = {
        "format": "scenepose",
        "config": json.dumps(asdict(model.config)),
        "templates": model.template_set.to_json(),
        "card": json.dumps(card),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    save_file(tensors, str(part), metadata)
    os.replace(part, path)


def read_card(path: Path) -> dict:
    """The card that a checkpoint was saved with."""
    return json.loads(_metadata(path)["card"])


def load_checkpoint(path: Path) -> ScenePose:
    """Read a checkpoint: the model in evaluation mode, float32, on the CPU.

    Raises:
        FileNotFoundError: there is no such file. ValueError: the file is no ScenePose checkpoint.
    """
    metadata = _metadata(path)
    model = ScenePose(
        ScenePoseConfig(**json.loads(metadata["config"])), TemplateSet.from_json(metadata["templates"])
    )
    with safe_open(str(path), "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    try:
        model.load_state_dict(
            {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
        )
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit its own description: {error}") from error
    return model.to(memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]


def _metadata(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is no ScenePose checkpoint: {error}") from error
    if metadata.get("format") != "scenepose":
        raise ValueError(f"{path} is no ScenePose checkpoint")
    return metadata
