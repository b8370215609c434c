"""Which columns tell most of the label, by themselves: from the target's rates per cell that an `explore` block had stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mlspec.doc.subject import Cite, Subject


class Strength(NamedTuple):
    """A column and the share of the label's variance that its cells explain."""

    column: str
    share: float


class Strengths(NamedTuple):
    """All columns of one report, the strongest first, with how to read the figure."""

    label: str
    part: str
    rows: list[Strength]
    words: str
    cites: list[Cite | None]


def strongest(subject: Subject) -> Strengths | None:
    """From the first report of the run that has a target; None where there is none."""
    if subject.run is None:
        return None
    for name, found in subject.run.evidence.statistics.items():
        target = found.get("target")
        if not target or not target.get("by"):
            continue
        rows = [Strength(column, share) for column, cells in target["by"].items()
                if (share := _share(target, cells, found["columns"])) is not None]  # fmt: skip
        rows.sort(key=lambda row: (-row.share, row.column))
        words = (
            f"Share of the variance of {target['column']} that the cells of one column explain by themselves, in {found['rows']:,} rows of part "
            f"{found['part']}. It is a column's own strength, not its weight in a model: columns that say the same each have it."
        )  # fmt: skip
        report = subject.spec.blocks.get(name)
        place = None if report is None else subject.cite(report.head)
        return Strengths(
            str(target["column"]), str(found["part"]), rows, words, [subject.cite_found(f"statistics.{name}"), place]
        )
    return None


def _share(target: Mapping[str, Any], cells: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> float | None:
    """Variance between cells over the variance in all, summed over classes; None where a spread is not known."""
    between = total = 0.0
    known = [cell for cell in cells if cell.get("rows")]
    for measure in target["measures"]:
        overall = target["overall"].get(measure)
        spread = _variance(target, overall, columns)
        if overall is None or spread is None:
            return None
        count = sum(int(cell["rows"]) for cell in known)
        values = [(int(cell["rows"]), cell["measures"].get(measure)) for cell in known]
        between += sum(rows * (value - overall) ** 2 for rows, value in values if value is not None) / max(count, 1)
        total += spread
    return min(between / total, 1.0) if total else None


def _variance(target: Mapping[str, Any], overall: float | None, columns: Mapping[str, Any]) -> float | None:
    if overall is None:
        return None
    if target["task"] == "regression":
        spread = columns.get(target["column"], {}).get("std")
        return None if spread is None else float(spread) ** 2
    return overall * (1 - overall)
