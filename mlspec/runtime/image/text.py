"""Images as text of JSON: base64 of the encoded file; and a small picture of no one, for examples."""

from __future__ import annotations

import base64
import binascii
import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from mlspec.runtime.image.decode import MAX_BYTES, Unreadable, claimed, read

_EXAMPLE_SIDE = 8


def bytes_of_text(text: Any) -> bytes:
    """The file that base64 stands for; Unreadable for anything else."""
    if not isinstance(text, str) or len(text) > MAX_BYTES * 4 // 3 + 4:
        raise Unreadable("no base64 of a file")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("no base64 of a file") from error


def image_of_text(text: Any, column: Mapping[str, Any]) -> bytes:
    """The file, once its picture was read."""
    data = bytes_of_text(text)
    read(data, column)
    return data


def claimed_by_text(text: Any, column: Mapping[str, Any]) -> int:
    """How many pixels would be unpacked of the file that base64 stands for; 0 for anything else."""
    try:
        return claimed(bytes_of_text(text), column)
    except Unreadable:
        return 0


def text_of_bytes(data: bytes) -> str:
    """The base64 of a file."""
    return base64.b64encode(data).decode("ascii")


def thumbnail(data: bytes, column: Mapping[str, Any], side: int = 96) -> str:
    """A picture of at most so many pixels a side, as an address that holds it; a small one is enlarged, pixel by pixel."""
    from PIL import Image

    picture = read(data, column)
    factor = side / max(picture.size)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    shown = picture.resize(size, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BILINEAR)
    stream = io.BytesIO()
    shown.save(stream, "PNG")
    return f"data:image/png;base64,{text_of_bytes(stream.getvalue())}"


def example_text(column: Mapping[str, Any]) -> str:
    """A grey square as a PNG, the same bytes everywhere: what it holds is stored, not compressed."""
    side, channels = min(_EXAMPLE_SIDE, int(column["longest"])), int(column["channels"])
    lines = b"".join(b"\0" + b"\x80" * side * channels for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 0 if channels == 1 else 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", _stored(lines)) + _chunk(b"IEND", b"")
    return text_of_bytes(data)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _stored(data: bytes) -> bytes:
    """A zlib stream of one stored block."""
    block = b"\x01" + struct.pack("<HH", len(data), len(data) ^ 0xFFFF) + data
    return b"\x78\x01" + block + struct.pack(">I", zlib.adler32(data))
