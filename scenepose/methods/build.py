"""Fresh heads of the methods in the table."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from scenepose.methods.head import Head
from scenepose.methods.table import METHODS
from scenepose.model.encoder import EncoderConfig
from scenepose.pose.templates import TemplateSet


def build(
    name: str, encoder: EncoderConfig, template_set: TemplateSet, sizes: dict[str, Any] | None = None
) -> Head:
    """A fresh head.

    Args:
        name: one of `METHODS`.
        encoder: the sizes of the encoder that it reads.
        template_set: what poses are like, and the templates of a method that has some.
        sizes: fields of its config that are to differ from the default.
    """
    method = METHODS[name]
    module = import_module(f"scenepose.methods.{method.module}")
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in (sizes or {}).items()}
    config = getattr(module, method.config)(**fields)
    head = getattr(module, method.head)(config, encoder, template_set)
    head.sizes = config
    return head
