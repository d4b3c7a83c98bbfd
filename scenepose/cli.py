"""The ``scenepose`` command. Heavy imports wait until a command needs them, so ``--help`` is quick."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from scenepose.errors import RequestError, ScenePoseError
from scenepose.study import cli as study

Point = tuple[float, float]
#: "No point given". Not None: a union of types would make the complaint about a bad point unreadable.
NO_POINT = (math.nan, math.nan)


def predict(
    scene: Annotated[Positional[Path], arg(metavar="SCENE")],
    /,
    point: Annotated[Point, arg(metavar="X Y", help_behavior_hint="(or --points)")] = NO_POINT,
    points: Annotated[Path | None, arg(metavar="FILE.csv")] = None,
    method: str = "scenepose",
    top_k: int = 5,
    out: Path = Path("predictions"),
    formats: Annotated[str | None, arg(metavar="LIST")] = None,
    checkpoint: Annotated[Path | None, arg(metavar="FILE")] = None,
) -> None:
    """The people who fit at a point of a picture, or at every point of a table.

    Args:
        scene: a picture, or with --points the folder that the table's pictures are in.
        point: the point in pixels: x to the right, y down.
        points: a CSV file with the columns scene, x, y; answers go to results.jsonl, and a run that was
            stopped goes on where it was, with the same weights and folder. More formats can be asked for.
        method: one that `scenepose methods` lists.
        top_k: how many poses, best first.
        out: folder for the results.
        formats: any of json,png,coco,openpose; json,png for a single picture.
        checkpoint: weights other than the bundled ones.
    """
    import scenepose
    from scenepose import export

    if (point is NO_POINT) == (points is None):
        raise RequestError(
            "give either --point X Y for a picture or --points FILE.csv for a folder of pictures"
        )
    wanted = [name.strip() for name in formats.split(",") if name.strip()] if formats else []
    export.check_formats(wanted)
    if points is not None:
        if not scene.is_dir():
            raise RequestError(f"with --points the scene is a folder of pictures, and {scene} is none")
        from scenepose import batch

        rows = batch.read_points(points)
        generator = scenepose.load(method, checkpoint)
        path, failed = batch.run(generator, scene, rows, out, top_k=top_k, formats=wanted)
        print(path)
        if failed:
            raise RequestError(f'{failed} of {len(rows)} points could not be answered: see "error" in {path}')
        return

    from scenepose import images
    from scenepose.predictor import check_point

    picture = images.read(scene)
    check_point(point, picture.width, picture.height)
    encoded = scenepose.load(method, checkpoint).encode(picture)
    poses = encoded.generate(point, top_k=top_k)
    result = export.record(scene.name, encoded, point, poses, method)
    for path in export.save(out, scene.stem, encoded, result, poses, wanted or ["json", "png"], scene):
        print(path)


def map_(
    scene: Annotated[Positional[Path], arg(metavar="SCENE")],
    /,
    method: str = "scenepose",
    columns: int = 24,
    out: Path = Path("predictions"),
    checkpoint: Annotated[Path | None, arg(metavar="FILE")] = None,
) -> None:
    """Where people fit: the best compatibility score over a grid of points, as a picture and an array.

    Args:
        scene: a picture.
        method: one that gives compatibility scores; the compared systems give none.
        columns: grid cells across the picture.
        out: folder for the results, SCENE.map.png and SCENE.map.npy.
        checkpoint: weights other than the bundled ones.
    """
    import numpy as np
    from tqdm import tqdm

    import scenepose
    from scenepose import images

    if columns < 1:
        raise RequestError(f"at least 1 column is needed, not {columns}")
    picture = images.read(scene)
    encoded = scenepose.load(method, checkpoint).encode(picture)
    from scenepose import affordance

    total = affordance.grid(encoded.width, encoded.height, columns)[..., 0].size
    with tqdm(total=total, unit="point", desc="map") as bar:
        scores = affordance.affordance_map(encoded, columns, bar.update)
    out.mkdir(parents=True, exist_ok=True)
    painted, array = out / f"{scene.stem}.map.png", out / f"{scene.stem}.map.npy"
    affordance.paint(encoded.picture, scores).save(painted)
    np.save(array, scores)
    print(painted, array, sep="\n")


def methods() -> None:
    """The methods: name, parameters, checkpoint, licence of the data it was trained on."""
    from scenepose.methods import describe_all

    print(describe_all())


def bench(
    checkpoint: Annotated[Path | None, arg(metavar="FILE")] = None,
    repeats: int = 20,
    server: bool = True,
    training: bool = False,
    frames: int = 2,
    precision: Literal["fp32", "bf16"] = "fp32",
    workers: int = 0,
) -> None:
    """Speed on this machine, as ratios to bare networks measured in the same run.

    Args:
        checkpoint: weights other than the bundled ones.
        repeats: how often each thing is timed (a training step a quarter as often); the median counts.
        server: whether to time the start of the demo, too.
        training: time a training step instead.
        frames: of a training step, with four points each.
        precision: of a training step.
        workers: processes that load for a training step; 0 loads within it.
    """
    if training:
        try:
            from train.bench import report as report_training
        except ImportError as error:
            raise RequestError(f"training needs {error.name}: pip install 'scenepose[train]'") from error

        report_training(frames, max(1, repeats // 4), precision, workers)
        return
    from scenepose.bench import report

    report(checkpoint, repeats, server)


COMMANDS = {"predict": predict, "map": map_, "methods": methods, "bench": bench}


def main(arguments: list[str] | None = None) -> None:
    """Run a command; what a user did wrong is one sentence on stderr and exit code 2."""
    app = tyro.extras.SubcommandApp()
    for name, command in COMMANDS.items():
        app.command(name=name)(command)
    app.command(study.commands(), name="study", help="Collect preferences between poses, rank the methods.")
    try:
        app.cli(args=arguments, prog="scenepose", description="Click a point, see the people who fit there.")
    except ScenePoseError as error:
        print(f"scenepose: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:  # a folder that is a file, no permission, a full disk
        name = f"{error.filename}: " if error.filename else ""
        print(f"scenepose: {name}{error.strerror or error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
