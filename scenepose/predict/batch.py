"""Many points of many scenes from a table, to one line of JSON each; a stopped run goes on where it was.

`results` keeps what is written; `cluster` answers the same tables on many machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scenepose import export
from scenepose.errors import RequestError, ScenePoseError
from scenepose.export.files import ONE_EACH, SUFFIXES
from scenepose.picture import images
from scenepose.predict.generator import Generator, Pose, Scene
from scenepose.predict.points import Row
from scenepose.predict.results import About, Results, Wanted


class Scenes:
    """The scene of the last row, because tables list a scene's points one after another."""

    def __init__(self, generator: Generator, folder: Path):
        self._generator, self._folder = generator, folder
        self._name: str | None = None

    def get(self, name: str) -> Scene:
        """The scene of a picture in the folder."""
        if name != self._name:
            self._scene = self._generator.encode(self._folder / name)
            self._name = name
        return self._scene


def people_at(scene: Scene, point: tuple[float, float], wanted: Wanted) -> list[Pose]:
    """The poses that are asked for at a point.

    Raises:
        PointError: see `Scene.generate`. RequestError: so does that, and where ``near`` would change nothing.
    """
    if wanted.near and not scene.can_touch:
        raise RequestError(
            f"{scene.generator.name} cannot be asked for people near a point: it does not rank templates, or "
            f"its encoder tells no surfaces"
        )
    return scene.generate(point, wanted.top_k, near=wanted.near, kinds=wanted.kinds)


def answer_row(
    generator: Generator, scenes: Scenes, row: Row, number: int, folder: Path, out: Path, wanted: Wanted
) -> dict[str, Any]:
    """One row's line, after its further files are written; what is wrong with the row is in the line.

    Raises:
        RequestError: files cannot be written, which concerns the whole run.
    """
    try:
        scene = scenes.get(row.scene)
        poses = people_at(scene, (row.x, row.y), wanted)
        line = export.record(row.scene, scene, (row.x, row.y), poses, generator.name)
        save_row(out, row, number, line, scene.picture, folder, wanted)
    except RequestError:
        raise
    except ScenePoseError as error:
        line = _failure(row, generator.name, str(error))
    return line


def save_row(
    out: Path,
    row: Row,
    number: int,
    line: dict[str, Any],
    picture: images.Picture | None,
    folder: Path,
    wanted: Wanted,
) -> None:
    """Write the further files of one row."""
    if wanted.files:
        export.save(
            out,
            stem_of(row, number),
            export.read_record(line),
            wanted.files,
            picture,
            source=folder / row.scene,
            side=wanted.side,
            alternatives=wanted.alternatives,
            overwrite=wanted.overwrite,
            rename=False,
        )


def run(
    generator: Generator,
    folder: Path,
    rows: Sequence[Row],
    out: Path,
    *,
    top_k: int,
    near: float = 0.0,
    kinds: Sequence[str] = (),
    formats: Sequence[str] = (),
    side: int | None = None,
    alternatives: bool = False,
    overwrite: bool = False,
) -> tuple[Path, int]:
    """Answer every row in order, appending to ``out/results.jsonl``.

    A row that cannot be answered (no such picture, a point outside it) gets a line whose ``poses`` are
    empty and whose ``error`` is a sentence; the run goes on, and the next run tries such rows again.

    Args:
        top_k, near, kinds, formats, side, alternatives, overwrite: see `Wanted`. Files that rows answered
            earlier lack are written, too.

    Returns:
        The results file, and how many of its lines are errors.

    Raises:
        RequestError: the folder holds results of other points, another method or number of poses, other
            weights, or another folder's pictures; the sentence says which.
        PictureError: a file of an earlier row was to be written and its picture is gone; comes last.
    """
    wanted = Wanted(top_k, near, kinds, formats, side, alternatives, overwrite)
    results = Results(out, rows, About.of(generator, folder, wanted), wanted)
    earlier = results.answered
    scenes = Scenes(generator, folder)
    initial = len(rows) - len(results.open)
    for number in tqdm(results.open, initial=initial, total=len(rows), unit="point", desc="predict"):
        results.add(number, answer_row(generator, scenes, rows[number], number, folder, out, wanted))
    finish(results, earlier, rows, folder, out, wanted)
    return results.path, results.failed


def finish(
    results: Results, earlier: Sequence[int], rows: Sequence[Row], folder: Path, out: Path, wanted: Wanted
) -> None:
    """Put the lines in order and write what else was asked for, also for rows answered ``earlier``."""
    results.finish()
    if "coco" in wanted.formats:
        results.write_coco(wanted)
    if not wanted.files:
        return
    for number in earlier:
        row, line = rows[number], results.line(number)
        lacking = [name for name in wanted.files if not _there(out, row, number, name, line, wanted)]
        if lacking:
            drawn = {"png", "svg"} & set(lacking)
            picture = images.read(folder / row.scene) if drawn else None
            save_row(out, row, number, line, picture, folder, replace(wanted, formats=lacking))


def _there(out: Path, row: Row, number: int, name: str, line: dict[str, Any], wanted: Wanted) -> bool:
    """Whether a row's files in a format are there already; those stay as they are."""
    stem = stem_of(row, number)
    ranks = len(line["poses"]) if wanted.alternatives and name in ONE_EACH else 1
    names = [f"{stem}{'' if rank == 0 else f'.{rank + 1}'}{SUFFIXES[name]}" for rank in range(ranks)]
    return all((out / one).exists() for one in names)


def stem_of(row: Row, number: int) -> str:
    """What a row's files are called: by scene and row number, from 0."""
    return f"{Path(row.scene).stem}-{number:05d}"


def _failure(row: Row, method: str, sentence: str) -> dict[str, Any]:
    point = [row.x if row.x - row.x == 0 else None, row.y if row.y - row.y == 0 else None]  # no NaN in JSON
    return {
        "scene": row.scene, "width": None, "height": None, "point": point, "method": method, "poses": [],
        "error": sentence,
    }  # fmt: skip
