"""Uploading to the demo as a browser would."""

from __future__ import annotations

from typing import Any

import httpx

#: What marks a file among an endpoint's values.
META = {"_type": "gradio.FileData"}


def upload(client: httpx.Client, name: str, data: bytes) -> dict[str, Any] | str:
    """Upload a file: what endpoints want to be told about it, or why it is refused."""
    answer = client.post("/gradio_api/upload", files={"files": (name, data)})
    if answer.status_code != 200:
        assert answer.status_code < 500, (name, answer.text)
        return answer.text
    return {"path": answer.json()[0], "orig_name": name, "meta": META}
