"""Outcomes with a `query`: what may be ranked, and that the rows of a query stay together wherever rows are divided."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.diagnostics import Note
from mlspec.spec.checks.reading import LEARNERS
from mlspec.spec.findings import Findings, listing, nearest
from mlspec.spec.model import Block, Column, Spec
from mlspec.spec.registered import label_reference, named_models
from mlspec.spec.values import Reference

_MARKS = frozenset(("id", "int", "string", "category", "date"))
MOST_GRADES = 31
"""A grade counts 2^grade - 1: one more would leave the whole numbers that rankers count in."""


def queries_of_outcomes(spec: Spec, findings: Findings) -> None:
    """101, 201: a query is a column of the same rows that every row has, and a relevance a Boolean or a grade."""
    for source in spec.of_kind("source"):
        for column in source.columns.values():
            if column.query is not None:
                _query(source, column, findings)
                _relevance(column, findings)


def _query(source: Block, column: Column, findings: Findings) -> None:
    found, span = source.columns.get(str(column.query)), column.attrs["outcome"].span
    if _is_query(found, column):
        return
    if found is None or found is column:
        known = [name for name in source.columns if name != column.name]
        findings.add(
            "MLS101", span, kind="column", name=column.query, known=listing(known), nearest=nearest(str(column.query), known)
        )
    else:
        got = "an outcome" if "outcome" in found.attrs else str(found.type)
        findings.add("MLS201", span, [Note("declared here", found.span)], what=f"the query `{found.name}`", got=got,
                     wanted="a column that is never null and tells queries apart: an id, a whole number, a text or a date")  # fmt: skip


def _is_query(found: Column | None, column: Column) -> bool:
    return (
        found is not None
        and found is not column
        and found.type.name in _MARKS
        and not found.type.optional
        and "outcome" not in found.attrs
    )


def _relevance(column: Column, findings: Findings) -> None:
    span, kind, bounds = column.attrs["outcome"].span, column.type, column.range
    if column.positive is not None or column.favourable is not None:
        findings.add("MLS209", span, what="`positive:` and `favourable:`", got="set beside `query:`", wanted="one of them",
                     hint="what is ranked has no class: a relevance is a Boolean or a grade")  # fmt: skip
    if kind.optional or not (
        kind.name == "bool" or (kind.name == "int" and bounds is not None and _graded(bounds.low, bounds.high))
    ):
        findings.add("MLS201", span, what=f"the relevance `{column.name}`", got=str(kind),
                     wanted=f"a Boolean, or a whole number with `@range(0..N)`, N at most {MOST_GRADES}, that is never null")  # fmt: skip


def _graded(low: object, high: object) -> bool:
    return low == 0 and isinstance(high, int) and 0 < high <= MOST_GRADES


def queries_cross(spec: Spec, findings: Findings) -> None:
    """307: rows of one query may fall into several parts, or into several folds: a part of a query is another ranking."""
    said: set[str] = set()
    for block, label in _ranked(spec):
        part = block.ref("part")
        column = spec.column(label.block, str(label.member))
        split = None if part is None else spec.blocks.get(part.block)
        if split is None or column is None or not _is_query(spec.column(label.block, str(column.query)), column):
            continue  # what is no query is said of it
        place = Note("ranked by this", column.span)
        group = split.ref("group")
        if (group is None or group.member != column.query) and split.name not in said:
            said.add(split.name)
            findings.add("MLS307", split.head if group is None else split.span_of("group"), [place], name=column.query, block=split.name,
                         hint=f"rows of one query are ranked together: set `group = {column.query}`")  # fmt: skip
        folds = block.make("cv") if block.kind == "search" else None
        other = None if folds is None else folds.get("group")
        if isinstance(other, Reference) and other.member != column.query:
            findings.add("MLS307", block.span_of("cv"), [place], name=column.query, block=split.name,
                         hint=f"rows of one query are ranked together: set `group: {column.query}`, or leave it out")  # fmt: skip


def _ranked(spec: Spec) -> Iterator[tuple[Block, Reference]]:
    """Every block that learns or judges on a part, with the label that it is about."""
    for block in spec.of_kind(*LEARNERS, "gates", "evaluate"):
        names = [block.name] if block.kind in LEARNERS else named_models(block)
        labels = (label_reference(spec, spec.blocks[name]) for name in names if name in spec.blocks)
        label = next((found for found in labels if found is not None), None)
        if label is not None:
            yield block, label


def made_smaller(spec: Spec, findings: Findings) -> None:
    """901: what each step of a `compress` costs is not counted in queries."""
    for block in spec.of_kind("compress"):
        label = label_reference(spec, block)
        column = None if label is None else spec.column(label.block, str(label.member))
        if column is not None and column.query is not None:
            findings.add("MLS901", block.head, what="a `compress` of what ranks", wanted="a model of classes or of a number")


CHECKS = (queries_of_outcomes, queries_cross, made_smaller)
