"""Random names, and the token that opens a study's results."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass


@dataclass(frozen=True)
class Created:
    """A study's id, and the token that opens its results: only a hash of it is kept."""

    study: str
    token: str


def new_study() -> Created:
    """A fresh id and token."""
    return Created(secrets.token_hex(5), new_token())


def new_token() -> str:
    """A fresh results token."""
    return secrets.token_urlsafe(18)


def hash_token(token: str) -> str:
    """What is kept of a results token; a random one needs no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def matches(token: str, kept: str) -> bool:
    """Whether a token is the one whose hash was kept; takes the same time either way."""
    return hmac.compare_digest(hash_token(token), kept)
