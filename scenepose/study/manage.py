"""What a researcher changes about a study after it was made."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from scenepose.study import enrol
from scenepose.study.database import Database, StudyError
from scenepose.study.tables import Study, now
from scenepose.study.tokens import hash_token, new_token


def invite(database: Database, study_id: str, count: int) -> list[str]:
    """Make so many participants; their keys, for personal links. Raises StudyError: no such study."""
    with database.write() as session:
        return enrol.invite(session, _study(session, study_id), count)


def renew_token(database: Database, study_id: str) -> str:
    """A new results token; the old one stops working. Raises StudyError: no such study."""
    token = new_token()
    with database.write() as session:
        _study(session, study_id).token_hash = hash_token(token)
    return token


def close(database: Database, study_id: str, reopen: bool = False) -> None:
    """End a study, or go on with it. Raises StudyError: no such study."""
    with database.write() as session:
        _study(session, study_id).closed_at = None if reopen else now()


def _study(session: Session, study_id: str) -> Study:
    """The study, locked until the session ends."""
    study = session.scalar(select(Study).where(Study.id == study_id).with_for_update())
    if study is None:
        raise StudyError(f"there is no study {study_id!r}; `scenepose study list` lists them")
    return study
