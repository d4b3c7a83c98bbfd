"""What can go wrong with what a user gives us; an error's text is one sentence that can be shown to them."""

from __future__ import annotations


class ScenePoseError(ValueError):
    """The parent of all: `str(error)` is one clear sentence naming the offending value."""


class PictureError(ScenePoseError):
    """A picture cannot be read or is too small or too large."""


class PointError(ScenePoseError):
    """A point is no pair of numbers or lies outside the picture."""


class CheckpointError(ScenePoseError):
    """Weights are missing or are not what they should be."""


class RequestError(ScenePoseError):
    """An option has a value that makes no sense: an unknown method, no poses asked for, a bad table."""


def sentence(error: object) -> str:
    """An error as people read it: a capital first, a full stop last."""
    text = str(error)
    return text[:1].upper() + text[1:].rstrip(".") + "."
