"""Small studies for the tests: two drawn rooms, made-up poses, real pictures."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from unittest import mock

import numpy as np

from scenepose.picture import images
from scenepose.picture.images import Picture
from scenepose.study import pictures
from scenepose.study.create import create
from scenepose.study.database import Database
from scenepose.study.design import TRUTH, Settings
from scenepose.study.items import Place
from scenepose.study.rows import Row, read_rows
from scenepose.study.sessions import Sessions
from scenepose.study.tokens import Created
from tests.conftest import person, room

SOURCES = ("first", "second", "third")


#: The pictures are drawn as always, but each only once a test session.
_draw = pictures.figure


@functools.cache
def _drawn(size: tuple[int, int], keypoints: bytes) -> bytes:
    return _draw(images.read(room(*size)), np.frombuffer(keypoints, np.float32).reshape(16, 2))


def _figure(picture: Picture, keypoints: np.ndarray) -> bytes:
    return _drawn(picture.image.size, keypoints.astype(np.float32).tobytes())


def small_study(
    database: Database,
    settings: Settings | None = None,
    sources: Sequence[str] = SOURCES,
    places: int = 8,
    truth: bool = True,
) -> Created:
    """A study whose sources differ by a shift; the truth, unless told otherwise, serves checks only."""
    picture = images.read(room(320, 240))
    body = person() * 120 + np.array([160, 60], np.float32)
    everywhere = [Place(f"room-{k}", lambda: picture, (160.0, 120.0)) for k in range(places)]
    names = [*sources, TRUTH] if truth and TRUTH not in sources else list(sources)
    poses = [{name: body + np.float32(4 * k + n) for n, name in enumerate(names)} for k in range(places)]
    settings = settings or Settings(pairs=10, practice=1)
    with mock.patch.object(pictures, "figure", _figure):
        return create(database, everywhere, poses, list(sources), settings, title="A test")


def finish(sessions: Sessions, study: str, key: str, answer: str = "a") -> dict:
    """Answer everything alike; what the server says in the end."""
    trial = sessions.next(study, key)
    while "trial" in trial:
        trial = sessions.vote(trial["trial"], key, answer)["next"]
    return trial


def rows_of(database: Database, study: str, key: str | None = None) -> list[Row]:
    """The trials of a study, or of one participant."""
    with database.read() as session:
        return read_rows(session, study, key)
