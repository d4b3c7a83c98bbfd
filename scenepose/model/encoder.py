"""The encoder: a picture is encoded once, and a point's three views are windows of its feature maps.

    maps = encoder.encode(picture)   three passes: the whole picture squashed to S x S, the picture at
                                     height S, and at height 2 S
    features = maps.at(position)     for B points the whole map, and windows of n x n cells of the other two

n is S / 8. A window of the second map is the paper's local view, the square of side H around the point; one
of the third its detail view, the square of side H / 2. Windows are cut bilinearly at the exact position;
outside the picture they are zero. The paper crops pixels instead and runs the backbone on every crop:
``views="pixels"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, pad
from torchvision.transforms.v2.functional import resize

from scenepose.model.attention import mlp
from scenepose.model.backbone import Backbone
from scenepose.model.features import Features, ViewMaps, join
from scenepose.model.pixel_decoder import PixelDecoder
from scenepose.model.pixels import cut_views, normalised, square_boxes

#: The widest pictures keep their shape up to this aspect; wider ones are squashed to it.
WIDEST = 4.0
#: The backbone's largest stride: sides of what it reads are multiples of it.
STRIDE = 32


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of the encoder. What the paper does not state is our choice, and marked so."""

    view_size: int = 224  # S, paper
    channels: int = 256  # of F; our choice
    # Of each view's own map; our choice: 256 cost a third of a ResNet-18 pass more per view.
    view_channels: int = 128
    # maps: a picture is encoded once, beyond the paper. pixels: every point's views are cut from the picture
    # and encoded, as in the paper.
    views: Literal["maps", "pixels"] = "maps"
    # Whether F has all three views or the local one alone (an ablation of the paper).
    three_views: bool = True
    # Whether F is told where in the picture the point lies; beyond the paper, which goes without.
    tell_position: bool = True
    # Classes of surfaces that a 1x1 convolution tells in every cell, with the metre and the rise
    # (`scenepose.data.surfaces`); 0 for none. Beyond the paper.
    surfaces: int = 0
    freeze_stages: int = 0  # early ResNet stages that do not learn

    def __post_init__(self) -> None:
        if self.view_size % STRIDE:
            raise ValueError(f"view_size is a multiple of {STRIDE}, and it is {self.view_size}")
        if self.surfaces and self.views == "pixels":
            raise ValueError("surfaces are told on the maps of whole pictures, and views is pixels")


class Level(NamedTuple):
    """The maps of F pictures of one size at one resolution; padding beyond the pictures is zero.

    ``cells`` is the picture's width in cells of stride 8, not always whole; the maps are as wide or wider.
    """

    decoded: Tensor  # (F, view_channels, h, w)
    stride8: Tensor  # (F, 128, h, w)
    stride32: Tensor  # (F, 512, h / 4, w / 4)
    cells: float

    def of(self, row: int) -> Level:
        """One picture's."""
        return Level(*(maps[row : row + 1] for maps in self[:3]), self.cells)  # pyright: ignore

    @property
    def nbytes(self) -> int:
        return sum(maps.nbytes for maps in (self.decoded, self.stride8, self.stride32))


class Maps:
    """One encoded picture.

    Attributes:
        whole, local, detail: its maps squashed to S x S, at height S and at height 2 S.
    """

    def __init__(self, encoder: Encoder, whole: Level, local: Level, detail: Level) -> None:
        self.encoder, self.whole, self.local, self.detail = encoder, whole, local, detail

    @property
    def nbytes(self) -> int:
        """The memory that the maps take."""
        return sum(level.nbytes for level in (self.whole, self.local, self.detail))

    def at(self, position: Tensor) -> Features:
        """The features of B points.

        Args:
            position: (B, 3) x / W, y / H and W / H, see `geometry.position_in_picture`.
        """
        count = len(position)
        whole = ViewMaps(lambda name: getattr(self.whole, name).expand(count, -1, -1, -1))
        local = ViewMaps(lambda name: window(self.local, name, position, 1.0))
        detail = ViewMaps(lambda name: window(self.detail, name, position, 0.5))
        fused = self.encoder.fuse(whole, local, detail, position)
        return Features(whole, local, detail, fused, position)

    def surfaces(self) -> Tensor:
        """What is seen in each cell of the picture at height 2 S: (surfaces + 2, 2 n, w) logits of the
        classes, the metre's logarithm in picture heights and the rise in metres; w includes the padding."""
        return self.encoder.surfaces_of([self])[0]


def window(level: Level, name: str, position: Tensor, side: float) -> Tensor:
    """Squares of a picture's map around points, cut bilinearly; zero outside the picture.

    Args:
        level: of one picture. name: of its map. position: (B, 3). side: of the squares, picture heights.

    Returns:
        (B, channels, m, m), m the map's own cells in ``side``.
    """
    maps = getattr(level, name)
    stride = level.decoded.shape[-1] // maps.shape[-1]  # 1, or 4 for stride 32
    height, width = maps.shape[-2:]
    size = round(height * side)
    steps = ((torch.arange(size, device=position.device) + 0.5) / size - 0.5) * side  # picture heights
    x = position[:, 0, None] + steps / position[:, 2, None]  # (B, m) in picture widths
    y = position[:, 1, None] + steps
    # grid_sample's map spans -1 to 1, padding included.
    x = 2 * x * (level.cells / stride / width) - 1
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], (2 * y - 1)[:, :, None]), -1)  # (B, m, m, 2)
    # In float32: half the digits would move windows by a tenth of a cell.
    cut = grid_sample(maps.float(), grid.flatten(0, 1)[None].float(), align_corners=False)
    return cut[0].to(maps.dtype).unflatten(1, (len(position), size)).transpose(0, 1)


class Encoder(nn.Module):
    """Backbone and pixel decoder (paper), shared by the three views, and their fusion to F."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.view_channels
        self.backbone = Backbone(freeze_stages=config.freeze_stages)
        self.pixel_decoder = PixelDecoder(width)
        self.fusion = nn.Conv2d((3 if config.three_views else 1) * width, config.channels, 1)
        self.position = mlp(3, 64, config.channels) if config.tell_position else None
        self.surface = (
            nn.ModuleList(nn.Conv2d(width, config.surfaces + 2, 1) for _ in range(3))
            if config.surfaces
            else None
        )

    def encode(self, picture: Tensor) -> Maps:
        """Encode one picture (3, H, W) uint8."""
        return self.encode_all([picture])[0]

    def encode_all(self, pictures: Sequence[Tensor]) -> list[Maps]:
        """Encode pictures (3, H, W) uint8, those of one shape together; gradients reach what learns."""
        size = self.config.view_size
        whole = self._levels([_resized(picture, size, size) for picture in pictures])
        local, detail = (
            self._levels(
                [
                    _resized(picture, height, width_at((picture.shape[1], picture.shape[2]), height))
                    for picture in pictures
                ]
            )
            for height in (size, 2 * size)
        )
        return [Maps(self, *levels) for levels in zip(whole, local, detail, strict=True)]

    def _levels(self, pictures: list[Tensor]) -> list[Level]:
        """Resized pictures (3, h, w), w of any size, to their maps."""
        levels: list[Level | None] = [None] * len(pictures)
        shapes = [picture.shape[-2:] for picture in pictures]
        for shape in dict.fromkeys(shapes):
            rows = [row for row, own in enumerate(shapes) if own == shape]
            batch = normalised(torch.stack([pictures[row] for row in rows]))
            batch = pad(batch, (0, -shape[1] % STRIDE)).contiguous(memory_format=torch.channels_last)
            level = self._encoded(batch, shape[1])
            for number, row in enumerate(rows):
                levels[row] = level.of(number)
        return [level for level in levels if level is not None]

    def _encoded(self, batch: Tensor, width: int) -> Level:
        """Padded pictures (F, 3, h, w) whose own width is ``width`` pixels."""
        stride8, stride16, stride32 = self.backbone(batch)
        decoded = self.pixel_decoder((stride8, stride16, stride32))
        if width < batch.shape[-1]:
            share = width / batch.shape[-1]
            stride8, stride32, decoded = (_cleared(maps, share) for maps in (stride8, stride32, decoded))
        return Level(decoded, stride8, stride32, width / 8)

    def fuse(self, whole: ViewMaps, local: ViewMaps, detail: ViewMaps, position: Tensor) -> Tensor:
        """The three views' maps to F (B, channels, n, n).

        Two of the views are centred at the point and the third does not mark it, so no view says outright
        where in the picture it lies; yet how high in the picture people are tells how far away they are.
        So F is told ``position``, beyond the paper. The paper joins the three maps cell by cell although
        they show different extents.
        """
        views = (whole, local, detail) if self.config.three_views else (local,)
        fused = self.fusion(torch.cat([view.decoded for view in views], 1))
        if self.position is None:
            return fused
        return fused + self.position(2 * position - 1)[:, :, None, None]

    def surfaces_of(self, pictures: Sequence[Maps]) -> list[Tensor]:
        """`Maps.surfaces` of several pictures: each level's prediction, brought to the finest and added."""
        if self.surface is None:
            raise ValueError("this encoder does not tell surfaces")
        predictions = []
        for maps in pictures:
            height, width = maps.detail.decoded.shape[-2:]
            x = (torch.arange(width, device=maps.detail.decoded.device) + 0.5) / maps.detail.cells
            y = (torch.arange(height, device=x.device) + 0.5) / height
            total = self.surface[2](maps.detail.decoded)
            for head, level in zip(self.surface, (maps.whole, maps.local), strict=False):
                across = 2 * x * (level.cells / level.decoded.shape[-1]) - 1
                grid = torch.stack(torch.broadcast_tensors(across, (2 * y - 1)[:, None]), -1)[None]
                own = head(level.decoded)
                total = total + grid_sample(
                    own, grid.to(own.dtype), padding_mode="border", align_corners=False
                )
            predictions.append(total[0])
        return predictions

    def encode_whole(self, picture: Tensor) -> Level:
        """The whole picture's maps alone, for `cut`."""
        size = self.config.view_size
        return self._levels([_resized(picture, size, size)])[0]

    def cut(self, picture: Tensor, position: Tensor, whole: Level) -> Features:
        """The paper's way: the features of B points of a picture (3, H, W) uint8, whose local and detail
        views are cut from its pixels and encoded one by one; ``whole`` is what `encode_whole` gave."""
        size, count = self.config.view_size, len(position)
        height, width = picture.shape[-2:]
        squares = torch.cat([square_boxes(position, height, width, side) for side in (1.0, 0.5)])
        views = cut_views(picture, squares, size).contiguous(memory_format=torch.channels_last)
        level = self._encoded(views, size)
        first = ViewMaps(lambda name: getattr(whole, name).expand(count, -1, -1, -1))
        local = ViewMaps(lambda name: getattr(level, name)[:count])
        detail = ViewMaps(lambda name: getattr(level, name)[count:])
        return Features(first, local, detail, self.fuse(first, local, detail, position), position)

    def features(self, pictures: Sequence[Tensor], positions: Sequence[Tensor]) -> Features:
        """The features of points of several pictures, one after the other, by the encoder's own ``views``."""
        if self.config.views == "pixels":
            return join([
                self.cut(picture, position, self.encode_whole(picture))
                for picture, position in zip(pictures, positions, strict=True)
            ])  # fmt: skip
        return join([m.at(p) for m, p in zip(self.encode_all(pictures), positions, strict=True)])


def width_at(size: tuple[int, int], height: int) -> int:
    """The width of a picture of a size (H, W), in pixels, when it is ``height`` high."""
    return max(1, round(height * min(size[1] / size[0], WIDEST)))


def _resized(picture: Tensor, height: int, width: int) -> Tensor:
    return resize(picture, [height, width], antialias=True)


def _cleared(maps: Tensor, share: float) -> Tensor:
    """Maps of padded pictures with zero in the cells whose middle lies beyond the picture's share of them;
    the first cell always stays, however narrow the picture."""
    cells = maps.shape[-1]
    inside = torch.arange(cells, device=maps.device) + 0.5 < max(share * cells, 1.0)
    return maps * inside.to(maps.dtype)
