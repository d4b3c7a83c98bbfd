"""Formats as bytes, and files that never silently replace what somebody else's answer is in."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scenepose.errors import RequestError
from scenepose.export import coco, openpose
from scenepose.export.answer import Answer, read_record
from scenepose.files import replacing
from scenepose.picture.images import Picture

#: Formats and what their files end in.
SUFFIXES = {
    "json": ".json",
    "png": ".png",
    "svg": ".svg",
    "pose": ".pose.png",
    "openpose": ".openpose.json",
    "coco": ".coco.json",
}
FORMATS = tuple(SUFFIXES)
#: Formats that hold one alternative a file; the others hold all of them.
ONE_EACH = ("pose", "openpose", "coco")


def check_formats(names: Sequence[str]) -> None:
    """Raises RequestError: one of the names is none of `FORMATS`."""
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise RequestError(f"there is no format {unknown[0]!r}; there are {', '.join(FORMATS)}")


def content(answer: Answer, format: str, picture: Picture | None = None, *, side: int | None = None) -> bytes:
    """A file of the answer in one of `FORMATS`.

    Args:
        picture: the photo, which png and svg need.
        side: the shorter side of the pose picture, pixels; by default the photo's size.

    Raises:
        RequestError: the format is unknown, or needs the photo.
    """
    check_formats([format])
    if format in ("png", "svg") and picture is None:
        raise RequestError(f"{format} needs the picture")
    if format == "png":
        from scenepose.picture.draw import overlay

        assert picture is not None
        point = None if answer.together else answer.point
        return _png(overlay(picture, answer.people, point, together=answer.together))
    if format == "svg":
        from scenepose.export import svg

        assert picture is not None
        return svg.document(answer, picture).encode()
    if format == "pose":
        from scenepose.export import pose_picture

        return _png(pose_picture.draw(answer, side))
    if format == "openpose":
        return json_bytes(openpose.document(answer))
    if format == "coco":
        return json_bytes(coco.document([answer]))
    return json_bytes(answer.record())


def json_bytes(whole: dict[str, Any]) -> bytes:
    """A JSON file on one line."""
    return (json.dumps(whole, allow_nan=False) + "\n").encode()


def _png(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def contents(
    answer: Answer,
    formats: Sequence[str],
    picture: Picture | None,
    *,
    side: int | None = None,
    alternatives: bool = False,
) -> dict[str, bytes]:
    """The files of an answer by what their names end in, such as ``.json`` or ``.2.openpose.json``.

    Args:
        alternatives: whether formats of one alternative a file get further files for the others.
    """
    files = {SUFFIXES[name]: content(answer, name, picture, side=side) for name in formats}
    if alternatives and not answer.together:
        for rank in range(1, len(answer.people)):
            one = answer.alternative(rank)
            for name in formats:
                if name in ONE_EACH:
                    files[f".{rank + 1}{SUFFIXES[name]}"] = content(one, name, picture, side=side)
    return files


def save(
    folder: Path,
    stem: str,
    answer: Answer,
    formats: Sequence[str],
    picture: Picture | None = None,
    *,
    source: Path | None = None,
    side: int | None = None,
    alternatives: bool = False,
    overwrite: bool = False,
    rename: bool = True,
) -> list[Path]:
    """Write one answer in some of `FORMATS`; returns the files.

    A file that is there already and differs is not replaced: the answer then goes to files whose names say
    what is different, ``STEM-at-X-Y`` for another point and ``STEM-png`` for another picture.

    Args:
        source: the picture's own file, which is never written to.
        side, alternatives: see `contents`.
        overwrite: replace what is there. rename: whether other names may be taken.

    Raises:
        RequestError: a format is unknown, the folder cannot be written, ``source`` would be overwritten, or
            all names are taken.
    """
    check_formats(formats)
    for path in (folder / f"{stem}{SUFFIXES[name]}" for name in formats):
        if source is not None and path.exists() and path.samefile(source):
            raise RequestError(f"{path} is the picture itself and would be overwritten; give another --out")
    files = contents(answer, formats, picture, side=side, alternatives=alternatives)
    names = [stem, *(_other_names(folder, stem, answer) if rename else [])]
    own = json_bytes(answer.record())
    for name in names:
        if overwrite or _free(folder, name, {".json": own} | files):
            write(folder, {f"{name}{suffix}": data for suffix, data in files.items()})
            return [folder / f"{name}{suffix}" for suffix in files]
    taken = next(
        path
        for suffix, data in ({".json": own} | files).items()
        if not _same(path := folder / f"{names[-1]}{suffix}", data)
    )
    raise RequestError(f"{taken} holds another answer; give another --out, or --overwrite")


def _other_names(folder: Path, stem: str, answer: Answer) -> list[str]:
    """What to call files whose first name is taken, by what is different."""
    at = "" if answer.point is None else f"-at-{answer.point[0]:g}-{answer.point[1]:g}"
    with suppress(RequestError):
        there = read_record(folder / f"{stem}{SUFFIXES['json']}")
        if there.scene != answer.scene:
            stem = f"{stem}-{Path(answer.scene).suffix.lstrip('.') or 'other'}"
            return [stem, stem + at] if at else [stem]
    return [stem + at] if at else []


def _free(folder: Path, name: str, files: Mapping[str, bytes]) -> bool:
    return all(_same(folder / f"{name}{suffix}", data) for suffix, data in files.items())


def _same(path: Path, data: bytes) -> bool:
    """Whether a file is not there yet, or holds just this."""
    try:
        return not path.exists() or path.read_bytes() == data
    except OSError:
        return False


def write(folder: Path, files: Mapping[str, bytes], *, overwrite: bool = True) -> None:
    """Write files whole by their names: an old one stays until the new one is complete.

    Raises:
        RequestError: the folder cannot be written, or without ``overwrite`` a file is there and differs.
    """
    for name, data in files.items():
        if not overwrite and not _same(folder / name, data):
            raise RequestError(f"{folder / name} holds something else; give another --out, or --overwrite")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            with replacing(folder / name) as part:
                part.write_bytes(data)
    except OSError as error:
        raise RequestError(f"the results cannot be written to {folder}: {error.strerror or error}") from error


def check_folder(folder: Path) -> None:
    """Find out early whether files can be written.

    Raises:
        RequestError: they cannot.
    """
    import tempfile

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RequestError(f"the results cannot be written to {folder}: {error.strerror or error}") from error
