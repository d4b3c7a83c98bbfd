"""`python -m train stats`: what a source holds, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from scenepose.data.samples import Samples
from scenepose.data.sources import samples_of
from scenepose.pose.kinds import KINDS


@dataclass
class StatsConfig:
    """Count a source's frames, samples and kinds of pose."""

    data: str
    """as for `evaluate`; without a split in the name, all splits that are there"""


def statistics(parts: list[Samples]) -> dict:
    """Counts over the splits of a source. A sample is a point with its primary pose."""
    primaries = [part.kinds[part.primary] for part in parts]
    kinds = Counter(KINDS[kind] for column in primaries for kind in column)
    return {
        "frames": sum(len(part.frame_names) for part in parts),
        "places": sum(len(set(part.frame_places.tolist())) for part in parts),
        "samples": sum(len(column) for column in primaries),
        "poses": sum(len(part.kinds) for part in parts),
        "points_where_nobody_fits": sum(int((part.primary_rows < 0).sum()) for part in parts),
        "kinds": {kind: kinds[kind] for kind in KINDS if kinds[kind]},
        "shares": {kind: round(kinds[kind] / max(1, kinds.total()), 4) for kind in KINDS if kinds[kind]},
        "poses_a_point": round(sum(len(part.kinds) for part in parts) / max(1, kinds.total()), 1),
    }


def main(config: StatsConfig) -> None:
    """Print the counts."""
    print(json.dumps(statistics(samples_of(config.data)), indent=1))
