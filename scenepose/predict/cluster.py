"""Tables of points on a Ray cluster: the same results as `batch`, made by many machines.

Ray Data hands pictures to actors, each of which holds the weights; a picture is encoded once, and all of its
points are answered by the actor that has it. Answers are kept as they come, so a run that was stopped goes on
where it was, here or without Ray. Pictures and results are in folders that all machines share.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from scenepose.errors import RequestError, ScenePoseError
from scenepose.files import replacing
from scenepose.predict.points import Row
from scenepose.predict.results import About, Results, Wanted, weights_of

if TYPE_CHECKING:
    import pyarrow

#: What Ray is told by its environment where that says nothing else.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
#: Parts that the pictures are handed out in at most; a stopped run loses those that were being answered.
_BLOCKS = 10_000
#: Rows of ``results.parquet`` that are turned at a time.
_CHUNK = 1000


@dataclass(frozen=True)
class Task:
    """What an actor needs to know, plain enough to travel.

    Attributes:
        method, checkpoint: see `scenepose.load`. weights: what these weights must be, see `weights_of`.
        folder: of the pictures. out: for further files. wanted: what is asked for.
    """

    method: str
    checkpoint: str | None
    weights: str
    folder: str
    out: str
    wanted: Wanted


class Answerer:
    """An actor: it loads the weights once and answers the points of one picture after another."""

    def __init__(self, task: Task):
        import scenepose
        from scenepose.predict import batch

        self._task = task
        self._generator = scenepose.load(task.method, task.checkpoint)
        if weights_of(self._generator) != task.weights:
            raise RequestError(f"a machine of the cluster has other weights of {task.method}")
        self._scenes = batch.Scenes(self._generator, Path(task.folder))

    def __call__(self, pictures: dict[str, Any]) -> dict[str, Any]:
        """A batch of pictures with their points to one of lines."""
        from scenepose.predict import batch

        task = self._task
        numbers, lines = [], []
        for name, points in zip(pictures["scene"], pictures["points"], strict=True):
            for number, x, y in json.loads(points):
                row = Row(str(name), x, y)
                line = batch.answer_row(
                    self._generator, self._scenes, row, number, Path(task.folder), Path(task.out), task.wanted
                )
                numbers.append(number)
                lines.append(json.dumps(line, allow_nan=False))
        return {"row": numbers, "line": lines}


def run(
    address: str,
    method: str,
    checkpoint: Path | None,
    folder: Path,
    rows: Sequence[Row],
    out: Path,
    *,
    workers: int | None = None,
    **wanted: Any,
) -> tuple[Path, int]:
    """Answer every row on a Ray cluster; see `batch.run` for what is written, to which results.parquet comes.

    Args:
        address: of the cluster ("10.0.0.1:6379", "ray://..."), or "local" to start one on this machine.
        method, checkpoint: see `scenepose.load`.
        workers: how many actors (fewer where there are fewer pictures); by default as many as have work, up
            to one for each GPU of the cluster, or for each core without any.
        wanted: see `Wanted`.

    Returns:
        The results file, and how many of its lines are errors.

    Raises:
        RequestError: Ray is missing or the cluster cannot be reached, and what `batch.run` raises.
    """
    import scenepose
    from scenepose.predict import batch

    _ray()
    _check_address(address)
    ask = Wanted(**wanted)
    generator = scenepose.load(method, checkpoint)
    about = About.of(generator, folder, ask)
    results = Results(out, rows, about, ask)
    earlier = results.answered
    weights = str(Path(checkpoint).resolve()) if checkpoint else None
    task = Task(method, weights, about.weights, str(folder.resolve()), str(out.resolve()), ask)
    left = results.open
    if left:
        with _cluster(address):
            bar = tqdm(initial=len(rows) - len(left), total=len(rows), unit="point", desc="predict")
            with bar:
                for number, line in _answered(task, _by_picture(rows, left), workers):
                    if "error" in line:  # names the folder as the user did, not as the machines need it
                        line["error"] = line["error"].replace(task.folder, str(folder))
                    results.add(number, line)
                    bar.update()
    batch.finish(results, earlier, rows, folder, out, ask)
    _write_parquet(out / "results.parquet", results)
    return results.path, results.failed


def _ray() -> Any:
    """The library. Nothing is sent out: no usage statistics, no dashboard."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)  # read when Ray is imported
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise RequestError(f"--ray needs {error.name}: pip install 'scenepose[ray]'") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


@contextmanager
def _cluster(address: str) -> Iterator[None]:
    """Ray for the length of a block; what a local one leaves behind is removed."""
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    with ExitStack() as stack:
        if address == "local":
            # Named shortly, because sockets' names below it must be.
            folder = stack.enter_context(TemporaryDirectory(prefix="sp-", ignore_cleanup_errors=True))
            options |= {"include_dashboard": False, "_temp_dir": folder}
        try:
            ray.init(address=address, **options)
        except Exception as error:  # ray, grpc and sockets fail in ways of their own
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RequestError(f"there is no Ray cluster at {address}: {reason}") from error
        stack.callback(ray.shutdown)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        yield


def _check_address(address: str) -> None:
    """Knock first: Ray itself tries for minutes before it gives up."""
    host, colon, port = address.removeprefix("ray://").rstrip("/").rpartition(":")
    if address in ("local", "auto"):
        return
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise RequestError(
            f"a Ray cluster's address is local, auto, HOST:PORT or ray://HOST:PORT, not {address}"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise RequestError(f"there is no Ray cluster at {address}: {error.strerror or error}") from error


def _by_picture(rows: Sequence[Row], numbers: Iterable[int]) -> list[dict[str, str]]:
    """One item a picture: its name, and its points as JSON ``[[row number, x, y], ...]``."""
    pictures: dict[str, list[tuple[int, float, float]]] = {}
    for number in numbers:
        row = rows[number]
        pictures.setdefault(row.scene, []).append((number, row.x, row.y))
    return [{"scene": name, "points": json.dumps(points)} for name, points in pictures.items()]


def _answered(
    task: Task, pictures: list[dict[str, str]], workers: int | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row numbers and their lines, in the order in which they come.

    Raises:
        RequestError: what an actor could not do, such as writing its files.
    """
    ray = _ray()
    resources = ray.cluster_resources()
    gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
    most = max(1, min(workers or gpus or cores, len(pictures)))
    data = ray.data.from_items(pictures, override_num_blocks=min(len(pictures), _BLOCKS)).map_batches(
        Answerer,
        fn_constructor_args=(task,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=most if workers else 1, max_size=most),
        num_gpus=1 if gpus else 0,
        num_cpus=0 if gpus else 1,
    )
    try:
        for answer in data.iter_rows():
            yield int(answer["row"]), json.loads(answer["line"])
    except ray.exceptions.RayError as error:
        cause = error.__cause__ or getattr(error, "cause", None) or error
        if isinstance(cause, ScenePoseError):
            raise RequestError(str(cause)) from error
        raise RequestError(f"the cluster stopped working: {str(cause).strip().splitlines()[-1]}") from error


def _write_parquet(path: Path, results: Results) -> None:
    """The lines as a table: a row a point, its poses as lists of records."""
    import pyarrow
    import pyarrow.parquet

    schema = _schema()
    flat = (_flat(number, line) for number, line in results.lines())
    with replacing(path) as part, pyarrow.parquet.ParquetWriter(part, schema) as file:
        while chunk := list(islice(flat, _CHUNK)):
            file.write_table(pyarrow.Table.from_pylist(chunk, schema=schema))


def _flat(number: int, line: dict[str, Any]) -> dict[str, Any]:
    x, y = line.get("point") or (None, None)
    return {**{key: line.get(key) for key in ("scene", "width", "height", "method", "error")}, "row": number,
            "x": x, "y": y, "poses": line["poses"]}  # fmt: skip


def _schema() -> pyarrow.Schema:
    import pyarrow as pa

    pose = pa.struct(
        [
            ("keypoints", pa.list_(pa.list_(pa.float64()))),
            ("score", pa.float64()),
            ("template", pa.int32()),
            ("template_name", pa.string()),
            ("kind", pa.string()),
            ("scale", pa.list_(pa.float64())),
            ("point", pa.list_(pa.float64())),
            ("hidden", pa.list_(pa.bool_())),
        ]
    )
    return pa.schema(
        [
            ("row", pa.int64()),
            ("scene", pa.string()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("x", pa.float64()),
            ("y", pa.float64()),
            ("method", pa.string()),
            ("error", pa.string()),
            ("poses", pa.list_(pose)),
        ]
    )
