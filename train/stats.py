"""`python -m train stats`: what a source holds, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from scenepose.data.samples import KINDS, Samples
from scenepose.data.sources import SPLITS, parse_source, samples_path


@dataclass
class StatsConfig:
    """Count a source's frames, samples and kinds of pose."""

    data: str
    """rooms, rooms:SPLIT, nyu:DIR or nyu:DIR:SPLIT; without a split, all splits that are there"""


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
    }


def main(config: StatsConfig) -> None:
    """Print the counts."""
    kind, _, chosen = parse_source(config.data, "")
    paths = [samples_path(kind, split) for split in ([chosen] if chosen else SPLITS)]
    found = [path for path in paths if path.is_file()]
    if not found:
        raise FileNotFoundError(f"{config.data} has no samples yet; make them with `python -m train place`")
    print(json.dumps(statistics([Samples.load(path) for path in found]), indent=1))
