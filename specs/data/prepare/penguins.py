"""Make penguins.csv from the PyPI package `palmerpenguins` 0.1.6: `NA` becomes an empty field, a sample number becomes the key.

pip download --no-deps palmerpenguins==0.1.6
python specs/data/prepare/penguins.py palmerpenguins-0.1.6-py3-none-any.whl specs/data/penguins.csv
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from pathlib import Path

from write import report

FILE = "palmerpenguins/data/penguins.csv"


def main(wheel: Path, target: Path) -> None:
    """Number the birds in the package's order and write them as CSV with LF line ends."""
    with zipfile.ZipFile(wheel) as archive:
        records = list(csv.reader(io.StringIO(archive.read(FILE).decode("utf-8"))))
    lines = [",".join(["penguin", *records[0]])]
    lines += [
        ",".join([str(place), *("" if field == "NA" else field for field in record)])
        for place, record in enumerate(records[1:], 1)
    ]
    target.write_bytes(("\n".join(lines) + "\n").encode("utf-8"))
    report(target, len(records) - 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
