"""Checks of what a browser posts: any client can post anything, and wrong values get a sentence each."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

from scenepose.errors import RequestError, ScenePoseError, sentence
from scenepose.pose.kinds import KINDS


def number(value: Any, name: str) -> float:
    """A finite number, also one written as text.

    Raises:
        RequestError: it is something else.
    """
    try:
        if isinstance(value, bool) or value is None:
            raise TypeError
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        raise RequestError(f"{name} is a number, not {shortly(value)}") from None
    if not math.isfinite(found):
        raise RequestError(f"{name} is a finite number, not {found}")
    return found


def whole(value: Any, name: str, default: int) -> int:
    """A whole number of at least 1; ``default`` for None.

    Raises:
        RequestError: it is something else.
    """
    if value is None:
        return default
    try:
        found = number(value, name)
        if found != int(found):
            raise RequestError("")
    except RequestError:
        raise RequestError(f"{name} is a whole number, not {shortly(value)}") from None
    if found < 1:
        raise RequestError(f"{name} is at least 1, not {shortly(value)}")
    return int(min(found, 10**6))


def radius(value: Any) -> float:
    """How near is near: 0 to 1 picture heights; 0 for None.

    Raises:
        RequestError: it is something else.
    """
    found = 0.0 if value is None else number(value, "near")
    if not 0 <= found <= 1:
        raise RequestError(f"near is a radius from 0 to 1 picture heights, not {shortly(value)}")
    return found


def kinds(value: Any) -> list[str] | None:
    """Names of kinds, each once; None (anybody) for None, an empty list and an empty text.

    Raises:
        RequestError: one of them is not a kind.
    """
    if value is None or value in ("", []):
        return None
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, list):
        raise RequestError(f"kinds is a list of names, not {shortly(value)}")
    for name in names:
        if not isinstance(name, str) or name not in KINDS:
            raise RequestError(f"there is no kind {shortly(name)}; there are {', '.join(KINDS)}")
    return sorted(set(names))


def text(asked: Mapping[str, Any], name: str) -> str:
    """A text of a request.

    Raises:
        RequestError: it is something else.
    """
    if not isinstance(value := asked.get(name), str):
        raise RequestError(f"{name} is a text, not {shortly(value)}")
    return value


def mapping(asked: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object of a request.

    Raises:
        RequestError: it is something else.
    """
    if not isinstance(value := asked.get(name), dict):
        raise RequestError(f"{name} is an object, not {shortly(value)}")
    return value


def shortly(value: Any) -> str:
    """A wrong value as a sentence quotes it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def answered(work: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """A function for the page's script: what is wrong with its request comes back as {"error": sentence}."""

    def answer(posted: Any) -> dict[str, Any]:
        try:
            if not isinstance(posted, dict):
                raise RequestError(f"a request is an object, not {shortly(posted)}")
            return work(posted)
        except ScenePoseError as error:
            return {"error": sentence(error)}
        except Exception:
            logging.getLogger(__name__).exception("a request of the page failed")
            return {"error": "The server could not do that."}

    answer.__name__ = work.__name__.lstrip("_")
    return answer
