"""What a network over an image is trained on: the pixels of the part's rows, loaded while the device computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.examples import Examples, InMemory, label_scale, label_tensor
from mlspec.runtime.deep.inputs import Inputs, image
from mlspec.runtime.deep.loaded import LoadedPictures
from mlspec.runtime.deep.networks import refuse_other_inputs
from mlspec.runtime.deep.table import scores_of_raw
from mlspec.runtime.deep.timm_model import prepare
from mlspec.runtime.deep.trained import LabelScale
from mlspec.runtime.deep.watch import Watch
from mlspec.runtime.errors import StageError
from mlspec.runtime.image.augment import changes_of, random_of
from mlspec.runtime.image.pixels import Pixels
from mlspec.runtime.image.render import is_image
from mlspec.runtime.train.data import Learning, PartReader
from mlspec.runtime.transform.chain import FittedTransform
from mlspec.runtime.transform.columns import Floats

_HELD = 1 << 24  # numbers that are held as such rather than made again in each epoch
_BLOCK = 1 << 22  # numbers that are judged at once


@dataclass(frozen=True)
class Pictures:
    """The fitting rows: their pixels, and what their labels are scaled by."""

    context: StageContext
    reader: PartReader
    learning: Learning
    transform: FittedTransform
    pixels: Pixels
    scale: LabelScale
    inputs: Inputs

    def examples(self, device: str) -> Examples:
        """The fitting rows, changed by chance as the spec says."""
        import torch

        change, labels = changes_of(self.context.config.get("augment") or ()), label_tensor(self.learning.target, self.scale)
        if change is None and len(self.pixels) * self.pixels.width <= _HELD:
            return InMemory(torch.from_numpy(self.pixels.numbers().astype(np.float32)).to(device), labels.to(device))
        return LoadedPictures(
            self.pixels, labels, change, lambda epoch: self.context.seed("augment", epoch=epoch), device, self.context.threads
        )

    def evaluation(self, watch: Watch, device: str) -> Callable[[Any], float]:
        """A function that gives the watched metric of a network on its part; its pictures are as they are."""
        import torch

        judged = self.reader.learning(watch.part)
        pixels = _pixels(judged)
        step = max(1, _BLOCK // self.inputs.width)

        def evaluate(network: Any) -> float:
            network.eval()
            with torch.no_grad():
                found = [
                    network(
                        torch.from_numpy(pixels.take(slice(start, start + step)).numbers().astype(np.float32)).to(device)
                    ).float()
                    for start in range(0, len(pixels), step)
                ]
            return watch.value(judged.target, scores_of_raw(torch.cat(found), judged.target, self.scale))

        return evaluate

    def shown(self, count: int) -> Any:
        """The first rows as they are changed in the first epoch, from 0 to 1."""
        change, seed = changes_of(self.context.config.get("augment") or ()), self.context.seed("augment", epoch=1)
        planes = [one.reshape(self.pixels.shape) for one in self.pixels.bytes_at(slice(0, count))]
        return (
            np.stack([plane if change is None else change(plane, random_of(seed, row)) for row, plane in enumerate(planes)])
            / 255.0
        )

    def sample(self, places: Any) -> Floats:
        """Some fitting rows, as a package is given them."""
        return np.ascontiguousarray(self.pixels.take(places).numbers())


def read_pictures(context: StageContext) -> Pictures:
    """The rows of the part; StageError MLS201 where a network is to read more than one image."""
    features = context.config["features"]
    if len(features) != 1:
        raise StageError(
            "MLS201", f"`{context.block}` reads an image and something else", f"{context.block}.features", expected="one image and nothing else",
            found=", ".join(str(feature["name"]) for feature in features), help="tag the others with `@audit`",
        )  # fmt: skip
    reader = PartReader(context)
    learning = reader.learning(context.config["part"])
    inputs = image(*_pixels(learning).shape)
    if str(context.config["network"]["name"]).startswith("timm."):
        prepare(context.config["network"], context.project_root, context.block)
    refuse_other_inputs(context.config["network"], inputs, context.block)
    unknown = str(context.config.get("unknown") or "encode")
    transform = FittedTransform(tuple(reader.features), ((),), (inputs.width,), unknown)
    return pictures_of(context, reader, learning, transform)


def pictures_of(context: StageContext, reader: PartReader, learning: Learning, transform: FittedTransform) -> Pictures:
    """Rows of a part that were read already."""
    pixels = _pixels(learning)
    return Pictures(context, reader, learning, transform, pixels, label_scale(learning.target), image(*pixels.shape))


def reads_pictures(context: StageContext) -> bool:
    """Whether the features of a training hold an image."""
    return any(is_image(feature) for feature in context.config["features"])


def _pixels(learning: Learning) -> Pixels:
    (column,) = learning.columns.values()
    assert column.pixels is not None
    return column.pixels
