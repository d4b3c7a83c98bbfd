"""Placed people: bodies of the bank, scaled, turned and set down on a fine grid of places.

Heights, turns and places are rounded before anything is checked, so that what is stored of a person
(`scenepose.data.compact`) is exactly what was checked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenepose.data.compact import HEIGHT_STEP, LOWEST_HEIGHT, PLACE_STEP, TURNS, set_down
from train.world.place.bank import BodyBank

#: Heights of people, metres.
BODY_HEIGHTS = (1.50, 1.95)


def draw_heights(count: int, generator: np.random.Generator) -> NDArray:
    """Body heights (N,): adults, normal about 1.70 m within `BODY_HEIGHTS`."""
    return generator.normal(1.70, 0.10, count).clip(*BODY_HEIGHTS)


@dataclass
class People:
    """N placed people.

    bodies: (N,) rows of the bank. heights: (N,) metres. yaws: (N,) radians counter-clockwise by which the
    body is turned. places: (N, 3) where the body's origin is. supports: (N,) heights of what they rest on.
    keypoints: (N, 16, 3) world metres.
    """

    bodies: NDArray
    heights: NDArray
    yaws: NDArray
    places: NDArray
    supports: NDArray
    keypoints: NDArray

    @staticmethod
    def set_down(
        bank: BodyBank, bodies: NDArray, heights: NDArray, yaws: NDArray, places: NDArray, supports: NDArray
    ) -> People:
        """Round everything to the grid and make the keypoints."""
        heights = LOWEST_HEIGHT + HEIGHT_STEP * np.round((heights - LOWEST_HEIGHT) / HEIGHT_STEP)
        yaws = np.round(yaws * (TURNS / (2 * np.pi))) % TURNS * (2 * np.pi / TURNS)
        places = np.round(np.nan_to_num(places).clip(-100, 100) / PLACE_STEP) * PLACE_STEP
        return People(
            bodies, heights, yaws, places, supports, set_down(bank.keypoints[bodies], heights, yaws, places)
        )

    @staticmethod
    def join(parts: list[People]) -> People:
        """All the people of several lists."""
        return People(
            *(np.concatenate([getattr(p, name) for p in parts]) for name in People.__dataclass_fields__)
        )

    def __getitem__(self, rows: NDArray) -> People:
        return People(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.bodies)

    def shifted(self, shift: NDArray) -> People:
        """The same people moved over the ground by (N, 2) metres, rounded to the grid."""
        step = np.zeros_like(self.places)
        step[:, :2] = np.round(np.nan_to_num(shift) / PLACE_STEP) * PLACE_STEP
        return People(
            self.bodies, self.heights, self.yaws, self.places + step, self.supports,
            self.keypoints + step[:, None],
        )  # fmt: skip

    @property
    def grounds(self) -> NDArray:
        """(N, 2) where the pelvis is, seen from above."""
        return self.keypoints[:, 6, :2]
