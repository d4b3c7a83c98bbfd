"""The methods: one row each. A further method is one file with a `Head` and one row here.

Everything reads this table: `scenepose.load`, the shell, the demo's tabs, training, evaluation, the study.
Nothing here imports PyTorch; a head's module is imported when it is built.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """A method.

    Attributes:
        title: what people read. line: one line about it.
        module: of `scenepose.methods`. head, config: its classes there.
        stochastic: whether another seed gives another answer.
        variant: whether only evaluation asks for it: not in the demo, the shell's list or a study.
    """

    title: str
    line: str
    module: str
    head: str
    config: str
    stochastic: bool = False
    variant: bool = False


METHODS = {
    "scenepose": Method(
        "ScenePose", "Scene-aware human pose generation with transformers (Yao et al., ACM MM 2023)",
        "scenepose", "ScenePose", "ScenePoseConfig",
    ),
    "heatmap": Method(
        "Heatmap", "a heatmap for each joint, read at its peak",
        "heatmap", "Heatmap", "HeatmapConfig",
    ),
    "regression": Method(
        "Regression", "the joints' coordinates, straight from the features",
        "regression", "Regression", "RegressionConfig",
    ),
    "vae": Method(
        "VAE", "a class of pose and a conditional VAE around it (Wang et al., CVPR 2017)",
        "vae", "Vae", "VaeConfig", stochastic=True,
    ),
    "unipose": Method(
        "UniPose", "a waterfall of atrous convolutions and heatmaps (Artacho and Savakis, CVPR 2020)",
        "unipose", "UniPose", "UniPoseConfig",
    ),
    "prtr": Method(
        "PRTR", "joints as a set, predicted by queries and matched (Li et al., CVPR 2021)",
        "prtr", "Prtr", "PrtrConfig",
    ),
    "placenet": Method(
        "PlaceNet", "a GAN whose samples spread as their noise does (Zhang et al., ECCV 2020)",
        "placenet", "PlaceNet", "PlaceNetConfig", stochastic=True,
    ),
    "graconet": Method(
        "GracoNet", "the scene as a graph to be completed, GAN and VAE (Zhou et al., ECCV 2022)",
        "graconet", "GracoNet", "GracoNetConfig", stochastic=True,
    ),
    "vae30": Method(
        "VAE, 30 classes", "vae with 30 classes, as it was published",
        "vae", "Vae", "VaeConfig", stochastic=True, variant=True,
    ),
}  # fmt: skip
