"""Checkpoints: half-precision safetensors that carry everything needed to use them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from scenepose.model.scenepose import ScenePose, ScenePoseConfig
from scenepose.model.teacher import Teacher
from scenepose.templates import TemplateSet


def save_checkpoint(path: Path, model: ScenePose, card: dict) -> None:
    """Write a model so that `load_checkpoint` needs nothing else. The old file stays until the new is whole.

    Matrices are stored in half precision; vectors (norms, biases) and the templates stay float32, because
    they cost nothing and some would underflow.

    Args:
        card: what a reader should know (data, licence, figures ...); must be JSON.
    """
    metadata = {
        "format": "scenepose",
        "config": json.dumps(asdict(model.config)),
        "templates": model.template_set.to_json(),
        "card": json.dumps(card),
    }
    _write(path, model.state_dict(), metadata)


def _write(path: Path, state: dict[str, Tensor], metadata: dict[str, str]) -> None:
    matrices = {name for name, tensor in state.items() if name != "templates" and tensor.dim() > 1}
    write_tensors(path, state, matrices, metadata)


def write_tensors(path: Path, state: dict[str, Tensor], halves: set[str], metadata: dict[str, str]) -> None:
    """Write a safetensors file, ``halves`` in half precision; the old one stays until it is whole."""
    tensors = {
        name: (tensor.half() if name in halves else tensor).contiguous() for name, tensor in state.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    save_file(tensors, str(part), metadata)
    os.replace(part, path)


def read_floats(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, those of floating point as float32."""
    with safe_open(str(path), "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def save_teacher(path: Path, teacher: Teacher, templates: TemplateSet, card: dict) -> None:
    """Write a teacher so that `load_teacher` needs nothing else."""
    metadata = {
        "format": "scenepose-teacher",
        "config": json.dumps(
            {name: getattr(teacher, name) for name in ("features", "offset_range", "view_size")}
        ),
        "templates": templates.to_json(),
        "card": json.dumps(card),
    }
    _write(path, teacher.state_dict(), metadata)


def load_teacher(path: Path) -> tuple[Teacher, TemplateSet]:
    """Read a teacher and the templates that it learnt: in evaluation mode, float32, on the CPU.

    Raises:
        FileNotFoundError: there is no such file. ValueError: the file is no teacher.
    """
    metadata = _metadata(path, "scenepose-teacher", "teacher")
    with _described(path):
        teacher = Teacher(**json.loads(metadata["config"]))
        teacher.load_state_dict(read_floats(path))
        return teacher.eval(), TemplateSet.from_json(metadata["templates"])


def read_card(path: Path) -> dict:
    """The card that a checkpoint was saved with.

    Raises:
        FileNotFoundError: there is no such file. ValueError: the file is no ScenePose checkpoint.
    """
    return json.loads(_metadata(path)["card"])


def read_teacher_card(path: Path) -> dict:
    """The card that a teacher was saved with.

    Raises:
        FileNotFoundError: there is no such file. ValueError: the file is no teacher.
    """
    return json.loads(_metadata(path, "scenepose-teacher", "teacher")["card"])


def load_checkpoint(path: Path) -> ScenePose:
    """Read a checkpoint: the model in evaluation mode, float32, on the CPU.

    Raises:
        FileNotFoundError: there is no such file. ValueError: the file is no ScenePose checkpoint.
    """
    metadata = _metadata(path)
    with _described(path):
        model = ScenePose(
            ScenePoseConfig(**json.loads(metadata["config"])), TemplateSet.from_json(metadata["templates"])
        )
        model.load_state_dict(read_floats(path))
    return model.to(memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]


@contextmanager
def _described(path: Path) -> Iterator[None]:
    """What does not fit a file's own description is a ValueError that names the file."""
    try:
        yield
    except (RuntimeError, TypeError, KeyError) as error:
        raise ValueError(f"{path} does not fit its own description: {error}") from error


def _metadata(path: Path, kind: str = "scenepose", name: str = "ScenePose checkpoint") -> dict[str, str]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is no {name}: {error}") from error
    if metadata.get("format") != kind:
        raise ValueError(f"{path} is no {name}")
    return metadata
