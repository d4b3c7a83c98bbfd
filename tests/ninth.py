"""A table with a ninth row, through everything that lists methods. `python -m tests.ninth FOLDER` runs it.

In a process of its own, because the row has to be there before anything reads the table.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def add_row() -> None:
    """Load the table first, with a row more, and the method's file where the others are."""
    spec = importlib.util.spec_from_file_location(
        "scenepose.methods.table", ROOT / "scenepose/methods/table.py"
    )
    assert spec is not None
    assert spec.loader is not None
    table = importlib.util.module_from_spec(spec)
    sys.modules["scenepose.methods.table"] = table
    spec.loader.exec_module(table)
    table.METHODS["toy"] = table.Method("Toy", "the same pose everywhere", "toy", "Toy", "ToyConfig")
    from tests import toy_method

    sys.modules["scenepose.methods.toy"] = toy_method


def walk(folder: Path) -> dict:
    """Train it, load it, compare, evaluate, study; what was seen."""
    import gradio as gr
    import torch

    torch.set_num_threads(1)
    import scenepose
    from scenepose import methods
    from scenepose.app import stage
    from scenepose.app.compare import CompareTab
    from scenepose.app.engine import Engine
    from scenepose.app.pictures import Pictures
    from scenepose.picture import images
    from scenepose.predict.compare import compare, record
    from scenepose.study import items, sources
    from tests import tiny
    from tests.conftest import room
    from tests.tiny_heads import run_of, settings
    from train.fit import baselines as baseline
    from train.fit.loop import BEST, loader_of, train_on
    from train.judge import evaluate

    weights = tiny.save(folder / "main", tiny.encoder(), tiny.head()).parent
    run, batches = run_of(settings(folder / "run", weights, methods=["toy"], steps=2))
    train_on(run, loader_of(run, batches))
    (folder / "run" / BEST / "toy.safetensors").rename(weights / "toy.safetensors")
    generator = scenepose.load("toy", weights, "cpu")
    poses = generator.encode(room()).generate((300, 250))

    engine = Engine(weights / "scenepose.safetensors")
    engine.start()
    scene = engine.generator().encode(room())
    names = engine.compared.names()
    panels = list(compare(engine.compared, scene, (300, 250), names))
    shown: dict = {}
    build = stage.component
    stage.component = lambda name, config, asked: (shown.update(config), build(name, config, asked))
    with gr.Blocks(), gr.Tabs(), gr.Tab("Compare"):
        CompareTab(Pictures(engine, []))

    evaluate.open_source = lambda name, split: tiny.source()
    evaluate.parse_source = lambda name, split: (name, "", split)
    evaluate.ms_per_click = lambda generator, source: 1.0
    config = evaluate.EvaluateConfig(
        data=["tiny"], out=folder / "table", limit=4, checkpoint=weights, checkpoints=folder / "none",
        more=folder / "none", workers=0, resamples=20,
    )  # fmt: skip
    results, *_ = evaluate.evaluate(config)

    own = {"toy": weights / "toy.safetensors", "scenepose": weights / "scenepose.safetensors"}
    place = items.Place("room", lambda: images.read(room()), (300.0, 250.0))
    listed = [name for name in sources.available(own) if name in own]
    sources.check_sources(listed)
    return {
        "unbundled": methods.missing(),
        "all": baseline.asked_for(["all"], False),
        "poses": len(poses),
        "compared": {panel.method: panel.error for panel in panels},
        "choices": shown["methods"],
        "panels": record("room", scene, (300, 250), panels)["methods"],
        "about": shown["about"],
        "table": evaluate.table(results),
        "studied": sorted(sources.poses([place], listed, own)[0]),
    }


if __name__ == "__main__":
    add_row()
    Path(sys.argv[1], "seen.json").write_text(json.dumps(walk(Path(sys.argv[1]))))
