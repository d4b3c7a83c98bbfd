"""Pieces of HTML that several tabs show."""

from __future__ import annotations

from html import escape


def hint(text: str) -> str:
    """A friendly box that says what to do next."""
    return f'<div class="sp-hint">{escape(text)}</div>'
