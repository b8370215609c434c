"""The rows that steps learn and measure on, read when one asks for them: rows of a table, or pixels, few of them at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.package import Package
from mlspec.runtime.package.proof import Proof
from mlspec.runtime.train.data import Learning, PartReader
from mlspec.runtime.transform.chain import Matrix
from mlspec.runtime.transform.columns import Floats

if TYPE_CHECKING:
    from mlspec.runtime.compress.learning import Settings
    from mlspec.runtime.deep.examples import Examples
    from mlspec.runtime.deep.pictures import Pictures

_SAMPLE = 512
_MEASURED = 4_096
_LEAST = 32  # rows that are looked at, however many numbers each has
_NUMBERS = 1 << 23  # that rows of pixels may have together


@dataclass
class Rows:
    """Rows of the model's parts, as its package transforms them."""

    context: StageContext
    package: Package

    @cached_property
    def reader(self) -> PartReader:
        return PartReader(self.context)

    @cached_property
    def learning(self) -> Learning:
        """The fitting part."""
        return self.reader.learning(str(self.context.config["part"]))

    @cached_property
    def matrix(self) -> Matrix:
        """Its matrix, all of it."""
        return self.package.transform.apply(self.learning.columns)

    @property
    def of_pictures(self) -> bool:
        """Whether a row is the pixels of an image."""
        return any(column.pixels is not None for column in self.learning.columns.values())

    @cached_property
    def sample(self) -> Floats:
        """Some rows of the fitting part, evenly spread."""
        return self.spread(_SAMPLE)

    @property
    def measured(self) -> Floats:
        """More of them, for what is measured on rows."""
        return self.spread(_MEASURED)

    def spread(self, count: int) -> Floats:
        """So many rows of the fitting part, or as many as may be held."""
        rows = len(self.learning)
        places = np.unique(np.linspace(0, rows - 1, min(self._most(count), rows)).astype(np.int64))
        if self.of_pictures:
            return self._at(self.learning, places)
        return np.ascontiguousarray(self.matrix.numbers[places])

    def drawn(self, part: str, count: int, seed: int) -> Iterator[Floats]:
        """So many rows of a part by chance: at once, or of pixels some at a time."""
        learning, matrix = (self.reader.learning(part), None) if self.of_pictures else self.of_part(part)
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(learning))
        places = np.sort(order[:count])
        if matrix is not None:
            yield matrix[places]
            return
        step = self._most(count)
        for start in range(0, len(places), step):
            yield self._at(learning, places[start : start + step])

    def _at(self, learning: Learning, places: Any) -> Floats:
        return self.package.transform.apply({name: column.take(places) for name, column in learning.columns.items()}).numbers

    def _most(self, count: int) -> int:
        """How many rows are held at once: of large pictures fewer."""
        if not self.of_pictures:
            return count
        (column,) = self.learning.columns.values()
        return min(count, max(_LEAST, _NUMBERS // len(column.names)))

    @cached_property
    def proof(self) -> Proof:
        return self.reader.proof(str(self.context.config["part"]))

    def of_part(self, part: str) -> tuple[Learning, Floats]:
        """Another part and its matrix."""
        learning = self.reader.learning(part)
        return learning, self.package.transform.apply(learning.columns).numbers

    def examples(self) -> Examples:
        """What the network of the `train` block is trained on, made as there."""
        from mlspec.runtime.deep.device import CPU
        from mlspec.runtime.deep.examples import label_scale, table_examples

        if self.of_pictures:
            return self.pictures().examples(CPU)
        return table_examples(self.matrix.numbers, self.learning.target, label_scale(self.learning.target), CPU)

    def pictures(self) -> Pictures:
        """The fitting part as pixels."""
        from mlspec.runtime.deep.pictures import pictures_of

        return pictures_of(self.context, self.reader, self.learning, self.package.transform)

    def settings(self, purpose: str, epochs: int, where: str) -> Settings:
        """How the network of the `train` block was trained, for so many epochs."""
        from mlspec.runtime.compress.learning import Settings

        training = self.context.config["training"]
        return Settings(
            optimiser=training["optimiser"], batch=int(training["global_batch"]), threads=int(training["threads"]), epochs=epochs,
            seed=lambda epoch: self.context.seed(purpose, epoch=epoch), where=where,
            progress=lambda done, total: self.context.progress(done, total, f"epoch {done} of {total}"),
        )  # fmt: skip

    def scratch(self, name: str) -> Path:
        """A folder for what only this stage reads."""
        folder = self.context.resume_dir(name)
        files.remove_tree(folder)
        return files.make_folder(folder)
