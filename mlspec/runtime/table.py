"""Table artifacts, and the DuckDB sessions that make them.

A session may read the declared files and write its work folder, nothing else: external access is off and the configuration
locked before the first statement that a spec had a part in. One thread and kept row order make the files' bytes equal
from run to run; what does not fit the memory limit spills into the work folder.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import files, query
from mlspec.runtime.errors import StageError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

ROWS = "rows.parquet"
HEAD = "table.json"
ROW = "__row"
ROW_GROUP = 122_880
MEMORY_LIMIT = 2 << 30
BESIDE_ENGINE = 512 << 20
AT_ONCE = 64 << 20

Descriptor = Mapping[str, Any]


@contextmanager
def session(
    read: Sequence[Path], write: Sequence[Path], spill: Path, *, attach: Path | None = None, memory: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that may use the files `read` and the folders `write`; `attach` is a database file, as `source`."""
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        for key, value in _settings(read, write, spill, memory).items():
            connection.execute(f"SET {key} = ?", [value])
        if attach is not None:
            connection.execute(f"ATTACH {query.render(query.lift(str(attach)))} AS source (READ_ONLY)")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    except duckdb.OutOfMemoryException as error:
        raise StageError(
            "MLS810", "the stage ran out of memory or of disk to spill to", expected="room for the data's sorts and groups",
            found=str(error).splitlines()[0], help="give the block more `memory`, free disk space, or set a `sample` in an env",
        ) from error  # fmt: skip
    finally:
        connection.close()


def _settings(read: Sequence[Path], write: Sequence[Path], spill: Path, memory: int | None) -> dict[str, Any]:
    files.make_folder(spill / "spill")
    return {
        "threads": 1,
        "preserve_insertion_order": True,
        "TimeZone": "UTC",
        # Followed by `watched`, never printed: the terminal belongs to the runner.
        "enable_progress_bar": True,
        "enable_progress_bar_print": False,
        "progress_bar_time": 200,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": f"{_limit(memory)}B",
        "temp_directory": str(spill / "spill"),
        "allowed_paths": [str(path) for path in read],
        "allowed_directories": [f"{folder}{os.sep}" for folder in write],
    }


def _limit(memory: int | None) -> int:
    """The engine's share of what the stage may use: the rest is for the interpreter, the libraries and what is fetched."""
    if memory is None:
        return min(MEMORY_LIMIT, _half_of_memory())
    return max(memory // 2, memory - BESIDE_ENGINE)


@contextmanager
def watched(connection: duckdb.DuckDBPyConnection, tell: Callable[[float, float | None, str], None]) -> Iterator[None]:
    """Tell, twice a second, how much of the statement at hand is done; a stage is one to four passes over its rows."""
    done = threading.Event()

    def poll() -> None:
        while not done.wait(0.5):
            percent = float(connection.query_progress())
            if percent >= 0:
                tell(round(percent), 100, "percent of this pass")

    thread = threading.Thread(target=poll, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _half_of_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def write_parquet(connection: duckdb.DuckDBPyConnection, rows: query.Sql, target: Path) -> int:
    """Write the rows of a query in their order; the number of rows."""
    text = query.render(rows)
    path = query.render(query.lift(str(target)))
    found = connection.execute(
        f"COPY ({text}) TO {path} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    ).fetchone()
    return int(found[0]) if found else 0


def finish_table(folder: Path, columns: Sequence[Descriptor], rows: int, sources: Sequence[Mapping[str, Any]] = ()) -> None:
    """Write `table.json` beside the rows: it makes the folder a table artifact."""
    files.write_json(folder / HEAD, {"columns": [dict(column) for column in columns], "rows": rows, "files": list(sources)})


def head(folder: Path) -> dict[str, Any]:
    """`table.json` of a table artifact."""
    found: dict[str, Any] = files.read_json(folder / HEAD)
    return found


def rows_path(folder: Path) -> Path:
    """The parquet file of a table artifact."""
    return folder / ROWS


def load(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a table artifact as an Arrow table, `__row` first, all columns unless some are named."""
    import pyarrow.parquet as pq

    names = None if columns is None else [ROW, *(column for column in columns if column != ROW)]
    with pq.ParquetFile(rows_path(folder)) as file:
        return file.read(columns=names)


def rows_at_once(metadata: Any, most: int, columns: Collection[str] | None = None) -> int:
    """How many rows of a parquet file to read at once: `most`, or as many as take little memory where values are large, as images are."""
    for place in range(metadata.num_row_groups):
        group = metadata.row_group(place)
        chunks = [group.column(at) for at in range(group.num_columns)]
        size = sum(chunk.total_uncompressed_size for chunk in chunks if columns is None or chunk.path_in_schema in columns)
        most = min(most, AT_ONCE * max(1, group.num_rows) // max(1, size))
    return max(1, most)
