"""The seven systems that the method is compared with: each one file, a head on the one shared encoder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenepose.baselines.head import Head
    from scenepose.model.scenepose import ScenePoseConfig
    from scenepose.templates import TemplateSet

#: Name -> (module, class of the head, class of its sizes). They load only when called for.
HEADS = {
    "heatmap": ("heatmap", "Heatmap", "HeatmapConfig"),
    "regression": ("regression", "Regression", "RegressionConfig"),
    "vae": ("vae", "Vae", "VaeConfig"),
    "unipose": ("unipose", "UniPose", "UniPoseConfig"),
    "prtr": ("prtr", "Prtr", "PrtrConfig"),
    "placenet": ("placenet", "PlaceNet", "PlaceNetConfig"),
    "graconet": ("graconet", "GracoNet", "GracoNetConfig"),
    "vae30": ("vae", "Vae", "VaeConfig"),  # as published, with 30 classes; for evaluation
}


def build(
    name: str, encoder: ScenePoseConfig, template_set: TemplateSet, sizes: dict[str, Any] | None = None
) -> Head:
    """A fresh head.

    Args:
        name: one of `HEADS`.
        encoder: the sizes of the encoder that it reads.
        template_set: what poses are like, and the classes of `vae`.
        sizes: fields of its config that are to differ from the default.
    """
    module, head, _ = HEADS[name]
    found = import_module(f"scenepose.baselines.{module}")
    chosen = config_of(name, sizes)
    made = getattr(found, head)(chosen, encoder, template_set)
    made.sizes = chosen
    return made


def config_of(name: str, sizes: dict[str, Any] | None = None) -> Any:
    """A head's config; lists, as JSON has them, become the tuples they were."""
    module, _, config = HEADS[name]
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in (sizes or {}).items()}
    return getattr(import_module(f"scenepose.baselines.{module}"), config)(**fields)
