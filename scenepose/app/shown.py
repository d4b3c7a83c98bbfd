"""What one visitor looks at, and the pictures of it that the browser got."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from scenepose.app import files

#: A visitor's pictures that are kept: the page's own, the one behind it until it has arrived, and one that a
#: click in a hurry may still mean.
KEPT = 3


@dataclass(frozen=True)
class Shown:
    """What one visitor looks at.

    Attributes:
        path: the picture's file on this server. name: what people know it by.
        width, height: its size in pixels.
        point: the last click that was answered, in these pixels.
        given: the last files that the browser got, each with what it showed; the newest comes last.
    """

    path: Path
    name: str
    width: int
    height: int
    point: tuple[float, float] | None = None
    given: tuple[tuple[str, Self], ...] = ()

    @property
    def served(self) -> tuple[int, int]:
        """The size, in pixels, of the picture in the browser."""
        return files.served_size(self.width, self.height)

    def give(self, picture: str, before: Self | None) -> Self:
        """This, as the browser gets the file ``picture`` for it; the oldest of the earlier ones goes."""
        given = (*(before.given if before else ()), (picture, replace(self, given=())))
        for old, _ in given[:-KEPT]:
            files.delete(old)
        return replace(self, given=given[-KEPT:])

    def meant(self, picture: str) -> Self | None:
        """What a file showed; None where it is too long ago."""
        return next((shown for file, shown in self.given if Path(file) == Path(picture)), None)


def forget(shown: Shown | None) -> None:
    """Delete the pictures of a visitor who has left."""
    for file, _ in shown.given if shown else ():
        files.delete(file)
