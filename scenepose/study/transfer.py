"""Taking a study along: the whole of it as JSON, its trials as CSV, and back in.

JSON keeps everything, with ``pictures`` also what raters see, so that the study can go on elsewhere. CSV is
one line a trial for statistics programs; read back, it gives a closed study with the same results.
"""

from __future__ import annotations

import base64
import csv
import json
import secrets
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from scenepose.study.database import Database, StudyError
from scenepose.study.design import QUESTION, Settings
from scenepose.study.enrol import new_participant
from scenepose.study.results import moment
from scenepose.study.rows import Row, read_rows
from scenepose.study.tables import ANSWERS, TRIAL_KINDS, Figure, Item, Participant, Study, Table, Trial, now
from scenepose.study.tokens import Created, hash_token, new_token

#: What the first lines of an export say it is.
FORMAT, VERSION = "scenepose-study", 1
_TABLES = Table.metadata.tables
_COLUMNS = [field.name for field in fields(Row)]
_MOMENTS = ("created_at", "closed_at", "joined_at", "shown_at", "voted_at")


def export_json(database: Database, study_id: str, pictures: bool = False) -> dict[str, Any]:
    """A study as one JSON object, tables as lists of rows.

    Raises:
        StudyError: there is no such study.
    """
    with database.read() as session:
        _study(session, study_id)
        items = select(Item.id).where(Item.study_id == study_id)
        people = select(Participant.id).where(Participant.study_id == study_id)
        tables = {
            "studies": select(_TABLES["studies"]).where(Study.id == study_id),
            "items": select(_TABLES["items"]).where(Item.study_id == study_id).order_by(Item.id),
            "figures": select(_TABLES["figures"]).where(Figure.item_id.in_(items)).order_by(Figure.id),
            "participants": select(_TABLES["participants"])
            .where(Participant.study_id == study_id)
            .order_by(Participant.id),
            "trials": select(_TABLES["trials"])
            .where(Trial.participant_id.in_(people))
            .order_by(Trial.participant_id, Trial.position),
        }
        found = {
            name: [_plain(dict(row), pictures) for row in session.execute(query).mappings()]
            for name, query in tables.items()
        }
    return {"format": FORMAT, "version": VERSION, **found}


def export_csv(database: Database, study_id: str, path: Path) -> None:
    """One line a trial, answered or not; the columns are those of `rows.Row`.

    Raises:
        StudyError: there is no such study.
    """
    with database.read() as session:
        _study(session, study_id)
        rows = read_rows(session, study_id)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["study", *_COLUMNS])
        writer.writeheader()
        for row in rows:
            writer.writerow({"study": study_id} | {name: _cell(value) for name, value in asdict(row).items()})


def import_file(database: Database, path: Path) -> Created:
    """Bring an exported study back, JSON or CSV by the file's ending.

    Returns:
        Its id, and for CSV a new results token ("" for JSON: the old one goes on working).

    Raises:
        StudyError: the file is no such export, or the database has this study already.
    """
    try:
        if path.suffix.lower() == ".csv":
            return _import_csv(database, path)
        return _import_json(database, json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, StudyError):
            raise
        raise StudyError(f"{path} is no export of a study: {type(error).__name__} {error}") from error


def _import_json(database: Database, exported: dict[str, Any]) -> Created:
    if exported.get("format") != FORMAT or exported.get("version") != VERSION:
        raise StudyError(
            f"this is no {FORMAT} export of version {VERSION}: it says "
            f"{exported.get('format')!r}, {exported.get('version')!r}"
        )
    (study,) = (_typed(row) for row in exported["studies"])
    if not all(figure.get("picture") for figure in exported["figures"]) and study["closed_at"] is None:
        study["closed_at"] = now()
    with database.write() as session:
        _check_new(session, study["id"])
        session.execute(insert(Study), [study])
        items = _renumbered(session, Item, exported["items"], {})
        figures = _renumbered(session, Figure, exported["figures"], {"item_id": items})
        people = _renumbered(session, Participant, exported["participants"], {})
        trials = [
            _typed(row)
            | {
                "participant_id": people[row["participant_id"]],
                "figure_a": figures[row["figure_a"]],
                "figure_b": figures[row["figure_b"]],
            }
            for row in exported["trials"]
        ]
        if trials:
            session.execute(insert(Trial), trials)
    return Created(study["id"], "")


def _import_csv(database: Database, path: Path) -> Created:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in ("study", *_COLUMNS) if name not in (reader.fieldnames or ())]
        if missing:
            raise StudyError(f"{path} is no export of a study: it lacks the column {missing[0]!r}")
        lines = list(reader)
    if not lines:
        raise StudyError(f"{path} holds no trials")
    rows, study_id, token = [_row(line) for line in lines], lines[0]["study"], new_token()
    counted = [row for row in rows if row.kind != "practice"]
    sessions = [sum(row.participant == name for row in counted) for name in {r.participant for r in counted}]
    sources = sorted({name for row in rows if row.kind == "pair" for name in (row.source_a, row.source_b)})
    with database.write() as session:
        _check_new(session, study_id)
        study = Study(
            id=study_id, title=f"Imported from {path.name}"[:200], question=QUESTION, sources=sources,
            settings=Settings(pairs=max(sessions, default=1)).to_json(), token_hash=hash_token(token),
            closed_at=now(),
        )  # fmt: skip
        session.add(study)
        session.flush()
        items: dict[int, int] = {}
        figures: dict[tuple[int, str, bool], int] = {}
        people: dict[str, int] = {}
        for row in rows:
            if row.item not in items:
                item = Item(
                    study_id=study_id, number=row.item, scene=row.scene, x=row.x, y=row.y, width=row.width,
                    height=row.height,
                )  # fmt: skip
                items[row.item] = _add(session, item)
            for source, turned in ((row.source_a, row.turned_a), (row.source_b, row.turned_b)):
                if (row.item, source, turned) not in figures:
                    figure = Figure(item_id=items[row.item], source=source, turned=turned, keypoints=[])
                    figures[row.item, source, turned] = _add(session, figure)
            if row.participant not in people:
                person = new_participant(study_id, row.participant, len(people))
                person.joined_at = row.shown_at or now()
                people[row.participant] = _add(session, person)
        trials = [
            {
                "id": row.trial, "participant_id": people[row.participant], "position": row.position,
                "kind": row.kind, "figure_a": figures[row.item, row.source_a, row.turned_a],
                "figure_b": figures[row.item, row.source_b, row.turned_b],
                "image_a": secrets.token_urlsafe(16), "image_b": secrets.token_urlsafe(16),
                "seed": row.seed, "right_answer": row.right_answer, "repeats": row.repeats,
                "shown_at": row.shown_at, "answer": row.answer, "voted_at": row.voted_at,
                "response_ms": row.response_ms,
            }
            for row in rows
        ]  # fmt: skip
        session.execute(insert(Trial), trials)
    return Created(study_id, token)


def _study(session: Session, study_id: str) -> Study:
    study = session.get(Study, study_id)
    if study is None:
        raise StudyError(f"there is no study {study_id!r}")
    return study


def _check_new(session: Session, study_id: str) -> None:
    if session.get(Study, study_id) is not None:
        raise StudyError(f"the database has the study {study_id!r} already; nothing was changed")


def _add(session: Session, row: Any) -> int:
    session.add(row)
    session.flush()
    return row.id


def _renumbered(
    session: Session, table: Any, rows: list[dict[str, Any]], links: dict[str, dict[int, int]]
) -> dict[int, int]:
    """Insert rows under new ids; old ids to new ones."""
    renamed = {}
    for row in rows:
        values = _typed({name: value for name, value in row.items() if name != "id"})
        values |= {name: numbers[row[name]] for name, numbers in links.items()}
        renamed[row["id"]] = _add(session, table(**values))
    return renamed


def _plain(row: dict[str, Any], pictures: bool) -> dict[str, Any]:
    """A table's row as JSON."""
    for name in _MOMENTS:
        if row.get(name) is not None:
            row[name] = row[name].isoformat()
    if "picture" in row:
        picture: bytes | None = row["picture"] if pictures else None
        row["picture"] = None if picture is None else base64.b64encode(picture).decode()
    return row


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `_plain`."""
    typed: dict[str, Any] = {
        name: moment(value) if name in _MOMENTS else value for name, value in row.items()
    }
    if typed.get("picture") is not None:
        typed["picture"] = base64.b64decode(typed["picture"])
    return typed


def _cell(value: Any) -> Any:
    """A value as CSV shows it: truth values as 0 and 1, times in ISO format."""
    if isinstance(value, bool):
        return int(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _row(line: dict[str, str]) -> Row:
    """The inverse of `_cell`, for a whole line; unknown kinds and answers are refused."""
    values: dict[str, Any] = {name: line[name] if line[name] != "" else None for name in _COLUMNS}
    for name in ("position", "item", "width", "height"):
        values[name] = int(line[name])
    for name in ("x", "y"):
        values[name] = float(line[name])
    for name in ("turned_a", "turned_b"):
        values[name] = line[name] == "1"
    for name in ("shown_at", "voted_at"):
        values[name] = moment(line[name])
    values["response_ms"] = int(line["response_ms"]) if line["response_ms"] else None
    if values["kind"] not in TRIAL_KINDS or values["answer"] not in (None, *ANSWERS):
        raise ValueError(f"no trial is {values['kind']!r}, answered {values['answer']!r}")
    return Row(**values)
