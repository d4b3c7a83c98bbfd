"""What programs get from the running demo, asked as they ask: through gradio's own client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.conftest import room


@pytest.fixture(scope="module")
def client(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        folder = tmp_path_factory.mktemp("client")
        client = Client(server, verbose=False, download_files=folder, analytics_enabled=False)
        yield client
        client.close()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "hall.png"
    room(320, 200).save(path)
    return path


def test_generate(client: Client, photo: Path) -> None:
    said = client.predict(handle_file(str(photo)), 160, 120, 2, api_name="/generate")
    assert (said["scene"], said["width"], said["height"], len(said["poses"])) == ("hall.png", 320, 200, 2)


def test_compare(client: Client, photo: Path) -> None:
    said = client.predict(handle_file(str(photo)), 160, 120, api_name="/compare")
    assert said["methods"][0]["method"] == "scenepose"


def test_affordance_map(client: Client, photo: Path) -> None:
    picture, said = client.predict(handle_file(str(photo)), api_name="/affordance_map")
    assert (said["scene"], said["width"], said["height"], said["method"]) == (
        "hall.png", 320, 200, "scenepose",
    )  # fmt: skip
    assert (said["columns"], said["rows"]) == (24, 15)
    assert [len(row) for row in said["scores"]] == [24] * 15
    scores = [score for row in said["scores"] for score in row]
    assert 0 <= min(scores) < max(scores) <= 1
    with Image.open(picture) as image:
        assert image.size == (320, 200)


def test_mistakes_are_sentences(client: Client, photo: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("nothing")
    for inputs, endpoint in (((1, 1, 2), "generate"), ((1, 1), "compare"), ((), "affordance_map")):
        with pytest.raises(AppError, match="not a picture that can be read"):
            client.predict(handle_file(str(broken)), *inputs, api_name=f"/{endpoint}")
        with pytest.raises(AppError, match="A picture is needed"):
            client.predict(None, *inputs, api_name=f"/{endpoint}")
    with pytest.raises(AppError, match="outside the picture, which is 320 x 200"):
        client.predict(handle_file(str(photo)), 400, 1, api_name="/compare")


def test_endpoints_are_described(client: Client) -> None:
    said = client.view_api(return_format="dict")
    assert isinstance(said, dict)
    endpoints = said["named_endpoints"]
    names = {name: [one["parameter_name"] for one in end["parameters"]] for name, end in endpoints.items()}
    assert names["/generate"] == ["image", "x", "y", "top_k", "near", "kinds"]
    assert names["/compare"] == ["image", "x", "y"]
    assert names["/affordance_map"] == ["image"]
    assert "Where people fit" in endpoints["/affordance_map"]["description"]
