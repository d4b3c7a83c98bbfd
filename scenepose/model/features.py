"""What the encoder knows of clicks: read by the paper's head and by every method it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

#: The views of a point, by their names in `Features`.
VIEWS = ("whole", "local", "detail")


class ViewMaps:
    """The maps of one view of B points, n = S / 8 cells across and down; each is cut when it is first read.

    Attributes:
        decoded: (B, view_channels, n, n) the pixel decoder's map.
        stride8: (B, 128, n, n) ResNet-18's layer2. stride32: (B, 512, n / 4, n / 4) its layer4.
    """

    def __init__(self, cut: Callable[[str], Tensor]) -> None:
        self._cut = cut
        self._kept: dict[str, Tensor] = {}

    def _read(self, name: str) -> Tensor:
        if name not in self._kept:
            self._kept[name] = self._cut(name)
        return self._kept[name]

    @property
    def decoded(self) -> Tensor:
        return self._read("decoded")

    @property
    def stride8(self) -> Tensor:
        return self._read("stride8")

    @property
    def stride32(self) -> Tensor:
        return self._read("stride32")

    def map(self, change: Callable[[Tensor], Tensor]) -> ViewMaps:
        """The same maps, each changed when it is read."""
        return ViewMaps(lambda name: change(self._read(name)))


@dataclass(frozen=True, eq=False)
class Features:
    """B points of one or several pictures.

    Attributes:
        whole: maps of the whole picture. local: of the square of side H around the point.
        detail: of the square of side H / 2.
        fused: F (B, C, n, n), in the frame of the local view.
        position: (B, 3) where in its picture each point lies, see `geometry.position_in_picture`.
    """

    whole: ViewMaps
    local: ViewMaps
    detail: ViewMaps
    fused: Tensor
    position: Tensor

    def __len__(self) -> int:
        return len(self.position)

    def _map(self, change: Callable[[Tensor], Tensor], position: Tensor) -> Features:
        views = (getattr(self, view).map(change) for view in VIEWS)
        return Features(*views, fused=change(self.fused), position=position)

    def at(self, rows: Tensor) -> Features:
        """Some of the points; ``rows`` are numbers or booleans (B,)."""
        return self._map(lambda maps: maps[rows], self.position[rows])

    def float(self) -> Features:
        """The same in float32."""
        return self._map(lambda maps: maps.float(), self.position)

    def detach(self) -> Features:
        """The same, cut off from the encoder's gradients."""
        return self._map(lambda maps: maps.detach(), self.position)


def join(parts: Sequence[Features]) -> Features:
    """Several batches of points as one."""

    def joined(view: str) -> ViewMaps:
        views = [getattr(part, view) for part in parts]
        return ViewMaps(lambda name: torch.cat([getattr(one, name) for one in views]))

    return Features(
        *(joined(view) for view in VIEWS),
        fused=torch.cat([part.fused for part in parts]),
        position=torch.cat([part.position for part in parts]),
    )
