"""The part of every row, as a column in row order beside the rows: no join, no sort, and no copy of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.runtime import table
from mlspec.runtime.errors import StageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_BATCH = table.ROW_GROUP


def write_parts_beside(rows: Path, parts: Path, target: Path) -> None:
    """One value a row of `rows`: its part, null where it is in none. Both tables go up in `__row`, so one pass merges them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names: list[str] = []
    found = _Merge(parts, names)
    schema = pa.schema([("part", pa.dictionary(pa.int32(), pa.string()))])
    with pq.ParquetFile(rows) as file, pq.ParquetWriter(target, schema) as writer:
        for batch in file.iter_batches(_BATCH, columns=[table.ROW], use_threads=False):
            codes = found.codes_of(batch.column(0).to_numpy())
            column = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=codes < 0), pa.array(names, pa.string()))
            writer.write_batch(pa.record_batch([column], schema=schema))
    found.require_all_matched()


class _Merge:
    """The parts table read along: a code for each row number that is asked for, in ascending order."""

    def __init__(self, path: Path, names: list[str]) -> None:
        import numpy as np

        self._names = names
        self._batches = self._read(path)
        self._rows: Ints = np.empty(0, dtype=np.int64)
        self._codes: Ints = np.empty(0, dtype=np.int64)
        self._held = self._matched = 0

    def codes_of(self, rows: Ints) -> Ints:
        """A place in `names` for each row, -1 where the table has no such row."""
        import numpy as np

        while not len(self._rows) or self._rows[-1] < rows[-1]:
            more = next(self._batches, None)
            if more is None:
                break
            self._rows, self._codes = np.append(self._rows, more[0]), np.append(self._codes, more[1])
            self._held += len(more[0])
        if not len(self._rows):
            return np.full(len(rows), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        codes = np.where(self._rows[at] == rows, self._codes[at], -1)
        self._matched += int((codes >= 0).sum())
        keep = int(np.searchsorted(self._rows, rows[-1], side="right"))
        self._rows, self._codes = self._rows[keep:], self._codes[keep:]
        return codes

    def require_all_matched(self) -> None:
        """StageError MLS808 where a row of the parts is none of the rows: then the two do not belong together, or are not in order."""
        left = sum(len(rows) for rows, _ in self._batches)
        if self._matched != self._held + left:
            raise StageError(
                "MLS808", "the table `parts` has rows that the table `rows` has not", expected="a part for rows that exist, in their order",
                found=f"{self._held + left - self._matched:,} others", help="run the stage before it again",
            )  # fmt: skip

    def _read(self, path: Path) -> Iterator[tuple[Ints, Ints]]:
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH, columns=[table.ROW, "part"], use_threads=False):
                yield batch.column(0).to_numpy(), self._coded(batch.column(1))

    def _coded(self, column: pa.Array) -> Ints:
        import numpy as np

        encoded = column.dictionary_encode()
        for name in encoded.dictionary.to_pylist():
            if name not in self._names:
                self._names.append(name)
        places = np.array([self._names.index(name) for name in encoded.dictionary.to_pylist()], dtype=np.int64)
        codes: Ints = places[encoded.indices.to_numpy()]
        return codes
