"""A gate's expression in two halves: numbers that `evaluate` or `measure` stores, and a Boolean over them for `verdict`.

Only the Boolean holds the thresholds, so a changed threshold judges stored numbers again and computes nothing.
"""

from __future__ import annotations

from typing import Any

from mlspec.catalogue import metric
from mlspec.graph import canonical_text
from mlspec.graph.expression import walk
from mlspec.lower.externs import declaration
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import json_form

_LOGIC = frozenset(("and", "or", "not"))
_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">=", "in"))


class Quantities:
    """The numbers of one gates block: each different expression once, under the name of the first gate that reads it."""

    def __init__(self, sheet: Sheet | None = None) -> None:
        self._sheet = sheet
        self.ids: dict[str, str] = {}
        self.evaluated: list[dict[str, Any]] = []
        self.measured: list[dict[str, Any]] = []

    def verdict(self, gate: str, form: list[Any]) -> list[Any]:
        """The gate's Boolean with every number replaced by `["quantity", id]`."""
        if form[0] == "call" and form[1] in _LOGIC:
            return ["call", form[1], [self.verdict(gate, item) for item in form[2]], {}]
        if form[0] == "call" and form[1] in _COMPARISONS:
            return ["call", form[1], [self._side(gate, item) for item in form[2]], {}]
        return self._side(gate, form)

    def _side(self, gate: str, form: list[Any]) -> list[Any]:
        if not any(node[0] == "metric" for node in walk(form)):
            found: list[Any] = json_form(form)
            return found
        return ["quantity", self._id(gate, json_form(form))]

    def _id(self, gate: str, form: list[Any]) -> str:
        text = canonical_text(form)
        if text not in self.ids:
            taken = set(self.ids.values())
            number, name = 1, gate
            while name in taken:
                number += 1
                name = f"{gate}.{number}"
            self.ids[text] = name
            target = self.measured if is_measured(form) else self.evaluated
            target.append({"id": name, "expression": form, **measured_by(self._sheet, form)})
        return self.ids[text]


def measured_by(sheet: Sheet | None, form: list[Any]) -> dict[str, Any]:
    """`{"externs": …}` of the metrics of the project's own in an expression."""
    if sheet is None:
        return {}
    names = dict.fromkeys(node[1] for node in walk(form) if node[0] == "metric")
    blocks = [sheet.spec.blocks[name] for name in names if name in sheet.spec.blocks]
    found = {block.name: declaration(sheet, block, True) for block in blocks if block.kind == "extern"}
    return {"externs": found} if found else {}


def is_measured(form: list[Any]) -> bool:
    """Whether an expression reads a clock, so that two runs may differ."""
    return any(_interval(node[1]) == "measured" for node in walk(form) if node[0] == "metric")


def _interval(name: str) -> str:
    row = metric(name)
    return "" if row is None else row.interval


def models_in(quantities: list[dict[str, Any]]) -> list[str]:
    """The models that these quantities judge, in order of appearance."""
    return list(dict.fromkeys(node[2] for item in quantities for node in walk(item["expression"]) if node[0] == "metric"))
