"""The output of batch scoring, written as it comes into a temporary file and renamed when it is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from mlspec.runtime import files
from mlspec.runtime.errors import StageError


class Output(Protocol):
    """Takes Arrow tables of one schema."""

    def write(self, rows: Any) -> None:
        """Append the rows."""
        ...

    def close(self) -> None:
        """Write what belongs at the end."""
        ...


class _Sink:
    """A file object for pyarrow whose every write goes through `mlspec.runtime.files`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = files.open_append(path)
        self._at = 0
        self.closed = False

    def write(self, data: Any) -> int:
        block = bytes(data)
        files.append(self._descriptor, self.path, block, sync=False)
        self._at += len(block)
        return len(block)

    def tell(self) -> int:
        return self._at

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        """Nothing is buffered here."""

    def close(self) -> None:
        self.closed = True

    def finish(self, sync: bool) -> None:
        """Close the descriptor, with the data on the disk if it is to stay."""
        try:
            if sync:
                files.append(self._descriptor, self.path, b"", sync=True)
        finally:
            os.close(self._descriptor)


class _Parquet:
    def __init__(self, sink: _Sink) -> None:
        self._sink = sink
        self._writer: Any = None

    def write(self, rows: Any) -> None:
        import pyarrow.parquet as pq

        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, rows.schema, compression="zstd")
        self._writer.write_table(rows)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class _Csv:
    def __init__(self, sink: _Sink) -> None:
        self._sink = sink
        self._begun = False

    def write(self, rows: Any) -> None:
        import pyarrow as pa
        import pyarrow.csv as csv

        buffer = pa.BufferOutputStream()
        csv.write_csv(rows, buffer, csv.WriteOptions(include_header=not self._begun, quoting_style="needed"))
        self._sink.write(buffer.getvalue().to_pybytes())
        self._begun = True

    def close(self) -> None:
        """Lines need no end."""


_FORMATS: dict[str, Callable[[_Sink], Output]] = {"parquet": _Parquet, "csv": _Csv}


@contextmanager
def open_output(target: Path, form: str, name: str) -> Iterator[Output]:
    """An output that takes the place of `target` when the block ends well, and leaves no trace when it does not."""
    if form not in _FORMATS:
        raise StageError(
            "MLS901", f"writing `{form}` is not built yet", f"{name}.output", expected=", ".join(_FORMATS), found=form,
            help="write parquet or csv",
        )  # fmt: skip
    files.make_folder(target.parent)
    temporary = target.with_name(f".{target.name}.{os.getpid()}{files.TEMPORARY}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    sink = _Sink(temporary)
    output = _FORMATS[form](sink)
    try:
        yield output
        output.close()
    except BaseException:
        sink.finish(sync=False)
        temporary.unlink(missing_ok=True)
        raise
    sink.finish(sync=True)
    files.rename(temporary, target)
    files.sync_folder(target.parent)
