"""Simulated raters against server processes of their own: many at once, pictures and all, kill -9 midway."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from scenepose.errors import RequestError
from scenepose.study.database import Database
from scenepose.study.rows import Row, read_rows

if TYPE_CHECKING:
    from scenepose.study.simulate import Options

#: Seconds to wait for a page after a start, and between attempts while the server is away.
PATIENCE, AGAIN = 120, 0.25
#: Of every hundred votes, how many are followed by a replay with another answer, and by a forged one.
REPLAYED, FORGED = 0.03, 0.02


@dataclass
class Log:
    """What the raters saw.

    Attributes:
        acknowledged: trial to the answer that the server said is recorded.
        sent: trial to the answers its own rater sent.
        seconds: of each acknowledged vote, the round trip of the request that was answered.
        interrupted: requests that got no answer because the server was away.
        refused, wrongly: replays and forgeries refused, and those that were not.
    """

    acknowledged: dict[str, str] = field(default_factory=dict)
    sent: dict[str, set[str]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    picture_seconds: list[float] = field(default_factory=list)
    interrupted: int = 0
    refused: int = 0
    wrongly: int = 0


class Server:
    """The demo as a process that can be killed and started again on the same port."""

    def __init__(self, url: str, study_only: bool, log: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._files = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._command = [sys.executable, "-m", "scenepose.app", "--port", str(self.port), "--database", url]
        if study_only:
            self._command.append("--study-only")
        self._log = log.open("a", encoding="utf-8")
        self.process: subprocess.Popen | None = None

    async def start(self) -> float:
        """Start it and wait for its page; how many seconds that took.

        Raises:
            RequestError: it does not come up.
        """
        begun = time.perf_counter()
        environment = {**os.environ, "GRADIO_TEMP_DIR": self._files.name}
        self.process = subprocess.Popen(
            self._command, stdout=self._log, stderr=subprocess.STDOUT, env=environment
        )
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            while time.perf_counter() - begun < PATIENCE:
                if self.process.poll() is not None:
                    raise RequestError(f"the server stopped with exit code {self.process.returncode}")
                try:
                    await client.get(self.address)
                    return time.perf_counter() - begun
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        raise RequestError(f"the server gave no page within {PATIENCE} seconds")

    def kill(self) -> None:
        """kill -9: no goodbye, nothing flushed."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it and clean up."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self._log.close()
        self._files.cleanup()


class Way:
    """Which server a rater asks: another one when it is away, as behind a load balancer."""

    def __init__(self, servers: Sequence[Server], number: int):
        self._servers, self._number = servers, number

    @property
    def address(self) -> str:
        """Of the server that is asked now."""
        return self._servers[self._number % len(self._servers)].address

    def turn(self) -> None:
        """Ask the next one."""
        self._number += 1


def run(database: Database, url: str, study: str, options: Options) -> dict[str, Any]:
    """Let all raters vote through one or more servers; numbers for the report."""
    servers = [
        Server(url, options.study_only, options.out / f"server{number or ''}.log")
        for number in range(options.servers)
    ]
    try:
        return asyncio.run(_run(servers, database, study, options))
    finally:
        for server in servers:
            server.close()


async def _run(servers: list[Server], database: Database, study: str, options: Options) -> dict[str, Any]:
    log, facts = Log(), {}
    facts["start_seconds"] = round(max(await asyncio.gather(*(server.start() for server in servers))), 1)
    limits = httpx.Limits(max_connections=2 * options.raters + 10, max_keepalive_connections=None)
    # The servers are on this machine, whatever proxy the environment names.
    async with httpx.AsyncClient(timeout=30, limits=limits, trust_env=False) as client:
        # A first request opens the database; it belongs to the start.
        for number in range(len(servers)):
            await _ask(client, log, Way(servers, number), "info", {"study": study})
        begun = time.perf_counter()
        raters = [
            asyncio.create_task(_rater(client, log, Way(servers, number), database, study, options, number))
            for number in range(options.raters)
        ]
        if options.kill:
            while len(log.acknowledged) < options.votes // 2 and not all(task.done() for task in raters):
                await asyncio.sleep(0.02)
            servers[0].kill()
            facts["killed_after"] = len(log.acknowledged)
            if len(servers) == 1:  # else its raters go on at the others
                facts["back_after_seconds"] = round(await servers[0].start(), 1)
        await asyncio.gather(*raters)
    times = np.sort(np.array(log.seconds)) * 1000
    pictures = np.array(log.picture_seconds or [np.nan]) * 1000
    return facts | {
        "raters": options.raters,
        "servers": len(servers),
        "seconds": round(time.perf_counter() - begun, 1),
        "votes_timed": len(times),
        "vote_ms_median": round(float(np.median(times)), 1),
        "vote_ms_p95": round(float(np.quantile(times, 0.95)), 1),
        "vote_ms_p99": round(float(np.quantile(times, 0.99)), 1),
        "vote_ms_max": round(float(times[-1]), 1),
        "picture_ms_median": round(float(np.median(pictures)), 1),
        "requests_interrupted": log.interrupted,
        "replays_and_forgeries_refused": log.refused,
        "replays_and_forgeries_wrongly_accepted": log.wrongly,
        "acknowledged": log.acknowledged,
        "sent": log.sent,
    }


async def _rater(
    client: httpx.AsyncClient,
    log: Log,
    way: Way,
    database: Database,
    study: str,
    options: Options,
    number: int,
) -> None:
    """One rater's whole session."""
    from scenepose.study.simulate import Taste

    taste = Taste(options.strengths, (options.seed, number))
    # Nobody starts in step with the others.
    await asyncio.sleep(taste.random.random() * options.every)
    key = (await _ask(client, log, way, "join", {"study": study}))["participant"]
    rows = await asyncio.to_thread(_rows_of, database, study, key)
    trial = await _ask(client, log, way, "next", {"study": study, "participant": key})
    due = time.perf_counter()
    while "trial" in trial:
        await asyncio.gather(*(_picture(client, log, way, trial[side]) for side in ("image_a", "image_b")))
        due = max(due + options.every, time.perf_counter())
        await asyncio.sleep(due - time.perf_counter())
        answer = taste.answer(rows[trial["trial"]])
        log.sent.setdefault(trial["trial"], set()).add(answer)
        vote = {"trial": trial["trial"], "participant": key, "answer": answer, "response_ms": 900.0}
        result = await _ask(client, log, way, "vote", vote, log.seconds)
        log.acknowledged[trial["trial"]] = result["answer"]
        await _mischief(client, log, way, vote, taste.random)
        trial = result["next"]


def _rows_of(database: Database, study: str, key: str) -> dict[str, Row]:
    """What a rater's trials show: simulated eyes need to know."""
    with database.read() as session:
        return {row.trial: row for row in read_rows(session, study, key)}


async def _ask(
    client: httpx.AsyncClient,
    log: Log,
    way: Way,
    what: str,
    body: dict[str, Any],
    seconds: list[float] | None = None,
) -> dict[str, Any]:
    """Ask until there is an answer, as the raters' page does."""
    while True:
        begun = time.perf_counter()
        try:
            answer = await client.post(f"{way.address}/study/{what}", json=body)
        except httpx.TransportError:
            log.interrupted += 1
            way.turn()
            await asyncio.sleep(AGAIN)
            continue
        if answer.status_code < 500:
            answer.raise_for_status()
            if seconds is not None:
                seconds.append(time.perf_counter() - begun)
            return answer.json()
        log.interrupted += 1
        await asyncio.sleep(AGAIN)


async def _picture(client: httpx.AsyncClient, log: Log, way: Way, path: str) -> None:
    """Fetch a picture as the page would."""
    while True:
        begun = time.perf_counter()
        try:
            answer = await client.get(way.address + path)
            answer.raise_for_status()
            log.picture_seconds.append(time.perf_counter() - begun)
            return
        except httpx.TransportError:
            log.interrupted += 1
            way.turn()
            await asyncio.sleep(AGAIN)


async def _mischief(
    client: httpx.AsyncClient, log: Log, way: Way, vote: dict[str, Any], random: np.random.Generator
) -> None:
    """Now and then a replay with another answer, an unknown trial, or another participant's name."""
    luck = random.random()
    if luck >= REPLAYED + FORGED:
        return
    other = {"a": "b", "b": "a"}.get(vote["answer"], "a")
    if luck < REPLAYED:
        tried = vote | {"answer": other}
    else:
        tried = vote | (
            {"trial": "made-up-trial"} if random.random() < 0.5 else {"participant": "somebody-else"}
        )
    try:
        answer = await client.post(f"{way.address}/study/vote", json=tried)
    except httpx.TransportError:
        log.interrupted += 1
        return
    harmless = answer.status_code == 400 or (answer.status_code == 200 and not answer.json()["accepted"])
    log.refused += harmless
    log.wrongly += not harmless and answer.status_code < 500
