"""Make digits.csv and the images in digits/ from scikit-learn's `load_digits`: the first 1,000 of its pictures of eight by eight pixels.

python specs/data/prepare/digits.py specs/data
"""

from __future__ import annotations

import hashlib
import struct
import sys
import zlib
from pathlib import Path

from sklearn.datasets import load_digits
from write import report

COUNT = 1_000


def png(lines: list[bytes]) -> bytes:
    """A grey PNG of eight bits; its lines are stored and not compressed, so that every library writes these bytes."""
    raw = b"".join(b"\0" + line for line in lines)
    stream = b"\x78\x01\x01" + struct.pack("<HH", len(raw), len(raw) ^ 0xFFFF) + raw + struct.pack(">I", zlib.adler32(raw))
    head = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", stream), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def main(folder: Path) -> None:
    """Write one file an image, sixteen steps of ink as 0 to 255, and the index."""
    digits = load_digits()
    images = folder / "digits"
    images.mkdir(exist_ok=True)
    lines, told = ["digit_id,file,digit"], hashlib.sha256()
    for place in range(COUNT):
        data = png([bytes(int(ink) * 255 // 16 for ink in line) for line in digits.images[place]])
        (images / f"{place:04}.png").write_bytes(data)
        told.update(data)
        lines.append(f"{place},{place:04}.png,{digits.target[place]}")
    (folder / "digits.csv").write_bytes(("\n".join(lines) + "\n").encode())
    report(folder / "digits.csv", COUNT)
    sys.stdout.write(f"digits/: {COUNT} images, one after the other sha256 {told.hexdigest()}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
