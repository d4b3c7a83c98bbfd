"""Where studies are kept: SQLite in a data folder by default, any other database by its URL."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_data_path
from sqlalchemy import Connection, Engine, create_engine, event, false, insert, inspect, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from scenepose.errors import ScenePoseError
from scenepose.study.tables import Study, Table

#: The environment variable that names another database.
VARIABLE = "SCENEPOSE_STUDY_DATABASE"
#: Any fixed number: two processes that migrate one PostgreSQL database wait for each other on it.
_MIGRATION_LOCK = 0x5CE_905E
MIGRATIONS = Path(__file__).parent / "migrations"


class StudyError(ScenePoseError):
    """A study, participant or database is not there or cannot be used."""


def default_url() -> str:
    """The database used when none is named: the environment's, else a file in the user's data folder."""
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    return f"sqlite:///{user_data_path('scenepose', appauthor=False) / 'study.sqlite'}"


class Database:
    """An open database, at the newest schema. May be shared by threads.

    Attributes:
        engine: SQLAlchemy's.
    """

    def __init__(self, url: str | None = None):
        """Open and, where needed, create or upgrade.

        Args:
            url: SQLAlchemy's, "sqlite:////tmp/study.sqlite", "postgresql://user@host/name"; a plain path
                means an SQLite file; None `default_url`.

        Raises:
            StudyError: it cannot be opened, or was written by a newer ScenePose.
        """
        self.url = _parse(url or default_url())
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # SQLite has one writer; here they wait in line instead of asking again and again.
        self._writer = threading.Lock()
        try:
            if self.is_sqlite and self.url.database and not self.url.database.startswith("file:"):
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = _engine(self.url, self.is_sqlite)
            self._migrate()
        except (SQLAlchemyError, ModuleNotFoundError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise StudyError(
                f"the study database {self.url.render_as_string()} cannot be used: {reason}"
            ) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state and changes nothing."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are kept, all or none, when the block ends."""
        connection = self.engine.connect().execution_options(scenepose_write=True)
        with connection:
            if not self.is_sqlite:
                with Session(connection) as session, session.begin():
                    yield session
                return
            with self._writer, Session(connection) as session, session.begin():
                yield session

    def check_writable(self) -> None:
        """See that something could be written, without writing it.

        Raises:
            StudyError: it could not.
        """
        try:
            with self.write() as session:
                session.execute(update(Study).where(false()).values(title=""))
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise StudyError(
                f"the study database {self.url.render_as_string()} cannot be written to: {reason}"
            ) from error

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def backup(self, path: Path) -> None:
        """Copy everything to a new SQLite file while the study goes on; the copy is one consistent state.

        Raises:
            StudyError: the file exists already or cannot be written.
        """
        if path.exists():
            raise StudyError(f"there is already a file {path}; a backup never overwrites one")
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.is_sqlite:
            with self.engine.connect() as connection:
                source = connection.connection.driver_connection
                assert isinstance(source, sqlite3.Connection)
                with sqlite3.connect(path) as target:
                    source.backup(target)
                target.close()
            return
        copy = Database(f"sqlite:///{path}")
        source = self.engine.connect().execution_options(isolation_level="REPEATABLE READ")
        with source, copy.engine.begin() as target:
            for table in Table.metadata.sorted_tables:
                rows = select(table)
                if table.name == "trials":  # a repeat refers to an earlier position
                    rows = rows.order_by(table.c.participant_id, table.c.position)
                for part in source.execute(rows).mappings().partitions(200):
                    target.execute(insert(table), [dict(row) for row in part])
        copy.close()

    def _migrate(self) -> None:
        # Alembic is imported here: only the first opening of a process needs it.
        from alembic import command
        from alembic.config import Config
        from alembic.runtime.migration import MigrationContext
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        scripts = ScriptDirectory.from_config(config)
        newest = scripts.get_current_head()
        with self.engine.connect() as connection:
            if MigrationContext.configure(connection).get_current_revision() == newest:
                return
        connection = self.engine.connect().execution_options(scenepose_write=True)
        with self._writer, connection, connection.begin():
            if self.url.get_backend_name() == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            # Read again: another process may have been quicker.
            current = MigrationContext.configure(connection).get_current_revision()
            if current is not None and current not in {
                script.revision for script in scripts.walk_revisions()
            }:
                raise StudyError(
                    f"the study database {self.url.render_as_string()} was written by a newer ScenePose "
                    f"(its schema is {current!r}, the newest known here {newest!r})"
                )
            if current is None and inspect(connection).has_table(Study.__tablename__):
                raise StudyError(
                    f"the database {self.url.render_as_string()} has tables of another program; name another"
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _parse(url: str) -> URL:
    """A URL, or a plain path as SQLite; PostgreSQL is spoken to with psycopg."""
    if "://" not in url:
        return URL.create("sqlite", database=str(Path(url).expanduser().absolute()))
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        if "psycopg2" not in str(error):
            raise StudyError(
                f"{url.split('@')[-1]!r} is no database URL; write sqlite:///FILE or postgresql://..."
            ) from error
        parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True)
    engine = create_engine(url, pool_size=8, max_overflow=40, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def settle(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        # FULL: an acknowledged vote outlives even a power cut.
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Writers take their place at once: a reader that became a writer could only fail.
        writes = connection.get_execution_options().get("scenepose_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
