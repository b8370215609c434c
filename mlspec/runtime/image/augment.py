"""Random changes of pictures of training rows. What is drawn comes from a seed, the epoch and the row, whoever loads it and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[Any]
Change = Callable[[Planes, np.random.Generator], Planes]


def changes_of(configs: Sequence[Mapping[str, Any]]) -> Change | None:
    """The changes, one after the other; None where there are none. Pixels go from 0 to 255."""
    steps = [_CHANGES[str(config["name"])](config) for config in configs]
    if not steps:
        return None

    def change(planes: Planes, random: np.random.Generator) -> Planes:
        for step in steps:
            planes = step(planes, random)
        return planes

    return change


def random_of(seed: int, row: int) -> np.random.Generator:
    """What is drawn for a row; `seed` is that of the epoch."""
    return np.random.Generator(np.random.PCG64((seed, row)))


def _flip(config: Mapping[str, Any]) -> Change:
    def change(planes: Planes, random: np.random.Generator) -> Planes:
        for axis, wanted in ((2, config["horizontal"]), (1, config["vertical"])):
            if wanted and random.random() < 0.5:
                planes = np.flip(planes, axis)
        return planes

    return change


def _rotate(config: Mapping[str, Any]) -> Change:
    limit = float(config["limit"])

    def change(planes: Planes, random: np.random.Generator) -> Planes:
        from PIL import Image

        angle = float(random.uniform(-limit, limit))
        turned = [
            Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32)).rotate(angle, Image.Resampling.BILINEAR)
            for plane in planes
        ]
        return np.stack([np.asarray(plane) for plane in turned])

    return change


def _shift(config: Mapping[str, Any]) -> Change:
    limit = float(config["limit"])

    def change(planes: Planes, random: np.random.Generator) -> Planes:
        moved = np.zeros_like(planes)
        _, height, width = planes.shape
        down, right = (int(np.rint(random.uniform(-limit, limit) * side)) for side in (height, width))
        rows, columns = _overlap(down, height), _overlap(right, width)
        moved[:, rows[0], columns[0]] = planes[:, rows[1], columns[1]]
        return moved

    return change


def _overlap(way: int, side: int) -> tuple[slice, slice]:
    """Where what stays in the picture lies afterwards, and where it lay before."""
    return slice(max(0, way), max(0, min(side, side + way))), slice(max(0, -way), max(0, min(side, side - way)))


def _brightness(config: Mapping[str, Any]) -> Change:
    limit = float(config["limit"])

    def change(planes: Planes, random: np.random.Generator) -> Planes:
        return np.clip(planes * (1.0 + random.uniform(-limit, limit)), 0.0, 255.0)

    return change


def _noise(config: Mapping[str, Any]) -> Change:
    scale = float(config["scale"]) * 255.0

    def change(planes: Planes, random: np.random.Generator) -> Planes:
        return np.clip(planes + random.normal(0.0, scale, planes.shape), 0.0, 255.0)

    return change


_CHANGES: Mapping[str, Callable[[Mapping[str, Any]], Change]] = {
    "flip": _flip, "rotate": _rotate, "shift": _shift, "brightness": _brightness, "noise": _noise,
}  # fmt: skip
