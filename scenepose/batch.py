"""Many points of many scenes from a table, to one line of JSON each; a stopped run goes on where it was.

Beside ``results.jsonl`` stands ``results.about.json``, which says what it was made with.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
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


@dataclass(frozen=True)
class About:
    """What results were made with: those of two kinds do not mix.

    Attributes:
        method: its name. weights: see `weights_of`. folder: of the pictures, absolute.
        top_k: how many poses an answer has.
    """

    method: str
    weights: str
    folder: str
    top_k: int

    def check(self, path: Path, results: Path) -> None:
        """Compare with what ``path`` says of the results.

        Raises:
            RequestError: it says something else, or nothing.
        """
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            other = About(**said)
        except (OSError, ValueError, TypeError):
            raise RequestError(
                f"{results} does not say what it was made with, because there is no good {path.name} beside "
                f"it; give another --out or remove it"
            ) from None
        for field in fields(self):
            here, there = getattr(self, field.name), getattr(other, field.name)
            if here != there:
                difference = f"{field.name} {there}, not {here}"
                raise RequestError(f"{results} was made with {difference}; give another --out or remove it")


def weights_of(generator: Generator) -> str:
    """What tells a method's weights from others: 16 hexadecimal digits of all that it answers with."""
    digest = hashlib.blake2b(repr(generator.model.config).encode(), digest_size=8)
    for network in (generator.model, generator.head):
        for name, tensor in network.state_dict().items() if network is not None else ():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    digest.update(generator.templates.tobytes())
    return digest.hexdigest()


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
            Those that rows answered earlier lack are written, too.

    Returns:
        The results file, and how many of its lines are errors.

    Raises:
        RequestError: the folder holds results of other points, another method or number of poses, other
            weights, or another folder's pictures; the sentence says which.
        PictureError: a file of an earlier row was to be written and its picture is gone; comes last.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / "results.jsonl"
    done = _finished(path, rows)
    about = About(generator.name, weights_of(generator), str(folder.resolve()), generator.count(top_k))
    said = out / "results.about.json"
    answers = [number for number, line in enumerate(done) if "error" not in line]
    if answers:
        about.check(said, path)
    else:
        _write(said, json.dumps(asdict(about)) + "\n")
    scenes = _Scenes(generator, folder)

    def answered(number: int) -> dict[str, Any]:
        row = rows[number]
        try:
            scene = scenes.get(row.scene)
            poses = scene.generate((row.x, row.y), top_k=top_k)
            line = export.record(row.scene, scene, (row.x, row.y), poses, generator.name)
            export.save(out, _stem(row, number), scene, line, poses, formats, folder / row.scene)
        except RequestError:
            raise
        except ScenePoseError as error:
            line = _failure(row, generator.name, str(error))
        return line

    again = [number for number, line in enumerate(done) if "error" in line]
    if again:
        for number in again:
            done[number] = answered(number)
        _write(path, "".join(_text(line) for line in done))
    failed = sum("error" in line for line in done)
    with path.open("a", encoding="utf-8") as file:
        remaining = range(len(done), len(rows))
        for number in tqdm(remaining, initial=len(done), total=len(rows), unit="point", desc="predict"):
            line = answered(number)
            failed += "error" in line
            file.write(_text(line))
            file.flush()
    for number in answers:
        row, line = rows[number], done[number]
        stem = _stem(row, number)
        lacking = [name for name in formats if not export.path_of(out, stem, name).exists()]
        if lacking:
            poses = export.poses_of(line)
            export.save(out, stem, scenes.get(row.scene), line, poses, lacking, folder / row.scene)
    return path, failed


def _stem(row: Row, number: int) -> str:
    return f"{Path(row.scene).stem}-{number:05d}"


def _write(path: Path, text: str) -> None:
    """Write a file whole: the old one stays until then."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


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


def _finished(path: Path, rows: Sequence[Row]) -> list[dict[str, Any]]:
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
        or ((line.get("scene"), line.get("point")) == (row.scene, [row.x, row.y]) and line.get("poses"))
        for line, row in zip(lines, rows, strict=False)
    )
    if not same:
        raise RequestError(f"{path} holds results of other points; give another --out or remove it")
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
