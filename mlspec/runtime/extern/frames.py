"""Messages over a pipe: one letter, the length in eight bytes, the content. JSON says what to do, Arrow IPC holds the columns."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

HEAD = struct.Struct("<cQ")
MOST = 2**31
"""The most bytes of one message."""


def pack(letter: bytes, content: bytes) -> bytes:
    """A message."""
    return HEAD.pack(letter, len(content)) + content


def write(descriptor: int, letter: bytes, content: bytes) -> None:
    """Write a whole message."""
    rest = memoryview(pack(letter, content))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read(descriptor: int) -> tuple[bytes, bytes] | None:
    """The next message; None at the end of the pipe."""
    head = _exactly(descriptor, HEAD.size)
    if head is None:
        return None
    letter, size = HEAD.unpack(head)
    content = _exactly(descriptor, size)
    return None if content is None else (letter, content)


def _exactly(descriptor: int, size: int) -> bytes | None:
    parts, missing = [], size
    while missing:
        part = os.read(descriptor, min(missing, 1 << 20))
        if not part:
            return None
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def to_json(value: Any) -> bytes:
    """JSON content."""
    return json.dumps(value).encode()


def to_arrow(columns: dict[str, Any]) -> bytes:
    """Columns as an Arrow IPC stream."""
    import pyarrow as pa

    batch = pa.record_batch(list(columns.values()), names=list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def table_to_arrow(table: Any) -> bytes:
    """A whole table as an Arrow IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def from_arrow(content: bytes) -> Any:
    """The table of an Arrow IPC stream, validated to the last value."""
    import pyarrow as pa

    with pa.ipc.open_stream(content) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table
