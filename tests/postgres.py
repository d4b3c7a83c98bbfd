"""A PostgreSQL that really runs, for the tests of the user study's database.

`SCENEPOSE_TEST_POSTGRES` names one (.ci/run does). Without it a cluster is started for the session where
PostgreSQL is installed: in a folder of its own, reached by a socket there and nowhere else.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

#: The environment variable with the URL of a server on which databases may be made.
VARIABLE = "SCENEPOSE_TEST_POSTGRES"


def binaries() -> Path | None:
    """The folder of the newest initdb and pg_ctl that Debian's packages brought."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))], default=None)
    return newest.parent if newest else None


@contextmanager
def cluster(programs: Path) -> Iterator[str]:
    """Start a cluster, give its URL, stop and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="scenepose-postgres.", dir="/tmp"))
    owner: list[str] = []
    if os.getuid() == 0:  # PostgreSQL refuses to be root
        shutil.chown(folder, "postgres")
        owner = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*owner, str(programs / program), "-D", str(folder / "data"), *arguments],
            cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip

    try:
        run("initdb", "-U", "scenepose", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-l", str(folder / "log"), "-w", "-o", settings, "start")
        try:
            yield f"postgresql://scenepose@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A new empty database on the server; its URL. It is dropped in the end."""
    name = f"scenepose_test_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
