"""Make departures.parquet from flights.parquet: the boards of one day at one airport, and how late each flight of it came.

python specs/data/prepare/departures.py specs/data/flights.parquet specs/data/departures.parquet
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from write import write_parquet

KEPT = 380
"""Boards that are kept, those of the lowest hashes of their names."""
GRADES = (20, 60, 120)
"""Minutes: later than the first is grade 1, than the second 2, than the third 3."""
COLUMNS = (
    "carrier",
    "dest",
    "distance",
    "sched_dep_hour",
    "sched_minutes",
    "plane_built",
    "seats",
    "wind_speed",
    "precip",
    "visib",
)


def main(flights: Path, target: Path) -> None:
    """Keep whole boards, in the order of their names, with what is known in the morning."""
    here = ZoneInfo("America/New_York")
    rows = pq.read_table(flights).to_pylist()
    for row in rows:
        row["day"] = row["scheduled_at"].astimezone(here).date()
        row["board"] = f"{row['day']:%Y-%m-%d} {row['origin']}"
        row["lateness"] = sum(row["arr_delay"] > minutes for minutes in GRADES)
    names = sorted({row["board"] for row in rows}, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:KEPT]
    kept = sorted((row for row in rows if row["board"] in set(names)), key=lambda row: (row["board"], row["flight_id"]))
    table = pa.table(
        {name: [row[name] for row in kept] for name in ("flight_id", "day", "board", "origin", *COLUMNS, "lateness")}
    )
    write_parquet(table, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
