"""Looks up codes: the one table of everything that mlspec can tell its user, loaded family by family."""

from __future__ import annotations

from functools import cache
from importlib import import_module

TYPE_CHECKING = False  # importing typing costs half an empty Python
if TYPE_CHECKING:
    from mlspec.diagnostics.diagnostic import Code

# First digit of a code → the module of its family. A clean check loads none of them.
FAMILIES = {
    "0": "syntax",
    "1": "names",
    "2": "types",
    "3": "data",
    "4": "privacy",
    "5": "gates",
    "6": "serving",
    "7": "target",
    "8": "runtime",
    "9": "unbuilt",
}


@cache
def family(digit: str) -> dict[str, Code]:
    """The codes whose number starts with `digit`, by id."""
    module = import_module(f"mlspec.diagnostics.codes.{FAMILIES[digit]}")
    return {row.id: row for row in module.CODES}


def code(id: str) -> Code:
    """The row of code `id` ("MLS101"); KeyError if the table has none."""
    if not (len(id) == 6 and id.startswith("MLS") and id[3] in FAMILIES):
        raise KeyError(id)
    return family(id[3])[id]


def all_codes() -> list[Code]:
    """Every row of the table, by id."""
    return [row for digit in sorted(FAMILIES) for row in family(digit).values()]
