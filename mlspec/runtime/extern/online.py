"""Expressions that call externs, for records: the calls of many records at once, then each record as ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.extern.hoist import hoist
from mlspec.runtime.extern.pool import Externs
from mlspec.runtime.extern.types import arrow_type, kind_of

Record = Mapping[str, Any]
Resolve = Callable[[str], str]


def compile_many(
    forms: Mapping[str, Any], externs: Externs, where: str = "", secret: Resolve | None = None
) -> Callable[[Sequence[Record]], list[dict[str, Any]]]:
    """The function from records to the values of the expressions for each."""
    from mlspec.runtime.prepare.online import compile_rows

    hoisted = hoist(forms)
    rounds = [
        (calls, compile_rows({f"{call.column}.{place}": form for call in calls for place, form in enumerate(call.arguments)}, where, secret))
        for calls in hoisted.rounds
    ]  # fmt: skip
    last = compile_rows(hoisted.forms, where, secret)

    def evaluate(records: Sequence[Record]) -> list[dict[str, Any]]:
        known = list(records)
        for calls, arguments in rounds:
            lines = [arguments(record) for record in known]
            found = {call.column: externs.call(call.name, arrow_columns(call, lines, externs)).to_pylist() for call in calls}
            known = [
                {**record, **{column: values[place] for column, values in found.items()}} for place, record in enumerate(known)
            ]  # fmt: skip
        return [last(record) for record in known]

    return evaluate


def arrow_columns(call: Any, lines: Sequence[Mapping[str, Any]], externs: Externs) -> list[Any]:
    """The arguments of a call as Arrow arrays: whole numbers become numbers by the same cast as in a batch."""
    import pyarrow as pa

    columns = []
    for place, (_, kind) in enumerate(externs.declared[call.name].parameters):
        values = [line[f"{call.column}.{place}"] for line in lines]
        whole = kind_of(kind) == "float" and all(value is None or type(value) is int for value in values)
        try:
            columns.append(pa.array(values, type=arrow_type("int" if whole else kind_of(kind))))
        except UnicodeEncodeError as error:
            raise StageError("MLS802", f"a text for extern `{call.name}` is no Unicode", call.name, expected="text in UTF-8",
                             found="half of a character", help="send whole characters") from error  # fmt: skip
    return columns
