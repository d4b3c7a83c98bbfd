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
    near: float = 0.0,
    kinds: Annotated[str, arg(metavar="LIST")] = "",
    out: Path = Path("predictions"),
    formats: Annotated[str | None, arg(metavar="LIST")] = None,
    size: Annotated[str, arg(metavar="PIXELS")] = "photo",
    alternatives: bool = False,
    overwrite: bool = False,
    ray: Annotated[str | None, arg(metavar="ADDRESS")] = None,
    checkpoint: Annotated[Path | None, arg(metavar="FILE")] = None,
) -> None:
    """The people who fit at a point of a picture, or at every point of a table.

    Answers go to SCENE.json and its like. A file that is there already is never replaced by another answer:
    that of another point goes to SCENE-at-X-Y.json, that of another picture to SCENE-png.json, and if these
    are taken, too, nothing is written and a sentence says so. The same command again writes the same.

    Args:
        scene: a picture, or with --points the folder that the table's pictures are in.
        point: the point in pixels: x to the right, y down.
        points: a table with the columns scene, x, y (CSV of any country); answers go to results.jsonl, and a
            run that was stopped goes on where it was, with the same weights and folder. More formats can be
            asked for.
        method: one that `scenepose methods` lists.
        top_k: how many poses, best first.
        near: 0 centres everybody at the point. Above 0 the point is what feet or hips touch, and people may
            miss it by about so much, in picture heights.
        kinds: only some kinds of pose, such as sit,lie.
        out: folder for the results.
        formats: any of json,png,svg,pose,openpose,coco; json,png for a single picture. json holds all
            poses, png and svg draw them over the picture; pose (the picture on black that image generators
            take), openpose and coco hold the best one, and of a table coco is one file.
        size: of the pose picture: photo, or 512, 768 or 1024 pixels on its shorter side.
        alternatives: write what pose, openpose and coco leave out as further files, SCENE.2.openpose.json ...
        overwrite: replace files of other answers.
        ray: answer a table on a Ray cluster: its address, or "local" for one on this machine. Needs
            scenepose[ray]; pictures and results are in folders that all machines share.
        checkpoint: weights other than the bundled ones.
    """
    import scenepose
    from scenepose import export
    from scenepose.export import files, pose_picture

    if (point is NO_POINT) == (points is None):
        raise RequestError(
            "give either --point X Y for a picture or --points FILE.csv for a folder of pictures"
        )
    wanted = _names(formats or "")
    export.check_formats(wanted)
    if not 0 <= near <= 1:
        raise RequestError(f"near is a distance from 0 to 1 picture heights, not {near}")
    side = pose_picture.side_of(size)
    if ray is not None and points is None:
        raise RequestError("--ray answers a table: give --points FILE.csv, too")
    if points is not None:
        if not scene.is_dir():
            raise RequestError(f"with --points the scene is a folder of pictures, and {scene} is none")
        from scenepose.predict.points import read_points

        rows = read_points(points)
        files.check_folder(out)
        options = {"top_k": top_k, "near": near, "kinds": _names(kinds), "formats": wanted, "side": side}
        options |= {"alternatives": alternatives, "overwrite": overwrite}
        if ray is not None:
            from scenepose.predict import cluster

            path, failed = cluster.run(ray, method, checkpoint, scene, rows, out, **options)
        else:
            from scenepose.predict import batch

            generator = scenepose.load(method, checkpoint)
            path, failed = batch.run(generator, scene, rows, out, **options)
        print(path)
        if failed:
            raise RequestError(f'{failed} of {len(rows)} points could not be answered: see "error" in {path}')
        return

    from scenepose.picture import images
    from scenepose.predict.batch import people_at
    from scenepose.predict.generator import check_point
    from scenepose.predict.results import Wanted

    picture = images.read(scene)
    check_point(point, picture.width, picture.height)
    files.check_folder(out)
    encoded = scenepose.load(method, checkpoint).encode(picture)
    poses = people_at(encoded, point, Wanted(top_k, near, _names(kinds)))
    answer = export.read_record(export.record(scene.name, encoded, point, poses, method))
    written = export.save(
        out,
        scene.stem,
        answer,
        wanted or ["json", "png"],
        picture,
        source=scene,
        side=side,
        alternatives=alternatives,
        overwrite=overwrite,
    )
    if not written[0].name.startswith(f"{scene.stem}."):
        print(f"scenepose: another answer is in {out / scene.stem}.*, and stays", file=sys.stderr)
    for path in written:
        print(path)


def _names(text: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def map_(
    scene: Annotated[Positional[Path], arg(metavar="SCENE")],
    /,
    method: str = "scenepose",
    columns: int = 24,
    out: Path = Path("predictions"),
    overwrite: bool = False,
    checkpoint: Annotated[Path | None, arg(metavar="FILE")] = None,
) -> None:
    """Where people fit: the best compatibility score over a grid of points, as a picture and an array.

    Args:
        scene: a picture.
        method: one that gives compatibility scores; the compared systems give none.
        columns: grid cells across the picture.
        out: folder for the results, SCENE.map.png and SCENE.map.npy.
        overwrite: replace files that hold another map.
        checkpoint: weights other than the bundled ones.
    """
    import io

    import numpy as np
    from tqdm import tqdm

    import scenepose
    from scenepose.export import files
    from scenepose.picture import images

    if columns < 1:
        raise RequestError(f"at least 1 column is needed, not {columns}")
    picture = images.read(scene)
    files.check_folder(out)
    encoded = scenepose.load(method, checkpoint).encode(picture)
    from scenepose.predict import affordance

    total = affordance.grid(encoded.width, encoded.height, columns)[..., 0].size
    with tqdm(total=total, unit="point", desc="map") as bar:
        scores = affordance.affordance_map(encoded, columns, bar.update)
    painted, array = io.BytesIO(), io.BytesIO()
    affordance.paint(encoded.picture, scores).save(painted, "PNG")
    np.save(array, scores)
    made = {f"{scene.stem}.map.png": painted.getvalue(), f"{scene.stem}.map.npy": array.getvalue()}
    files.write(out, made, overwrite=overwrite)
    print(*(out / name for name in made), sep="\n")


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
        frames: of a training step, with 16 points each.
        precision: of a training step.
        workers: processes that load for a training step; 0 loads within it.
    """
    if training:
        try:
            from train.fit.bench import report as report_training
        except ImportError as error:
            clone = (error.name or "").partition(".")[0] == "train"
            raise RequestError(
                "training runs in a clone of the project, which holds the folder train"
                if clone
                else f"training needs {error.name}: pip install 'scenepose[train]'"
            ) from error

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
