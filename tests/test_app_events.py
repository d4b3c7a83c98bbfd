"""What the page's script asks of the server, without a browser: pictures, answers, grids, files, nonsense."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from scenepose.app import files, known, posted, stage
from scenepose.app.compare import CompareTab
from scenepose.app.engine import Engine
from scenepose.app.generate import ABOUT, GenerateTab
from scenepose.app.pictures import Pictures, Turns, plain_name
from scenepose.assets import BundledScene
from scenepose.errors import RequestError, ScenePoseError
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
def pictures(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pictures:
    for module in ("pictures", "compare"):
        monkeypatch.setattr(f"scenepose.app.{module}.known_scenes", list)
    scenes = []
    for name, size in SIZES.items():
        room(*size).save(tmp_path / f"{name}.png")
        scenes.append(BundledScene(name, name, tmp_path / f"{name}.png", (size[0] / 2, size[1] / 2)))
    return Pictures(engine, scenes)


@pytest.fixture
def generate(pictures: Pictures) -> GenerateTab:
    with gr.Blocks(analytics_enabled=False):
        return GenerateTab(pictures)


@pytest.fixture
def compare(pictures: Pictures) -> CompareTab:
    with gr.Blocks(analytics_enabled=False):
        return CompareTab(pictures)


def uploaded(tmp_path: Path, size: tuple[int, int] = (64, 48), name: str = "own photo.png") -> Path:
    """A file where gradio puts uploads."""
    path = tmp_path / "files" / "0f" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    room(*size).save(path)
    return path


def grid(tab: GenerateTab, **asked: Any) -> dict[str, Any]:
    """A picture's grid, waited for."""

    async def wait() -> dict[str, Any]:
        while (answer := await tab.grid(asked)).get("waiting"):
            pass
        return answer

    return asyncio.run(wait())


def test_an_answer_has_everybody_best_first(generate: GenerateTab) -> None:
    answer = generate.answer({"picture": "scene:wide", "x": 200, "y": 100, "near": 0})
    assert (answer["scene"], answer["width"], answer["height"]) == ("wide.png", *SIZES["wide"])
    scores = [pose["score"] for pose in answer["poses"]]
    assert len(scores) == 14
    assert scores == sorted(scores, reverse=True)
    assert sorted(pose["template"] for pose in answer["poses"]) == list(range(14))
    assert all(pose["colour"][0] == "#" for pose in answer["poses"])
    assert answer["poses"][0]["point"] == [200, 100]
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "a picture is named by a text, not by None"),
        ({"picture": "scene:nowhere"}, "there is no picture 'scene:nowhere'"),
        ({"picture": "photo:0"}, "no longer on the server"),
        ({"picture": "room:99999999"}, "there is no picture"),
        ({"picture": "/etc/passwd"}, "there is no picture"),
        ({"picture": "scene:wide", "x": "left", "y": 1}, "x is a number, not 'left'"),
        ({"picture": "scene:wide", "x": True, "y": 1}, "x is a number, not True"),
        ({"picture": "scene:wide", "x": float("nan"), "y": 1}, "x is a finite number, not nan"),
        ({"picture": "scene:wide", "x": 1, "y": 4000}, "lies outside the picture, which is 800 x 400"),
        ({"picture": "scene:wide", "x": 1, "y": 1, "near": "far"}, "near is a number, not 'far'"),
        ({"picture": "scene:wide", "x": 1, "y": 1, "near": -1}, "near is a radius from 0 to 1"),
    ],
)
def test_questions_that_make_no_sense(generate: GenerateTab, asked: Any, sentence: str) -> None:
    with pytest.raises(ScenePoseError, match=sentence.replace("(", r"\(")):
        generate.answer(asked)


@pytest.mark.parametrize("nonsense", [None, 3, "text", [1], {"picture": {}}, {"people": None}])
def test_every_function_of_the_page_answers_in_sentences(generate: GenerateTab, nonsense: Any) -> None:
    for function in stage.asked(generate.open, generate.answer, generate.check, generate.save):
        answer = function(nonsense)
        assert list(answer) == ["error"]
        assert answer["error"][0].isupper()
        assert "could not do that" not in answer["error"]
    assert "error" in asyncio.run(generate.grid(nonsense))


def test_a_photo_is_one_that_was_uploaded(generate: GenerateTab, tmp_path: Path) -> None:
    for path in ("/etc/passwd", tmp_path / "wide.png", "", None, {"a": 1}):
        with pytest.raises(RequestError, match="uploaded first"):
            generate.open({"path": path, "name": "wide.png"})
    opened = generate.open({"path": str(uploaded(tmp_path)), "name": "C:\\photos\\Own Photo.PNG"})
    assert (opened["name"], opened["width"], opened["height"]) == ("Own Photo.PNG", 64, 48)
    assert opened["link"] is None
    with Image.open(opened["file"]) as image:
        assert image.size == files.served_size(64, 48)
    answer = generate.answer({"picture": opened["picture"], "x": 30, "y": 20})
    assert answer["scene"] == "Own Photo.PNG"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.png", "a.png"),
        ("../../b.png", "b.png"),
        ("C:\\c d.png", "c d.png"),
        ("\x00\n", ""),
        (None, ""),
        (3, "3"),
    ],
)
def test_names_of_files_stay_as_they_were(name: Any, plain: str) -> None:
    assert plain_name(name) == plain


def test_a_picture_is_encoded_once_for_all_who_ask(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pictures.add(uploaded(tmp_path, (90, 70)), "a.png")
    encoded: list[Path] = []
    encode = pictures.engine.scene

    def slowly(path: Path) -> Any:
        encoded.append(path)
        time.sleep(0.2)
        return encode(path)

    monkeypatch.setattr(pictures.engine, "scene", slowly)
    scenes: list[Any] = []
    threads = [threading.Thread(target=lambda: scenes.append(pictures.scene(source))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(encoded) == 1
    assert all(scene is scenes[0] for scene in scenes)


def test_clicks_go_before_what_happens_in_the_background() -> None:
    turns, order = Turns(), []
    begun, go = threading.Event(), threading.Event()

    def background() -> None:
        for step in range(3):
            with turns.background():
                order.append(f"background {step}")
                begun.set()
                go.wait(5)

    def click() -> None:
        with turns.click():
            order.append("click")

    worker = threading.Thread(target=background)
    worker.start()
    begun.wait(5)
    clicks = [threading.Thread(target=click) for _ in range(2)]
    for one in clicks:
        one.start()
    time.sleep(0.1)
    go.set()
    for one in (worker, *clicks):
        one.join(5)
    assert order == ["background 0", "click", "click", "background 1", "background 2"]


@pytest.mark.parametrize("near", [0, ABOUT])
def test_the_grid_says_what_a_click_ranks_first(generate: GenerateTab, near: float) -> None:
    made = grid(generate, picture="scene:wide", near=near, kinds=None)
    cells = made["columns"] * made["rows"]
    assert cells >= 24 * 18 * 0.9
    assert [len(made[name]) for name in ("scores", "which")] == [cells * made["most"]] * 2
    assert len(made["shifts"]) == 2 * cells * made["most"]
    same = 0
    chosen = range(0, cells, cells // 20)
    for cell in chosen:
        x = (cell % made["columns"] + 0.5) * SIZES["wide"][0] / made["columns"]
        y = (cell // made["columns"] + 0.5) * SIZES["wide"][1] / made["rows"]
        best = generate.answer({"picture": "scene:wide", "x": x, "y": y, "near": near})["poses"][0]
        entry = cell * made["most"]
        if best["template"] != made["templates"][made["which"][entry]]:
            continue
        same += 1
        shift = made["shifts"][2 * entry : 2 * entry + 2]
        keypoints = np.array(made["poses"][made["which"][entry]]).reshape(16, 2) + shift
        away = np.abs(keypoints - best["keypoints"]).mean() / SIZES["wide"][1]
        if near == 0:
            assert best["score"] == pytest.approx(made["scores"][entry] / 1000, abs=0.05)
        assert away < 0.03
    assert same >= 0.8 * len(chosen)
    assert len(json.dumps(made)) < 400_000, "one compact piece"


def test_the_grid_of_one_kind(generate: GenerateTab) -> None:
    model = generate.model({})
    assert model["kinds"] == ["stand", "walk", "sit"]
    made = grid(generate, picture="scene:wide", near=0, kinds=["sit"])
    assert {model["templates"][template]["kind"] for template in made["templates"]} == {"sit"}
    assert grid(generate, picture="scene:wide", near=0, kinds=["fly"])["error"].startswith(
        "There is no kind 'fly'"
    )


def kept(generate: GenerateTab, count: int) -> list[dict[str, Any]]:
    return generate.answer({"picture": "scene:wide", "x": 300, "y": 200})["poses"][:count]


@pytest.mark.parametrize(
    ("format", "ending"),
    [("json", ".json"), ("png", ".png"), ("svg", ".svg"), ("pose", ".pose.png"),
     ("openpose", ".openpose.json"), ("coco", ".coco.json")],
)  # fmt: skip
def test_every_format(generate: GenerateTab, format: str, ending: str) -> None:
    people = kept(generate, 2)
    people[1]["edited"] = True
    saved = generate.save({"picture": "scene:wide", "people": people, "format": format, "size": "photo"})
    assert saved["name"] == f"wide{ending}"
    assert Path(saved["file"]).name == saved["name"]
    assert Path(saved["file"]).stat().st_size > 100


def test_our_json_comes_back_as_it_was(generate: GenerateTab) -> None:
    people = kept(generate, 3)
    people[2] |= {"edited": True}
    saved = generate.save({"picture": "scene:wide", "people": people, "format": "json", "size": "photo"})
    record = json.loads(Path(saved["file"]).read_text())
    assert record["together"] is True
    back = generate.check({"record": record, "name": "wide.json"})
    assert (back["scene"], back["width"], back["height"]) == ("wide.png", *SIZES["wide"])
    assert [one["keypoints"] for one in back["people"]] == [one["keypoints"] for one in people]
    assert [one.get("edited", False) for one in back["people"]] == [False, False, True]
    assert [one["colour"] for one in back["people"]] == [one["colour"] for one in people]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"people": []}, "nobody to download yet"),
        ({"people": [{"keypoints": [[1, 2]] * 15}]}, "15 keypoints"),
        ({"people": [{"keypoints": [[1, 2]] * 15 + [[1e9, 0]]}]}, "l_wrist"),
        ({"people": [3]}, "not a pose"),
        ({"format": "gif"}, "there is no format 'gif'"),
        ({"format": None}, "format is a text"),
        ({"size": "huge"}, "size is photo, 512, 768 or 1024"),
    ],
)
def test_people_who_make_no_sense(generate: GenerateTab, changed: dict, sentence: str) -> None:
    asked = {"picture": "scene:wide", "people": kept(generate, 1), "format": "json", "size": "photo"}
    with pytest.raises(RequestError, match=sentence):
        generate.save(asked | changed)


def test_a_comparison_and_its_picture(compare: CompareTab) -> None:
    asked = {"picture": "scene:high", "x": 150, "y": 300, "methods": ["scenepose"], "seed": 0}
    answer = compare.compare(asked)
    (row,) = answer["methods"]
    assert (row["method"], row["title"], row["error"]) == ("scenepose", "ScenePose", None)
    assert len(row["poses"]) == 1
    assert answer["frame"] == [0, 0, 300, 600]
    saved = compare.picture(asked)
    assert saved["name"] == "high-compared.png"
    with Image.open(saved["file"]) as sheet:
        assert sheet.height > 300


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [({"methods": []}, "no method is switched on"), ({"methods": "scenepose"}, "no method"),
     ({"seed": "x"}, "the seed is a number"), ({"seed": -1}, "the seed is at least"),
     ({"x": 9000}, "lies outside the picture")],
)  # fmt: skip
def test_comparisons_that_make_no_sense(compare: CompareTab, changed: dict, sentence: str) -> None:
    asked = {"picture": "scene:high", "x": 150, "y": 300, "methods": ["scenepose"], "seed": 0}
    with pytest.raises(ScenePoseError, match=sentence):
        compare.compare(asked | changed)


def test_known_rooms_are_files_written_once(compare: CompareTab, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = known.KnownScene("Truth 1", room(64, 48), np.array([[30.0, 20.0]]), *[np.zeros(0)] * 2)
    for module in ("known", "compare", "pictures"):
        monkeypatch.setattr(f"scenepose.app.{module}.known_scenes", lambda: [scene])
    first, *others = compare.scenes({})["scenes"]
    assert (first["picture"], first["known"], first["point"]) == ("room:0", [[30.0, 20.0]], [30.0, 20.0])
    assert [one["title"] for one in others] == list(SIZES)
    written = Path(first["file"]).stat().st_mtime_ns
    assert compare.scenes({})["scenes"][0]["file"] == first["file"]
    assert Path(first["file"]).stat().st_mtime_ns == written


def test_old_downloads_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path) -> None:
        path.write_text("x")

    old = Path(files.download("a.json", write))
    kept = files.keep("room-1.png", write)
    monkeypatch.setattr(files, "CLEANING", (-1, 0.02))
    time.sleep(0.05)
    new = Path(files.download("a.json", write))
    assert [path.exists() for path in (old, kept, new)] == [False, True, True]


@pytest.mark.parametrize(("value", "answer"), [(None, 5), (3, 3), ("4", 4), (7.0, 7), (1e40, 10**6)])
def test_whole_numbers(value: Any, answer: int) -> None:
    assert posted.whole(value, "top_k", 5) == answer


@pytest.mark.parametrize("value", ["abc", "", 2.5, float("nan"), float("inf"), True, [1], {}, 0, -3])
def test_numbers_that_are_not_whole(value: Any) -> None:
    with pytest.raises(RequestError, match=r"^top_k is "):
        posted.whole(value, "top_k", 5)


def test_kinds_as_clients_write_them() -> None:
    assert posted.kinds(None) is posted.kinds([]) is posted.kinds("") is None
    assert posted.kinds("sit, lie") == posted.kinds(["lie", "sit", "sit"]) == ["lie", "sit"]
    for wrong in (["dance"], "dance", 3, {"sit": 1}, [None], [["sit"]]):
        with pytest.raises(RequestError, match="kind"):
            posted.kinds(wrong)
