"""Many clicks on a running demo: what they cost in memory, and what eight people at once wait.

`python -m tests.crowd` measures both on the real demo, with 2,000 clicks on 50 photos; `python -m tests.crowd
CLICKS` with another number.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from scenepose.assets import assets, checkpoint_path
from tests.conftest import room, running
from tests.hostile_pictures import encoded
from tests.uploads import upload

#: People who click at once.
PEOPLE = 8


def photos(client: httpx.Client, count: int, size: tuple[int, int]) -> list[dict[str, Any]]:
    """Upload so many different rooms."""
    found = []
    for number in range(count):
        image = room(*size)
        image.paste((5 * number % 256, number, 0), (0, 0, 9, 9))
        file = upload(client, f"room-{number}.jpg", encoded(image, "JPEG"))
        assert isinstance(file, dict)
        found.append(file)
    return found


def click(client: httpx.Client, photo: dict[str, Any], number: int) -> float:
    """One click; its seconds."""
    begun = time.perf_counter()
    values = [photo, 20 + 37 * number % 200, 20 + 53 * number % 150, 3]
    answer = client.post(
        "/gradio_api/run/generate", json={"data": values, "session_hash": f"person{number % 9}"}
    )
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - begun


def memory(process: int) -> int:
    """What a process has in memory now, bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) * 1024


def growth(
    client: httpx.Client, process: int, images: list[dict[str, Any]], first: int, last: int
) -> dict[str, float]:
    """Memory after the first clicks and after the last, in turns on all pictures; bytes, and their ratio."""
    after = {}
    for number in range(last):
        if number == first:
            after["first"] = memory(process)
        click(client, images[number % len(images)], number)
    after["last"] = memory(process)
    return {**after, "ratio": after["last"] / after["first"]}


def crowd(address: str, images: list[dict[str, Any]], each: int) -> dict[str, float]:
    """What one person waits for a click, and eight who click at once, ``each`` so often; seconds."""

    def person(number: int) -> list[float]:
        with httpx.Client(base_url=address, trust_env=False, timeout=120) as client:
            return [click(client, images[number % len(images)], number + PEOPLE * k) for k in range(each)]

    with httpx.Client(base_url=address, trust_env=False, timeout=120) as client:
        for image in images:  # every picture is encoded by now
            click(client, image, 0)
    single = float(np.median(person(0) + person(1)))
    with ThreadPoolExecutor(PEOPLE) as people:
        times = np.concatenate(list(people.map(person, range(PEOPLE))))
    p95 = float(np.quantile(times, 0.95))
    return {"single": single, "median": float(np.median(times)), "p95": p95, "ratio": p95 / single}


def main() -> None:
    """Measure, and print JSON."""
    clicks = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        variables = {"SCENEPOSE_TEST_REPORT": f"{name}/report", "SCENEPOSE_TEST_PROCESS": f"{name}/process"}
        options = ("--checkpoint", str(checkpoint_path("scenepose")), "--scenes", str(assets() / "scenes"))
        program = ("-m", "tests.watched")
        with (
            running(*options, folder=folder, program=program, environment=variables) as address,
            httpx.Client(base_url=address, trust_env=False, timeout=300) as client,
        ):
            images = photos(client, 50, (640, 480))
            process = int((folder / "process").read_text())
            report = {"crowd": crowd(address, images[:PEOPLE], 20)}
            report["memory"] = growth(client, process, images, min(200, clicks // 2), clicks)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
