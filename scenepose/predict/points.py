"""Tables of points: scene, x, y, as spreadsheets of any country and people write them.

What is forgiven: commas, semicolons, tabs or bars between the columns, Excel's ``sep=;`` line, capitals,
spaces and quotes in the names of columns, decimal commas, empty lines, and UTF-8, UTF-16 or Windows' 1252.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from scenepose.errors import RequestError

COLUMNS = ("scene", "x", "y")
DELIMITERS = (",", ";", "\t", "|")
#: What files of spreadsheet programs begin with, and what those are.
_WORKBOOKS = {b"PK\x03\x04": "a workbook or another archive", b"\xd0\xcf\x11\xe0": "an Excel workbook"}
#: Longest table that is read, bytes: beyond it somebody has named the wrong file.
MAX_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Row:
    """One line of the table: a picture's path below the folder, and a point in pixels."""

    scene: str
    x: float
    y: float


def read_points(path: Path) -> list[Row]:
    """Read a table with the columns scene, x, y in any order; others are ignored.

    Raises:
        RequestError: it is missing, not a table, lacks a column, or has something else where a number is
            needed; one sentence names what is there, with the line's number.
    """
    text = _text(path)
    lines = text.splitlines(keepends=True)
    skipped = 0
    if lines and lines[0].strip().lower().startswith("sep=") and len(lines[0].strip()) <= 5:
        skipped, lines = 1, lines[1:]
    # Empty lines before the names of the columns do not matter either.
    while lines and not lines[0].strip(" ;,\t|\r\n"):
        skipped, lines = skipped + 1, lines[1:]
    if not lines:
        raise RequestError(f"{path} is empty: it lacks the columns {', '.join(COLUMNS)}")
    delimiter, places = _columns(path, lines[0])
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        width = len(next(reader))
        return [
            _row(path, reader.line_num + skipped, cells, width, places, delimiter)
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        line = reader.line_num + skipped
        raise RequestError(f"line {line} of {path} cannot be taken apart: {error}") from error


def _text(path: Path) -> str:
    """The file's text, in whichever encoding it is."""
    try:
        if path.is_dir():
            raise RequestError(f"{path} is a folder, not a table of points")
        if not path.is_file():
            raise RequestError(f"there is no table of points at {path}")
        if path.stat().st_size > MAX_BYTES:
            raise RequestError(f"{path} is too large for a table of points")
        data = path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}") from error
    for start, what in _WORKBOOKS.items():
        if data.startswith(start):
            raise RequestError(f"{path} is {what}, not a table as text; save it as CSV")
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError:
        raise RequestError(f"{path} is not text in UTF-8, UTF-16 or Windows-1252") from None
    if "\0" in text:
        raise RequestError(f"{path} is not a table of points but a binary file")
    return text


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without a mark: the names of the columns are ASCII, so every other byte of theirs is zero.
    start = data[:8]
    if len(start) >= 4 and len(start) % 2 == 0:
        if all(start[1::2]) and not any(start[::2]):
            return "utf-16-be"
        if all(start[::2]) and not any(start[1::2]):
            return "utf-16-le"
    try:
        data.decode("utf-8-sig")
        return "utf-8-sig"
    except UnicodeDecodeError:
        return "cp1252"


def _columns(path: Path, header: str) -> tuple[str, dict[str, int]]:
    """What separates the columns, and where the three are."""
    best: list[str] = []
    for delimiter in DELIMITERS:
        try:
            cells = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:
            continue
        names = [_plain(cell) for cell in cells]
        for name in COLUMNS:
            if names.count(name) > 1:
                raise RequestError(f"{path} has the column {name!r} twice")
        if all(name in names for name in COLUMNS):
            return delimiter, {name: names.index(name) for name in COLUMNS}
        if len(cells) > len(best):
            best = [cell.strip() for cell in cells]
    there = ", ".join(repr(cell[:40]) for cell in best[:8])
    missing = [name for name in COLUMNS if name not in [_plain(cell) for cell in best]]
    raise RequestError(
        f"{path} lacks the column {missing[0]!r}: its first line names {there or 'nothing'}, and it needs "
        f"{', '.join(COLUMNS)}"
    )


def _plain(cell: str) -> str:
    """A column's name as it is meant."""
    return cell.strip(" \t\r\n\"'\ufeff\u00a0").casefold()


def _row(path: Path, line: int, cells: list[str], width: int, places: dict[str, int], delimiter: str) -> Row:
    if len(cells) > width and any(cell.strip() for cell in cells[width:]):
        hint = "; a decimal comma needs quotes around the number" if delimiter == "," else ""
        raise RequestError(f"line {line} of {path} has {len(cells)} cells under {width} columns{hint}")
    found = {name: cells[place].strip() if place < len(cells) else "" for name, place in places.items()}
    if not found["scene"]:
        raise RequestError(f"line {line} of {path} names no scene")
    x, y = (_number(path, line, name, found[name]) for name in ("x", "y"))
    return Row(found["scene"], x, y)


def _number(path: Path, line: int, name: str, text: str) -> float:
    """A number with a point or a comma. ``nan`` is one, too: such a row gets a sentence as its answer."""
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        raise RequestError(f"line {line} of {path}: {name} is {text[:40]!r}, not a number") from None
