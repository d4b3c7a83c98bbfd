"""The grid of answers that the page gets: in few letters, and still the same people."""

from __future__ import annotations

import numpy as np

from scenepose.app.grid import compact
from scenepose.predict.generator import Generator
from scenepose.predict.near import ghosts
from tests.conftest import room


def test_compact_and_back(generator: Generator) -> None:
    scene = generator.encode(room(320, 240))
    found = ghosts(scene, 0.08, None)
    told = compact(found, scene)
    assert (told["rows"], told["columns"]) == found.shape
    places, most = found.scores.shape
    assert told["most"] == most
    assert len(told["scores"]) == len(told["which"]) == places * most
    for place, n in ((0, 0), (700, most - 1), (places - 1, 1)):
        entry = place * most + n
        pose = told["which"][entry]
        assert told["templates"][pose] == found.templates[place, n]
        assert told["scores"][entry] == round(1000 * found.scores[place, n])
        shift = np.array(told["shifts"][2 * entry : 2 * entry + 2])
        keypoints = np.array(told["poses"][pose]).reshape(16, 2) + shift
        np.testing.assert_allclose(keypoints, found.keypoints(scene, place, n), atol=1.01)
