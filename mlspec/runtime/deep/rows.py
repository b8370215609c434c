"""The seam between what features are and how a network is trained on them: one module for each way in which rows are read.

A table is in memory whole. What is too large for that has a module of its own, which gives `Examples` that load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.examples import Examples
from mlspec.runtime.deep.inputs import Inputs
from mlspec.runtime.deep.pictures import read_pictures, reads_pictures
from mlspec.runtime.deep.table import read_table
from mlspec.runtime.deep.trained import LabelScale
from mlspec.runtime.deep.watch import Watch
from mlspec.runtime.train.data import Learning, PartReader
from mlspec.runtime.transform.chain import FittedTransform
from mlspec.runtime.transform.columns import Floats


class FittingRows(Protocol):
    """The rows of the part that a network is trained on, and what is fitted on them before."""

    @property
    def reader(self) -> PartReader: ...

    @property
    def learning(self) -> Learning: ...

    @property
    def transform(self) -> FittedTransform: ...

    @property
    def scale(self) -> LabelScale: ...

    @property
    def inputs(self) -> Inputs: ...

    def examples(self, device: str) -> Examples:
        """The rows, batch by batch, for the loop."""
        ...

    def evaluation(self, watch: Watch, device: str) -> Callable[[Any], float]:
        """A function that gives the watched metric of a network on its part."""
        ...

    def sample(self, places: Any) -> Floats:
        """The fitting rows at these places as lines of numbers, to compare the package with the network on."""
        ...


def read_rows(context: StageContext) -> FittingRows:
    """The fitting rows, read in the way that the features ask for."""
    return read_pictures(context) if reads_pictures(context) else read_table(context)
