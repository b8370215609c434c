"""What a source may at most hold. Beyond it a file is refused with a code, before it fills the memory or the disk."""

from __future__ import annotations

from mlspec.runtime.errors import StageError
from mlspec.runtime.extract.paths import DataFile

MAX_ROWS = 4_000_000_000
MAX_COLUMNS = 10_000
MAX_CELL = 1 << 20
"""Bytes of one text value. A line of CSV ends at 2 MiB, a JSON object at 16 MiB, whatever their values are."""
MAX_RATIO = 200
"""Bytes out per byte in of a compressed file; counted only once `FREE_BYTES` have come out of it."""
FREE_BYTES = 64 << 20

_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_CHUNK = 1 << 20


def check_rows(rows: int, source: str) -> None:
    """MLS801 for more rows than are read."""
    if rows > MAX_ROWS:
        raise _too_large(
            f"`{source}` has too many rows", source, f"at most {MAX_ROWS:,} rows", f"{rows:,} rows", "split the data by time"
        )


def check_columns(columns: int, file: DataFile, source: str) -> None:
    """MLS801 for more columns than are read."""
    if columns > MAX_COLUMNS:
        raise _too_large(
            f"the file `{file.name}` has too many columns", source, f"at most {MAX_COLUMNS:,} columns", f"{columns:,} columns",
            "keep the columns that the source declares",
        )  # fmt: skip


def check_ratio(file: DataFile, source: str) -> None:
    """MLS801 for a compressed file that unfolds beyond all measure; it is read through once, a piece at a time, and kept nowhere."""
    kind = next((kind for ending, kind in _COMPRESSIONS.items() if file.name.endswith(ending)), None)
    if kind is None:
        return
    import pyarrow as pa

    most, held = max(FREE_BYTES, MAX_RATIO * file.size), 0
    try:
        with pa.input_stream(str(file.path), compression=kind) as stream:
            while held <= most and (piece := stream.read(_CHUNK)):
                held += len(piece)
    except (OSError, pa.ArrowException) as error:
        raise StageError(
            "MLS801", f"the file `{file.name}` cannot be read", f"{source}.from", expected=f"a complete {kind} file",
            found=str(error).splitlines()[0][:200], help="check that the file is complete",
        ) from error  # fmt: skip
    if held > most:
        raise _too_large(
            f"the file `{file.name}` unfolds to too much", source, f"at most {MAX_RATIO} bytes from each compressed byte",
            f"more than {most:,} bytes from {file.size:,}", "unpack the file and name what is in it, if it is to be trusted",
        )  # fmt: skip


def _too_large(message: str, source: str, expected: str, found: str, advice: str) -> StageError:
    return StageError("MLS801", message, f"{source}.from", expected=expected, found=found, help=advice)
