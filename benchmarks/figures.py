"""The table of figures: what each measures, against whom, and the goal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks import checking, running
from benchmarks.measure import Figure


@dataclass(frozen=True)
class Row:
    """One entry: `measure` yields one or more figures."""

    about: str
    peer: str
    goal: str
    needs: str
    measure: Callable[[], Iterable[Figure]]


FIGURES = {
    "check-census": Row(
        "mlspec check of the census spec, process start included, without and with the check cache", "python -c pass",
        "12 times its CPU", "mlspec", checking.census,
    ),
    "check-2000-lines": Row("mlspec check of a spec of 2,000 lines", "none", "0.5 s", "mlspec", checking.two_thousand_lines),
    "rerun": Row(
        "mlspec run with nothing changed: 0 stages, digests of sources verified", "python -c pass", "25 times its CPU",
        "mlspec[all]", running.rerun,
    ),
    "ten-stages": Row(
        "ten stages in a row that only write a file", "the same ten as bare python processes", "4 times their CPU",
        "mlspec[local]", running.ten_stages,
    ),
    "run-census": Row(
        "mlspec run of the census spec in a fresh folder", "a plain script: same libraries, same work", "1.10 times plus 2 s",
        "mlspec[all]", running.against_script,
    ),
    "search": Row(
        "the search of the census spec", "its fits alone, in two processes with one thread each", "1.10 times",
        "mlspec[all]", running.search_against_fits,
    ),
}  # fmt: skip
