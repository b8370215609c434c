"""Markdown tables, and pages of the docs whose tables are written from the code that defines them.

A table stands between `<!-- table NAME -->` and `<!-- end -->`; the prose around it is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

Tables = Mapping[str, Callable[[], str]]

_PLACE = re.compile(r"(<!-- table ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def row(cells: Iterable[str]) -> str:
    """One line of a table; a bar or a line break of a cell stays inside it."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table with a head; no line break at its end."""
    return "\n".join([row(head), row("---" for _ in head), *(row(cells) for cells in rows)])


def fill(page: str, tables: Tables) -> str:
    """The page with every table written anew; KeyError for a table that has no such name."""
    return _PLACE.sub(lambda found: f"{found[1]}\n{tables[found[2]]()}\n\n{found[3]}", page)


def rewrite(path: str, tables: Tables) -> None:
    """Write the tables of the page at `path` anew."""
    page = Path(path)
    page.write_text(fill(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
