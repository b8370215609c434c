"""The pixels of a whole table: in memory where they are few, else in a file without a name, mapped into memory as they are read."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime import files
from mlspec.runtime.image.pixels import Pixels, pixels_of

IN_MEMORY = 256 << 20
_STEP = 256


def held_pixels(path: Path, column: str, shape: Any, by: str | None, folder: Path) -> Pixels:
    """All rows of a column of pixels in the order of the table; `folder` is where the file lies while it is needed."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        kind = file.schema_arrow.field(column).type
        size, count = int(kind.byte_width), file.metadata.num_rows
        if size * count <= IN_MEMORY or not count:
            return pixels_of(file.read(columns=[column], use_threads=False)[column], shape, by)
        raw = _mapped(file, column, (count, size), files.make_folder(folder))
    return Pixels(raw, (int(shape[0]), int(shape[1]), int(shape[2])), by)


def _mapped(file: Any, column: str, shape: tuple[int, int], folder: Path) -> NDArray[np.uint8]:
    """The rows in a file that goes with whoever maps it: it has no name from the start.

    It is written before it is mapped: a full disk is an error then, where a write through the map would end the process.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as scratch:
            for batch in file.iter_batches(batch_size=_STEP, columns=[column], use_threads=False):
                scratch.write(pixels_of(batch.column(column), (1, 1, shape[1]), None).raw.data)
            scratch.flush()
            rows: NDArray[np.uint8] = np.memmap(scratch, np.uint8, "r", shape=shape)
    except OSError as error:
        raise files.io_error(error, folder, "write") from error
    return rows
