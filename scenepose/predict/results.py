"""What a run over a table of points writes: its lines, and what they were made with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from scenepose import export
from scenepose.errors import RequestError
from scenepose.export import coco
from scenepose.export.files import SUFFIXES, json_bytes, write
from scenepose.files import replacing
from scenepose.predict.generator import Generator
from scenepose.predict.points import Row

RESULTS = "results.jsonl"


@dataclass(frozen=True)
class About:
    """What results were made with: those of two kinds do not mix.

    Attributes:
        method: its name. weights: see `weights_of`. folder: of the pictures, absolute.
        top_k: how many poses an answer has. near: see `Scene.generate`. kinds: those asked for, none for all.
    """

    method: str
    weights: str
    folder: str
    top_k: int
    near: float = 0.0
    kinds: str = ""

    @classmethod
    def of(cls, generator: Generator, folder: Path, wanted: Wanted) -> About:
        """What a run with these is about."""
        count = generator.count(wanted.top_k)
        kinds = ",".join(sorted(set(wanted.kinds)))
        return cls(
            generator.name, weights_of(generator), str(folder.resolve()), count, float(wanted.near), kinds
        )

    def check(self, path: Path, results: Path) -> None:
        """Compare with what ``path`` says of the results.

        Raises:
            RequestError: it says something else, or nothing.
        """
        try:
            other = About(**json.loads(path.read_text(encoding="utf-8")))
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


@dataclass(frozen=True)
class Wanted:
    """What is asked for at each point.

    Attributes:
        top_k, near, kinds: see `Scene.generate`; no kinds are all.
        formats: further files for each row, named by scene and row number; coco is one file for the table.
        side, alternatives: see `export.files.contents`.
        overwrite: whether files that are there already and differ are replaced.
    """

    top_k: int
    near: float = 0.0
    kinds: Sequence[str] = ()
    formats: Sequence[str] = ()
    side: int | None = None
    alternatives: bool = False
    overwrite: bool = False

    @property
    def files(self) -> list[str]:
        """The formats that each row has files of its own in."""
        return [name for name in self.formats if name != "coco"]


def weights_of(generator: Generator) -> str:
    """What tells a method's weights from others: 16 hexadecimal digits of all that it answers with."""
    digest = hashlib.blake2b(repr((generator.encoder.config, generator.head.sizes)).encode(), digest_size=8)
    for network in (generator.encoder, generator.head):
        for name, tensor in network.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    digest.update(generator.templates.tobytes())
    return digest.hexdigest()


class Results:
    """The results in a folder: lines that earlier runs wrote, and those that are still to come.

    ``results.jsonl`` holds the lines in the table's order. Lines that come in another order, because several
    machines make them, wait in ``results.waiting.jsonl`` until `finish`. In memory is only where lines are.

    Attributes:
        path: ``results.jsonl``.
    """

    def __init__(self, out: Path, rows: Sequence[Row], about: About, wanted: Wanted):
        """Read what is there.

        Raises:
            RequestError: it belongs to other points, weights ..., or files of rows that come would replace
                other files; the sentence says which.
        """
        out.mkdir(parents=True, exist_ok=True)
        self.path, self._waiting = out / RESULTS, out / "results.waiting.jsonl"
        self._out, self._rows = out, rows
        self._places: dict[int, tuple[Path, int]] = {}
        self._errors: set[int] = set()
        self._following = 0
        for offset, line in _lines(self.path):
            if self._following == len(rows) or not _fits(line, rows[self._following]):
                raise RequestError(
                    f"{self.path} holds results of other points; give another --out or remove it"
                )
            self._place(self._following, self.path, offset, line)
            self._following += 1
        for offset, waiting in _lines(self._waiting):
            number, line = waiting.get("row"), waiting.get("line")
            if not isinstance(number, int) or not 0 <= number < len(rows) or not isinstance(line, dict):
                raise RequestError(f"{self._waiting} holds other results; give another --out or remove it")
            if number not in self._answered and _fits(line, rows[number]):
                self._place(number, self._waiting, offset, line)
        said = out / "results.about.json"
        if self._answered:
            about.check(said, self.path)
        else:
            if not wanted.overwrite:
                self._check_files(wanted)
            write(out, {said.name: json_bytes(asdict(about))})

    def _check_files(self, wanted: Wanted) -> None:
        """Files of a run that begins must not be there already."""
        path = self._out / f"results{SUFFIXES['coco']}"
        if "coco" in wanted.formats and path.exists():
            raise RequestError(f"{path} holds other results; give another --out, or --overwrite")

    def _place(self, number: int, path: Path, offset: int, line: dict[str, Any]) -> None:
        self._places[number] = path, offset
        (self._errors.add if "error" in line else self._errors.discard)(number)

    @property
    def _answered(self) -> set[int]:
        return self._places.keys() - self._errors

    @property
    def answered(self) -> list[int]:
        """The rows that have an answer, in order."""
        return sorted(self._answered)

    @property
    def open(self) -> list[int]:
        """The rows that have none: errors of earlier runs are tried again."""
        answered = self._answered
        return [number for number in range(len(self._rows)) if number not in answered]

    @property
    def failed(self) -> int:
        """How many lines are errors."""
        return len(self._errors)

    def line(self, number: int) -> dict[str, Any]:
        """A row's line, whether answer or error."""
        path, offset = self._places[number]
        with path.open("rb") as file:
            file.seek(offset)
            line = json.loads(file.readline())
        return line if path == self.path else line["line"]

    def lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """All row numbers and their lines, in order."""
        return ((number, self.line(number)) for number in sorted(self._places))

    def add(self, number: int, line: dict[str, Any]) -> None:
        """Keep a row's line, whatever happens next."""
        path, text = self._waiting, _text({"row": number, "line": line})
        if number == self._following:
            path, text = self.path, _text(line)
            self._following += 1
        with path.open("ab") as file:
            self._place(number, path, file.tell(), line)
            file.write(text)

    def finish(self) -> None:
        """Put all lines in order into ``results.jsonl``."""
        if not self._waiting.exists():
            return
        places = {}
        with replacing(self.path) as part, part.open("wb") as file:
            for number, line in self.lines():
                places[number] = self.path, file.tell()
                file.write(_text(line))
        self._waiting.unlink()
        self._places = places

    def write_coco(self, wanted: Wanted) -> None:
        """One COCO file of all answers, and with ``alternatives`` one more for every further rank."""
        answers = [
            export.read_record(self.line(number), f"line {number + 1} of {self.path}")
            for number in self.answered
        ]
        ranks = max((len(answer.people) for answer in answers), default=1) if wanted.alternatives else 1
        files = {}
        for rank in range(ranks):
            name = f"results.{rank + 1}" if rank else "results"
            ones = [answer.alternative(rank) for answer in answers]
            files[f"{name}{SUFFIXES['coco']}"] = json_bytes(coco.document(ones))
        write(self._out, files)


def _text(line: dict[str, Any]) -> bytes:
    return (json.dumps(line, allow_nan=False) + "\n").encode()


def _fits(line: dict[str, Any], row: Row) -> bool:
    """Whether a line answers a row. An error fits any: the row is answered anew."""
    same = (line.get("scene"), line.get("point")) == (row.scene, [row.x, row.y])
    return "error" in line or (same and isinstance(line.get("poses"), list))


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """An earlier run's lines, each with its place; half a line at the end (it was killed) is cut off."""
    if not path.is_file():
        return
    offset = 0
    with path.open("rb+") as file:
        for number, text in enumerate(iter(file.readline, b""), start=1):
            if not text.endswith(b"\n") and text.isascii():  # like everything that we write
                file.truncate(offset)
                return
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            if not isinstance(line, dict):
                raise RequestError(f"line {number} of {path} is no answer; remove the file to start again")
            yield offset, line
            offset += len(text)
