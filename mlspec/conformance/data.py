"""Writes the data of the suite: `python -m mlspec.conformance.data FOLDER`. 300 invented visits to a shop and 40 pictures, the same every time.

Numbers come from SHA-256, so that no library's generator can change them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
import struct
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROWS = 300
SHAPES = 40
SIDE = 8
REGIONS = ("east", "north", "south", "west")
WORDS = ("late", "broken", "lovely", "again", "gift", "small", "blue", "quick")


def _draw(row: int, what: str) -> float:
    """A number from 0 up to 1 that depends on nothing but its names."""
    return int.from_bytes(hashlib.sha256(f"{row} {what}".encode()).digest()[:6]) / 2**48


def visits() -> Iterator[dict[str, Any]]:
    """The rows, in order of time."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for row in range(ROWS):
        customer = 100 + int(_draw(row, "customer") * 60)
        items = 1 + int(_draw(row, "items") * 9)
        amount = round(5 + 90 * _draw(row, "amount") * items / 5, 2)
        region = REGIONS[int(_draw(row, "region") * 4)]
        risk = 0.15 + 0.5 * (amount > 70) + 0.2 * (region == "north") + 0.1 * (_draw(customer, "habit") > 0.5)
        yield {
            "visit": row + 1,
            "at": (begin + timedelta(hours=7 * row)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "customer": customer,
            "region": region,
            "member": "yes" if _draw(customer, "member") > 0.4 else "no",
            "items": items,
            "amount": None if _draw(row, "lost") < 0.05 else amount,
            "note": " ".join(WORDS[int(_draw(row, f"word {number}") * 8)] for number in range(1 + row % 4)),
            "minutes": round(3 + 2 * items + 10 * _draw(row, "minutes"), 1),
            "size": "large" if items > 6 else "middle" if items > 3 else "small",
            "returned": "yes" if _draw(row, "returned") < risk else "no",
        }


def as_csv() -> str:
    """The rows as CSV; an absent number is empty."""
    rows = list(visits())
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def customers_as_csv() -> str:
    """Who may have come: every customer of the visits and some who never did."""
    lines = (f"{customer},{'yes' if _draw(customer, 'member') > 0.4 else 'no'}\n" for customer in range(95, 165))
    return "customer,member\n" + "".join(lines)


def as_jsonl() -> str:
    """One object a line."""
    return "".join(json.dumps(row) + "\n" for row in visits())


def write_sqlite(path: Path) -> None:
    """A table `visits` in a SQLite file."""
    rows = list(visits())
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table visits (visit integer, at text, customer integer, region text, member text, items integer,"
            " amount real, note text, minutes real, size text, returned text)"
        )
        connection.executemany(f"insert into visits values ({', '.join('?' * 11)})", [tuple(row.values()) for row in rows])  # noqa: S608 - only question marks
    connection.close()


def shapes() -> Iterator[tuple[str, str, bytes]]:
    """Of each picture the name of its file, what it shows and the PNG: grey, eight pixels a side, a bar or a dot among noise."""
    for row in range(SHAPES):
        kind = "bar" if _draw(row, "kind") < 0.5 else "dot"
        column, line = 1 + int(_draw(row, "column") * 6), 1 + int(_draw(row, "line") * 6)
        lines = [bytearray(int(_draw(row, f"noise {x} {y}") * 60) for x in range(SIDE)) for y in range(SIDE)]
        for y in range(SIDE) if kind == "bar" else (line,):
            lines[y][column] = 230
        yield f"{row + 1:02}.png", kind, _png(lines)


def _png(lines: list[bytearray]) -> bytes:
    """A grey PNG without compression, so that no version of zlib changes a byte."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(line) for line in lines), level=0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def shapes_as_csv() -> str:
    """The index of the pictures."""
    return "shape_id,file,kind\n" + "".join(f"{at},{name},{kind}\n" for at, (name, kind, _) in enumerate(shapes(), start=1))


def main() -> None:
    """Write the visits in four formats, `customers.csv`, and the pictures with their index into a folder."""
    import duckdb

    folder = Path(sys.argv[1])
    (folder / "visits.csv").write_text(as_csv(), encoding="utf-8")
    (folder / "customers.csv").write_text(customers_as_csv(), encoding="utf-8")
    (folder / "visits.jsonl").write_text(as_jsonl(), encoding="utf-8")
    (folder / "visits.sqlite").unlink(missing_ok=True)
    write_sqlite(folder / "visits.sqlite")
    (folder / "shapes").mkdir(exist_ok=True)
    for name, _, picture in shapes():
        (folder / "shapes" / name).write_bytes(picture)
    (folder / "shapes.csv").write_text(shapes_as_csv(), encoding="utf-8")
    duckdb.read_csv(
        str(folder / "visits.csv"), dtype={"at": "TIMESTAMPTZ", "member": "VARCHAR", "returned": "VARCHAR"}
    ).write_parquet(str(folder / "visits.parquet"))


if __name__ == "__main__":
    main()
