"""What the encoder says about a click: computed once, read by the main model and by every baseline."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

import torch
from torch import Tensor

from scenepose.model.foundation import ENCODER
from scenepose.model.scenepose import ScenePose


class ViewMaps(NamedTuple):
    """The maps of one sort of view, S being the view's side in pixels."""

    stride8: Tensor  # (B, 128, S/8, S/8), ResNet-18's layer2
    stride16: Tensor  # (B, 256, S/16, S/16), layer3
    stride32: Tensor  # (B, 512, S/32, S/32), layer4
    decoded: Tensor  # (B, view_channels, S/8, S/8), the pixel decoder's

    def at(self, rows: Tensor | slice) -> ViewMaps:
        """Some of the views."""
        return ViewMaps(*(maps[rows] for maps in self))

    def expand(self, count: int) -> ViewMaps:
        """One view for ``count`` points, without copying it."""
        return ViewMaps(*(maps.expand(count, -1, -1, -1) for maps in self))


class Features(NamedTuple):
    """B clicks: the maps of their three views, the fused map F, where in their pictures the points lie."""

    whole: ViewMaps  # of the whole picture
    local: ViewMaps  # of the square of side H around the point
    detail: ViewMaps  # of the square of side H / 2
    fused: Tensor  # F (B, C, S/8, S/8)
    place: Tensor  # (B, 3), see `geometry.place_in_picture`

    def at(self, rows: Tensor) -> Features:
        """Some of the clicks; ``rows`` are numbers or booleans (B,)."""
        whole, local, detail = (view.at(rows) for view in self[:3])
        return Features(whole, local, detail, self.fused[rows], self.place[rows])

    def float(self) -> Features:
        """The same in float32."""
        whole, local, detail = (ViewMaps(*(maps.float() for maps in view)) for view in self[:3])
        return Features(whole, local, detail, self.fused.float(), self.place.float())

    def detach(self) -> Features:
        """The same, cut off from the encoder's gradients."""
        whole, local, detail = (ViewMaps(*(maps.detach() for maps in view)) for view in self[:3])
        return Features(whole, local, detail, self.fused.detach(), self.place)


def view_maps(model: ScenePose, views: Tensor) -> ViewMaps:
    """Normalised views (B, 3, S, S) to their maps."""
    stride8, stride16, stride32 = model.foundation.backbone(views)
    decoded = model.foundation.pixel_decoder((stride8, stride16, stride32))
    return ViewMaps(stride8, stride16, stride32, decoded)


def fuse(model: ScenePose, whole: ViewMaps, local: ViewMaps, detail: ViewMaps, place: Tensor) -> Features:
    """The maps of B clicks' three views to their features."""
    fused = model.fuse(whole.decoded, local.decoded, detail.decoded, place)
    return Features(whole, local, detail, fused, place)


def encode(
    model: ScenePose,
    global_views: Tensor,
    local_views: Tensor,
    detail_views: Tensor,
    place: Tensor,
    frame: Tensor,
) -> Features:
    """Features of B clicks in F frames, in one pass through the backbone.

    Args:
        global_views: (F, 3, S, S). local_views, detail_views: (B, 3, S, S).
        place: (B, 3). frame: (B,) the row of each point's frame in ``global_views``.
    """
    frames, points = len(global_views), len(local_views)
    maps = view_maps(model, torch.cat([global_views, local_views, detail_views]))
    local = maps.at(slice(frames, frames + points))
    return fuse(model, maps.at(frame), local, maps.at(slice(frames + points, None)), place)


def join(parts: list[Features]) -> Features:
    """Several batches of clicks as one."""

    def joined(views: list[ViewMaps]) -> ViewMaps:
        return ViewMaps(*(torch.cat(maps) for maps in zip(*views, strict=True)))

    return Features(
        joined([part.whole for part in parts]),
        joined([part.local for part in parts]),
        joined([part.detail for part in parts]),
        torch.cat([part.fused for part in parts]),
        torch.cat([part.place for part in parts]),
    )


def fingerprint(model: ScenePose) -> str:
    """What tells one encoder's weights from another's: 16 hexadecimal digits.

    It covers everything that `encode` runs, as a checkpoint stores it (matrices in half precision), so that
    saving and loading do not change it; the main model's own heads may change without changing it.
    """
    config = model.config
    names = ("view_size", "channels", "tell_place", "views")
    parts = {name: getattr(config, name) for name in names}
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=8)
    encoder = {
        name: tensor
        for name, tensor in model.foundation.state_dict().items()
        if name.split(".")[0] in ENCODER and not name.endswith("num_batches_tracked")
    }
    for name in sorted(encoder):
        tensor = encoder[name].detach().cpu()
        stored = tensor.half() if tensor.dim() > 1 else tensor.float()
        digest.update(name.encode())
        digest.update(stored.contiguous().numpy().tobytes())
    return digest.hexdigest()
