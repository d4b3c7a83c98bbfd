"""What the demo does with a visitor's events, without a browser: clicks, pictures given out, downloads."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from scenepose.app import files, known
from scenepose.app.clicks import read_click
from scenepose.app.compare import CompareTab
from scenepose.app.compare_page import Compare
from scenepose.app.engine import Engine
from scenepose.app.generate import Generated, GenerateTab
from scenepose.app.shown import KEPT, Shown
from scenepose.assets import BundledScene
from tests.conftest import room

#: Sizes of two scenes that nobody can mistake for each other.
SIZES = {"wide": (800, 400), "high": (300, 600)}


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))


@pytest.fixture(scope="module")
def engine(random_checkpoint: Path) -> Engine:
    engine = Engine(random_checkpoint)
    engine.start()
    engine.generator()
    return engine


@pytest.fixture
def scenes(tmp_path: Path) -> list[BundledScene]:
    found = []
    for name, size in SIZES.items():
        room(*size).save(tmp_path / f"{name}.png")
        found.append(BundledScene(name, name, tmp_path / f"{name}.png", (size[0] / 2, size[1] / 2)))
    return found


@pytest.fixture
def generate(engine: Engine, scenes: list[BundledScene]) -> GenerateTab:
    with gr.Blocks(analytics_enabled=False) as app:
        return GenerateTab(app, engine, scenes)


@pytest.fixture
def compare(
    engine: Engine, scenes: list[BundledScene], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CompareTab]:
    monkeypatch.setattr("scenepose.app.compare.known_scenes", list)
    with gr.Blocks(analytics_enabled=False), gr.Tab() as tab:
        yield CompareTab(engine, scenes, tab)


def at(index: Any) -> gr.SelectData:
    """An event of a gallery's picture or of a pixel."""
    return gr.SelectData(None, {"index": index, "value": None})


def shown_by(picture: str | Path, x: float, y: float) -> Any:
    """A click in a picture that a browser shows."""
    return read_click({"path": str(picture)}, at([x, y]))


def last(answers: Iterator[tuple]) -> tuple[Compare, str]:
    """What the Compare tab's answer leaves shown, and its picture."""
    every = list(answers)
    pictures = [answer[1] for answer in every if isinstance(answer[1], str)]
    return next(answer[0] for answer in reversed(every) if isinstance(answer[0], Compare)), pictures[-1]


def test_a_click_belongs_to_the_scene_it_was_made_on(generate: GenerateTab) -> None:
    wide, picture, *_ = generate.open_bundled(None, 3, at(0))
    high, *_ = generate.open_bundled(wide, 3, at(1))
    assert (wide.path.stem, high.path.stem) == ("wide", "high")
    served = files.served_size(*SIZES["wide"])
    answer, *_ = generate.answer_click(high, shown_by(picture, served[0] / 4, served[1] / 2), 3)
    assert answer.path == wide.path
    assert answer.point == pytest.approx((200, 200), abs=1)
    # The same on the new scene's picture.
    newest, _ = answer.given[-2]
    answer, *_ = generate.answer_click(answer, shown_by(newest, 0, 0), 3)
    assert answer.path == high.path


def test_a_click_before_the_first_answer_counts(generate: GenerateTab, scenes: list[BundledScene]) -> None:
    answer, *_ = generate.answer_click(None, shown_by(scenes[0].path, 700, 100), 2)
    assert (answer.path, len(answer.poses)) == (scenes[0].path, 2)
    assert answer.point == (700.5, 100.5)
    assert generate.answer_click(None, shown_by("/etc/passwd", 1, 1), 2)[0] == gr.skip()


@pytest.mark.parametrize(
    ("picture", "index"),
    [
        (None, [1, 1]), ({}, [1, 1]), ({"path": 3}, [1, 1]), ({"path": "a"}, None),
        ({"path": "a"}, [float("nan"), 1]),
    ],
)  # fmt: skip
def test_clicks_that_say_nothing(picture: Any, index: Any) -> None:
    assert read_click(picture, at(index)) is None


def test_comparisons_belong_to_the_scene_clicked_in(compare: CompareTab) -> None:
    wide, picture = last(compare.open_scene(None, ["scenepose"], 0, at(0)))
    high, _ = last(compare.open_scene(wide, ["scenepose"], 0, at(1)))
    assert high.path.stem == "high"
    again, _ = last(compare.answer_click(high, shown_by(picture, 10, 10), ["scenepose"], 0))
    assert again.path == wide.path
    assert [panel.method for panel in again.panels] == ["scenepose"]


def test_superseded_pictures_go(generate: GenerateTab, compare: CompareTab) -> None:
    shown: Generated | None = None
    given = []
    for number in range(6):
        shown, picture, *_ = generate.open_bundled(shown, 3, at(number % 2))
        given.append(Path(picture))
    assert [path.exists() for path in given] == [False] * (6 - KEPT) + [True] * KEPT
    other: Compare | None = None
    for number in range(6):
        other, picture = last(compare.open_scene(other, ["scenepose"], 0, at(number % 2)))
        given.append(Path(picture))
    assert sum(path.parent.exists() for path in given) == 2 * KEPT
    for tab, state in ((generate, shown), (compare, other)):
        tab.shown.delete_callback(state)  # the visitor has left
    generate.shown.delete_callback(None)
    assert not any(path.parent.exists() for path in given)


def test_only_own_pictures_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    files.delete(str(tmp_path / "photo.jpg"))
    assert (tmp_path / "photo.jpg").exists()
    picture = files.serve(Image.new("RGB", (32, 32)))
    shown = Shown(tmp_path / "photo.jpg", "photo.jpg", 32, 32).give(picture, None)
    assert shown.meant(picture) == Shown(tmp_path / "photo.jpg", "photo.jpg", 32, 32)
    assert shown.meant("/nowhere") is None


def test_old_downloads_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path) -> None:
        path.write_text("x")

    old = Path(files.download("a.json", write))
    kept = files.keep("room-1.png", write)
    monkeypatch.setattr(files, "CLEANING", (-1, 0.02))
    time.sleep(0.05)
    new = Path(files.download("a.json", write))
    assert [path.exists() for path in (old, kept, new)] == [False, True, True]


def test_known_rooms_are_files_written_once(compare: CompareTab, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = known.KnownScene("Truth 1", room(64, 48), *[known.np.zeros(0)] * 3)
    for module in ("known", "compare"):
        monkeypatch.setattr(f"scenepose.app.{module}.known_scenes", lambda: [scene])
    (first, _), *others = compare.fill_gallery(None)
    assert [title for _, title in others] == list(SIZES)
    written = Path(first).stat().st_mtime_ns
    assert compare.fill_gallery(None)[0][0] == first
    assert Path(first).stat().st_mtime_ns == written
    with Image.open(first) as image:
        assert image.size == (64, 48)
    assert compare.gallery.type == "filepath"


def test_downloads_need_no_model(generate: GenerateTab, scenes: list[BundledScene]) -> None:
    shown, *_ = generate.open_bundled(None, 2, at(0))
    with gr.Blocks(analytics_enabled=False) as app:
        tab = GenerateTab(
            app, Engine(Path("gone.safetensors")), scenes
        )  # never started: its model never comes
    with Image.open(tab.make_png(shown)) as image:
        assert image.size == SIZES["wide"]
    said = json.loads(Path(tab.make_json(shown)).read_text())
    assert (said["scene"], said["point"], len(said["poses"])) == ("wide.png", [400, 200], 2)
    with pytest.raises(gr.Error, match="nothing to download"):
        tab.make_png(None)
    queues = {fn.name: fn.concurrency_id for fn in app.fns.values()}
    assert queues["answer_click"] == "model"
    assert "model" not in (queues["make_png"], queues["make_json"])
