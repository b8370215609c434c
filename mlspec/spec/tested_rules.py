"""What must hold of a `test`: it expects something, that can be, and it gives what that is computed from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlspec.diagnostics import Edit, Note
from mlspec.spec.expressions.literals import python_value
from mlspec.spec.expressions.operators import short
from mlspec.spec.extern_steps import extern_of, step_of, tables_of
from mlspec.spec.findings import listing, nearest
from mlspec.spec.kinds import FITTED, Type
from mlspec.spec.literal_rows import COUNT
from mlspec.spec.measured import JUDGED
from mlspec.spec.model import Block, Column, Definition
from mlspec.spec.scope import Scope
from mlspec.spec.source_rules import foreign_columns
from mlspec.spec.tasks import features_of
from mlspec.spec.values import Made, Reference, Typed, Value

CODES = ("MLS211", "MLS803", "MLS804", "MLS805")
"""The codes that rows can give: a word outside its category, a check that fails, a null, a number outside its range."""


def check_test(block: Block, scope: Scope) -> None:
    """Applies every rule to one test; one with errors in its rows is left alone."""
    _codes(block, scope)
    _pictures(block, scope)
    _once(block, scope)
    broken = any(inner.get("value") is None for inner in block.blocks) or block.name in scope.broken
    if not block.definitions and not block.get("expect") and not scope.findings.errors:
        scope.findings.add(
            "MLS106", block.head, kind="test", block=block.name, name="expectation", fix="name := inputs.feature == 1.0",
            wanted="a condition that must hold, or the codes that the rows must give: `expect = [\"MLS805\"]`",
        )  # fmt: skip
    for column, value in _values(block, scope):
        _in_domain(block, column, value, scope)
    if not broken:
        for definition in block.definitions.values():
            _supplied(block, definition, scope)
        if not scope.findings.error_in(block.span):
            _read(block, scope)


def _codes(block: Block, scope: Scope) -> None:
    for code in block.get("expect") or ():
        if code in CODES:
            continue
        near = nearest(code, CODES)
        scope.findings.add(
            "MLS209", block.span_of("expect"), what=f"the code `{code}` of `expect`", got=f"`{code}`, which no row can give",
            wanted=f"one of {listing(CODES)}", hint=f"did you mean `{near}`?" if near else "a fault of the spec itself is found by `mlspec check`",
        )  # fmt: skip


def _pictures(block: Block, scope: Scope) -> None:
    """A row of a test is written out, and an image cannot be."""
    for inner in block.blocks:
        source = scope.spec.blocks.get(inner.name)
        if source is not None and any(column.type.name == "image" for column in source.columns.values()):
            scope.findings.add(
                "MLS901",
                inner.head,
                what=f"a test with rows of `{inner.name}`, which holds images",
                wanted="rows of a source without images",
            )


def _once(block: Block, scope: Scope) -> None:
    """Each source is given once, and learned from once."""
    first: dict[tuple[str, str], Block] = {}
    for inner in block.blocks:
        earlier = first.setdefault((inner.kind, inner.name), inner)
        if earlier is not inner:
            note = Note("first given here", earlier.head)
            scope.findings.add("MLS102", inner.head, [note], kind=inner.kind, name=inner.name)


def _read(block: Block, scope: Scope) -> None:
    """What a test gives and nothing of it reads is reported as unused; where codes are expected, all rows are looked at."""
    refs = [ref for definition in block.definitions.values() for ref in definition.value.refs]
    spines = {_rows_of(found, ref, scope) for ref in refs if (found := scope.spec.blocks.get(ref.block)) is not None}
    checked = [name for ref in refs if ref.kind == "check" for name in (ref.block, *_partners(ref, scope))]
    stands = {name for each in spines if each for name in _stands_on(block, scope.spec.blocks[each], scope)}
    stands |= {name for ref in refs if ref.kind == "check" for name in _stands_on(block, scope.spec.blocks[ref.block], scope)}
    judged = [ref.block for ref in refs if ref.kind in ("gate", "alert", "verdict")]
    joined = [name for ref in refs if ref.kind == "feature" for name in _joined(ref, scope)]
    for inner in block.blocks:
        read = {*spines, *stands} if inner.kind == "fit" else {*spines, *stands, *joined, *checked, *judged}
        if inner.name not in read and not block.get("expect"):
            scope.findings.add("MLS107", inner.head, kind=inner.kind, name=inner.name)


def _joined(ref: Reference, scope: Scope) -> list[str]:
    """The sources that a feature reads, joined ones too."""
    feature = scope.spec.blocks[ref.block].definitions.get(ref.member or "")
    return [] if feature is None else [inner.block for inner in feature.value.refs if inner.kind in ("column", "source")]


def _partners(ref: Reference, scope: Scope) -> list[str]:
    """The other sources that a check looks into."""
    check = scope.spec.blocks[ref.block].definitions.get(ref.member or "")
    return [] if check is None else [path.rpartition(".")[0] for path in foreign_columns(check.value.form)[0]]


def _values(block: Block, scope: Scope) -> Iterator[tuple[Column, Value]]:
    """The constants of all rows of sources, with their columns."""
    for inner in block.blocks:
        source = scope.spec.blocks.get(inner.name)
        if source is None or source.kind in JUDGED:
            continue
        for row in inner.get("value") or ():
            for name, value in row.args.items():
                if name != COUNT and name in source.columns:
                    yield source.columns[name], value


def _in_domain(block: Block, column: Column, value: Value, scope: Scope) -> None:
    """A value that the column forbids is a slip, unless the test is about just that."""
    typed: Typed = value.item
    known, bounds, text = column.type.values, column.range, short(typed.span)
    if typed.form[0] != "lit" or typed.form[1] is None:
        return
    item = python_value(typed.form[1], typed.form[2])
    expected = block.get("expect") or ()
    if known and item not in known and "MLS211" not in expected:
        near = nearest(str(item), known)
        edits = [Edit(typed.span, f'"{near}"', guess=True)] if near else []
        scope.findings.add("MLS211", typed.span, edits=edits, got=text, name=f"{column.source}.{column.name}", known=listing([f'"{one}"' for one in known]),
                           nearest=f'`"{near}"`' if near else "", hint=_about("MLS211"))  # fmt: skip
    elif column.type.name == "decimal" and not _has_digits(item, column.type):
        scope.findings.add("MLS209", typed.span, what=f"`{column.source}.{column.name}`", got=f"`{text}`",
                           wanted=f"a number with the digits of `{column.type.required()}`")  # fmt: skip
    elif bounds is not None and "MLS805" not in expected and not _inside(item, bounds.low, bounds.high):
        scope.findings.add("MLS209", typed.span, what=f"`{column.source}.{column.name}`", got=f"`{text}`",
                           wanted=f"the range {bounds.low:,}..{bounds.high:,}" if isinstance(bounds.low, int | float) else f"the range {bounds.low}..{bounds.high}",
                           hint=_about("MLS805"))  # fmt: skip


def _has_digits(item: float, kind: Type) -> bool:
    """Whether a decimal holds a number exactly."""
    scale = kind.scale or 0
    whole = 10 ** ((kind.precision or 18) - scale)
    return abs(item) < whole and repr(round(float(item), scale)) == repr(float(item))


def _about(code: str) -> str:
    return f'if the test is about this fault: `expect = ["{code}"]`'


def _inside(item: Any, low: Any, high: Any) -> bool:
    try:
        return bool((low is None or item >= low) and (high is None or item <= high))
    except TypeError:  # a date beside an instant: the run compares whole days
        return True


def _supplied(block: Block, definition: Definition, scope: Scope) -> None:
    """Everything that an expectation reads is given, and its rows are those of one source."""
    sources: dict[str, Reference] = {}
    for ref in definition.value.refs:
        found = scope.spec.blocks.get(ref.block)
        if found is None or ref.span is None:
            continue
        if ref.kind in ("gate", "alert", "verdict"):
            _numbers_given(block, found, ref, scope)
        elif ref.kind == "feature":
            _feature_given(block, found, ref, scope)
        elif ref.kind == "network":
            _network_given(block, found, ref, scope)
        elif ref.kind in ("column", "check"):
            _rows_given(block, found, ref, scope)
        rows = _rows_of(found, ref, scope)
        if rows:
            sources.setdefault(rows, ref)
    if len(sources) > 1:
        second = list(sources.values())[1]
        _lacks(scope, second, block, f"a value in each row of `{next(iter(sources))}`",
               "an expectation holds for each row of one source: write one for each source")  # fmt: skip


def _rows_of(found: Block, ref: Reference, scope: Scope) -> str:
    """The source whose rows a name has a value in; "" for what is one value for all rows."""
    if ref.kind == "column":
        return found.name
    if ref.kind == "network":
        read = features_of(scope.spec, found)
        found = scope.spec.blocks[read[0].block] if read else found
    frame = found.ref("frame") if ref.kind in ("feature", "network") else None
    spine = None if frame is None else scope.spec.spine(frame.block)
    return "" if spine is None else spine.name


def _numbers_given(test: Block, judged: Block, ref: Reference, scope: Scope) -> None:
    given = next((inner for inner in test.nested("given") if inner.name == judged.name), None)
    known = set() if given is None else {name for row in given.get("value") or () for name in row.args}
    # A verdict needs them all, and is not known without: a gate that comes later fails the test, not the spec.
    wanted = [ref.member] if ref.member is not None else [] if known else list(judged.definitions)
    missing = [name for name in wanted if name and name not in known]
    if missing:
        noun = "gate" if judged.kind == "gates" else "alert"
        _lacks(
            scope,
            ref,
            test,
            f"the number of the {noun} {listing(missing)}",
            f"add `{missing[0]}: …` to `given {judged.name} = [row(…)]`",
        )


def _feature_given(test: Block, features: Block, ref: Reference, scope: Scope) -> None:
    frame = features.ref("frame")
    spine = None if frame is None else scope.spec.spine(frame.block)
    definition = features.definitions.get(ref.member or "")
    if spine is None or frame is None or definition is None:
        return
    if frame.block == spine.name and not _rows_given(test, spine, ref, scope):
        return
    if definition.value.level >= FITTED and not any(_rows(test, "fit", name) for name in _stands_on(test, spine, scope)):
        hint = f"add `fit {spine.name} = [row(…)]`, the training part of this test"
        _lacks(scope, ref, test, "rows that its fitted steps learn from", hint)


def _network_given(test: Block, train: Block, ref: Reference, scope: Scope) -> None:
    """All features of a network have what they are computed from."""
    for each in features_of(scope.spec, train):
        before = scope.findings.errors
        _feature_given(test, scope.spec.blocks[each.block], Reference("feature", each.block, each.member, ref.span), scope)
        if scope.findings.errors > before:
            return


def _rows_given(test: Block, source: Block, ref: Reference, scope: Scope) -> bool:
    """Whether a source has rows in a test: its own, or what a step makes of those of others; what lacks is reported."""
    for name in _stands_on(test, source, scope):
        if not _rows(test, "given", name):
            _lacks(scope, ref, test, "a row of its source", f"add `given {name} = [row(…)]`")
            return False
    return _whole_rows(test, source, ref, scope)


def _stands_on(test: Block, source: Block, scope: Scope) -> list[str]:
    """The source, or where a step makes its rows those that the step is given, through every step between."""
    tables = {} if source.name in {inner.name for inner in test.blocks} else tables_of(source)
    found = [one for name in tables.values() for one in _stands_on(test, scope.spec.blocks[name], scope)]
    return list(dict.fromkeys(found)) or [source.name]


def _whole_rows(test: Block, source: Block, ref: Reference, scope: Scope) -> bool:
    """Whether every row that a step is given has a value in each column that is never null."""
    if source.name in {inner.name for inner in test.blocks}:
        return True
    made = step_of(source)
    types = {} if made is None else dict(scope.spec.blocks[extern_of(made)].get("parameters"))
    for parameter, name in tables_of(source).items():
        table = scope.spec.blocks[name]
        wanted = [column for column, _ in types[parameter].members if not table.columns[column].type.optional]
        for row in (*_rows(test, "given", name), *_rows(test, "fit", name)):
            missing = [column for column in wanted if column not in row.args]
            if missing:
                _lacks(scope, ref, test, f"a value of `{name}.{missing[0]}` in each row, which the step is given",
                       f"add `{missing[0]}: …` to each row of `{name}`")  # fmt: skip
                return False
        if not _whole_rows(test, table, ref, scope):
            return False
    return True


def _rows(test: Block, kind: str, source: str) -> tuple[Made, ...]:
    return next((tuple(inner.get("value") or ()) for inner in test.nested(kind) if inner.name == source), ())


def _lacks(scope: Scope, ref: Reference, test: Block, wanted: str, hint: str) -> None:
    scope.findings.add("MLS214", ref.span, name=ref.path, block=test.name, wanted=wanted, hint=hint)
