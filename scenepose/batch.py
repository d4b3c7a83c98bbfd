"""Many points of many scenes from a table, to one line of JSON each; a stopped run goes on where it was."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scenepose import export
from scenepose.errors import RequestError, ScenePoseError
from scenepose.predictor import Generator, Scene

COLUMNS = ("scene", "x", "y")


@dataclass(frozen=True)
class Row:
    """One line of the table: a picture's path below the folder, and a point in pixels."""

    scene: str
    x: float
    y: float


def read_points(path: Path) -> list[Row]:
    """Read a CSV file with the columns scene, x, y (others are ignored).

    Raises:
        RequestError: it is missing, lacks a column, or a number is none; the sentence names the line.
    """
    if not path.is_file():
        raise RequestError(f"there is no table of points at {path}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise RequestError(f"{path} lacks the column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
            rows = []
            for line in reader:
                try:
                    rows.append(Row(line["scene"].strip(), float(line["x"]), float(line["y"])))
                except (TypeError, ValueError, AttributeError):
                    raise RequestError(f"line {reader.line_num} of {path} is no scene, x, y") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path} is no CSV file: {error}") from error
    return rows


def run(
    generator: Generator,
    folder: Path,
    rows: Sequence[Row],
    out: Path,
    *,
    top_k: int,
    formats: Sequence[str] = (),
) -> tuple[Path, int]:
    """Answer every row in order, appending to ``out/results.jsonl``.

    A row that cannot be answered (no such picture, a point outside it) gets a line whose ``poses`` are
    empty and whose ``error`` is a sentence; the run goes on, and the next run tries such rows again.

    Args:
        formats: further files to write for each row, named by scene and row number; see `export.FORMATS`.

    Returns:
        The results file, and how many of its lines are errors.

    Raises:
        RequestError: the folder holds results of other points or another method.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / "results.jsonl"
    done = _finished(path, rows, generator.name, generator.count(top_k))
    scenes = _Scenes(generator, folder)

    def answered(number: int) -> dict[str, Any]:
        row = rows[number]
        try:
            scene = scenes.get(row.scene)
            poses = scene.generate((row.x, row.y), top_k=top_k)
            line = export.record(row.scene, scene, (row.x, row.y), poses, generator.name)
            stem = f"{Path(row.scene).stem}-{number:05d}"
            export.save(out, stem, scene, line, poses, formats, folder / row.scene)
        except RequestError:
            raise
        except ScenePoseError as error:
            line = _failure(row, generator.name, str(error))
        return line

    again = [number for number, line in enumerate(done) if "error" in line]
    if again:
        for number in again:
            done[number] = answered(number)
        whole = path.with_name(path.name + ".part")
        whole.write_text("".join(_text(line) for line in done), encoding="utf-8")
        whole.replace(path)
    failed = sum("error" in line for line in done)
    with path.open("a", encoding="utf-8") as file:
        remaining = range(len(done), len(rows))
        for number in tqdm(remaining, initial=len(done), total=len(rows), unit="point", desc="predict"):
            line = answered(number)
            failed += "error" in line
            file.write(_text(line))
            file.flush()
    return path, failed


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, allow_nan=False) + "\n"


class _Scenes:
    """The scene of the last row, because tables list a scene's points one after another."""

    def __init__(self, generator: Generator, folder: Path):
        self._generator, self._folder = generator, folder
        self._name: str | None = None

    def get(self, name: str) -> Scene:
        if name != self._name:
            self._scene = self._generator.encode(self._folder / name)
            self._name = name
        return self._scene


def _failure(row: Row, method: str, sentence: str) -> dict[str, Any]:
    point = [row.x if row.x - row.x == 0 else None, row.y if row.y - row.y == 0 else None]  # no NaN in JSON
    return {
        "scene": row.scene, "width": None, "height": None, "point": point, "method": method, "poses": [],
        "error": sentence,
    }  # fmt: skip


def _finished(path: Path, rows: Sequence[Row], method: str, poses: int) -> list[dict[str, Any]]:
    """The lines that an earlier run wrote; half a line at the end (it was killed) is cut off."""
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RequestError(f"{path} holds something else; give another --out or remove it") from None
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    lines = list(_parsed(path, whole))
    same = len(lines) <= len(rows) and all(
        "error" in line  # is answered anew
        or (
            (line.get("scene"), line.get("method"), line.get("point")) == (row.scene, method, [row.x, row.y])
            and len(line.get("poses", ())) == poses
        )
        for line, row in zip(lines, rows, strict=False)
    )
    if not same:
        raise RequestError(
            f"{path} holds results of other points or options; give another --out or remove it"
        )
    return lines


def _parsed(path: Path, text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise RequestError(f"line {number} of {path} is no answer; remove the file to start again")
        yield found
