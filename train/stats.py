"""`python -m train stats`: what a source holds, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from scenepose.data.samples import KINDS, Samples
from scenepose.data.sitcom import open_sitcom
from scenepose.data.sources import SPLITS, parse_source, samples_path


@dataclass
class StatsConfig:
    """Count a source's frames, samples and kinds of pose."""

    data: str
    """rooms, nyu:DIR or sitcom:DIR, or with a split rooms:SPLIT; without one, all splits that are there"""


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
    kind, folder, chosen = parse_source(config.data, "")
    if kind == "sitcom":
        splits = [chosen] if chosen else SPLITS
        print(json.dumps(statistics([open_sitcom(Path(folder), split) for split in splits]), indent=1))
        return
    paths = [samples_path(kind, split) for split in ([chosen] if chosen else SPLITS)]
    found = [path for path in paths if path.is_file()]
    if not found:
        raise FileNotFoundError(f"{config.data} has no samples yet; make them with `python -m train place`")
    print(json.dumps(statistics([Samples.load(path) for path in found]), indent=1))
