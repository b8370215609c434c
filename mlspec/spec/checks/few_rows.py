"""505: gates that the rows they are judged on cannot decide, whatever the model does."""

from __future__ import annotations

from math import ceil
from typing import Any

from mlspec.diagnostics import Note
from mlspec.spec.checks.least_rows import rows_to_tell, wanted
from mlspec.spec.checks.reading import percent, source_of
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Definition, Spec
from mlspec.spec.values import Reference

# The variance of a rate of 10 %: half the width of its 95 % interval in a group of n rows is 1.96 * sqrt(0.09 / n).
_SPREAD = 0.09


class Most:
    """How many rows a part can have, with what says so."""

    __slots__ = ("notes", "rows")

    def __init__(self, rows: int, notes: list[Note]) -> None:
        self.rows = rows
        self.notes = notes


def too_few_rows(spec: Spec, findings: Findings) -> None:
    """505: in so few rows chance alone moves a rate by more than a gate allows, or no outcome of them would pass it."""
    for gates in spec.of_kind("gates"):
        least, most = int(gates.get("min_group") or 1), most_rows(spec, gates)
        confidence = float(gates.get("confidence") or 0.95)
        for gate in gates.definitions.values():
            allowed = _gap_allowed(gate)
            if allowed is not None and allowed > 0:
                needed = rows_to_tell(allowed, _SPREAD, confidence)
                if least < needed:
                    _groups(findings, gates, gate, least, f"a gap of {percent(allowed)[:-1]}pp", needed)
            elif not _whole_groups(spec, gates) and (asked := wanted(gate.value.form, confidence)) is not None:
                if asked.grouped and least < asked.rows:
                    _groups(findings, gates, gate, least, asked.words, asked.rows)
                elif not asked.grouped and most is not None and most.rows < asked.rows:
                    _part(findings, gate, most, asked.words, asked.rows)


def _whole_groups(spec: Spec, gates: Block) -> bool:
    """Whether rows of the part hang together, so that intervals are drawn and no formula says how wide they are."""
    part = gates.ref("part")
    split = None if part is None else spec.blocks.get(part.block)
    return split is not None and split.get("group") is not None


def _groups(findings: Findings, gates: Block, gate: Definition, least: int, words: str, needed: int) -> None:
    findings.add("MLS505", gate.span, [Note("groups may be this small", gates.span_of("min_group"))], what=f"groups of {least:,} rows are",
                 wanted=words, got=f"{least:,}", limit=f"groups of at least {needed:,} rows")  # fmt: skip


def _part(findings: Findings, gate: Definition, most: Most, words: str, needed: int) -> None:
    findings.add("MLS505", gate.span, most.notes, what=f"a part of at most {most.rows:,} rows is", wanted=words, got=f"{most.rows:,}",
                 limit=f"a part of at least {needed:,} rows")  # fmt: skip


def _gap_allowed(gate: Definition) -> float | None:
    """The limit of `gap(rate, …) <= limit`; None for any other gate."""
    form: Any = gate.value.form
    if form[0] != "call" or form[1] not in ("<=", "<") or form[2][0][:2] != ["call", "gap"] or form[2][1][0] != "lit":
        return None
    limit = form[2][1][1]
    return float(limit) if isinstance(limit, int | float) else None


def most_rows(spec: Spec, gates: Block) -> Most | None:
    """How many rows the part of gates can have: of those of its source a sample, and of that a share; None where nothing bounds them.

    A part by time has no share and may hold them all. Of each stratum a share is rounded up by less than one row.
    """
    part = gates.ref("part")
    split = None if part is None else spec.blocks.get(part.block)
    source = None if part is None else source_of(spec, part)
    own = None if split is None or part is None else split.parts.get(part.member or "")
    if own is None or split is None or source is None or _whole_groups(spec, gates):
        return None
    most, strata = _of_source(spec, source), _strata(spec, split)
    if most is None or own.interval is not None:
        return most
    if own.share is None or strata is None:
        return None
    return Most(min(most.rows, _share(most.rows, own.share) + strata - 1), most.notes)


def _of_source(spec: Spec, source: Block) -> Most | None:
    """The rows of a source: those that the lock counts, or that a check lets pass, and of them a sample."""
    bounds = [
        (limit, Note(f"`{source.name}` has at most {limit:,} rows", check.span))
        for check in source.definitions.values()
        if (limit := _rows_limit(check.value.form)) is not None
    ]
    locked = spec.locked_rows(source)
    if locked is not None:
        bounds.append((locked, Note(f"`{source.name}` has {locked:,} rows: `mlspec.lock` holds them", source.span_of("from"))))
    if not bounds:
        return None
    rows, note = min(bounds, key=lambda bound: bound[0])
    sample = source.get("sample")
    if sample is None or _grouped(spec, source):  # whole groups may be more than the share
        return Most(rows, [note])
    return Most(_share(rows, float(sample)), [note, Note("a sample of them is read", source.span_of("sample"))])


def _grouped(spec: Spec, source: Block) -> bool:
    """Whether a split over the source keeps groups whole, as its sample then does."""
    for split in spec.of_kind("split"):
        frame = split.ref("frame")
        if split.get("group") is not None and frame is not None and spec.spine(frame.block) is source:
            return True
    return False


def _share(rows: int, share: float) -> int:
    """The most that a share of rows can be, as parts are cut: the whole numbers next to it."""
    return min(rows, ceil(round(rows * share, 6)))


def _strata(spec: Spec, split: Block) -> int | None:
    """Into how many strata a split divides rows before it cuts; None where that is not declared."""
    by = split.get("stratify")
    if by is None:
        return 1
    column = spec.column(by.block, by.member or "") if isinstance(by, Reference) else None
    if column is None:
        return None
    values = 2 if column.type.name == "bool" else len(column.type.values or ())
    return values + column.type.optional if values else None


def _rows_limit(form: Any) -> int | None:
    """The greatest number of rows that a check `rows() <= n`, `rows() in a..n` or `rows() == n` lets pass."""
    if form[0] != "call" or len(form[2]) != 2 or form[2][0][:2] != ["call", "rows"]:
        return None
    end = (
        form[2][1][2] if form[1] == "in" and form[2][1][0] == "range" else form[2][1] if form[1] in ("<=", "<", "==") else None
    )
    value = end[1] if isinstance(end, list) and end[0] == "lit" else end
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value < 2**63 else None


CHECKS = (too_few_rows,)
