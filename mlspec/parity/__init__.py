"""The proof that targets mean the same: one spec run on each, in a project of its own, and what they made compared by digest."""

from mlspec.parity.compare import Outcome, Reading, Row, compared, rows_of, unlike_readings
from mlspec.parity.scratch import copy_project
from mlspec.parity.suite import cases, everywhere, unlike_expected, unpack

__all__ = [
    "Outcome",
    "Reading",
    "Row",
    "cases",
    "compared",
    "copy_project",
    "everywhere",
    "rows_of",
    "unlike_expected",
    "unlike_readings",
    "unpack",
]
