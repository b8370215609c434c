"""Deciding expectations: conditions over what was computed, for each row, by the evaluator that answers requests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.online import compile_row
from mlspec.runtime.rehearse.given import Given
from mlspec.runtime.wording import text_of

NEAR = 1e-6
"""Two numbers closer than this share of their size look equal to a person and are not."""
VECTOR = "#"
_PLAIN = frozenset(("int", "float", "bool", "string", "text", "category", "id"))


class Outcome:
    """What came of a test: columns of values by path, single values by path, faults, and expectations that do not hold."""

    def __init__(self, case: Mapping[str, Any]) -> None:
        self.case = case
        self.columns: dict[str, list[Any]] = {}
        self.values: dict[str, Any] = {}
        self.shown: dict[str, str] = {}
        self.touched: dict[str, None] = {}
        self.faults: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []
        self.faulty: dict[str, str] = {}

    def fault(self, error: StageError, path: str = "") -> None:
        """A code that the rows gave; what gave it counts as tested where the code is expected."""
        told = error.to_json()
        where = path or error.where
        self.faults.append({key: told[key] for key in ("code", "message", "expected", "found", "examples")} | {"where": where})
        if path and path in self.columns:
            self.faulty.setdefault(path, error.code)
        if error.code in self.case["expect"]:
            self.touched[where] = None

    def disagreement(self, text: str) -> None:
        """The two evaluators gave different values."""
        self.failures.append({"kind": "disagreement", "name": "", "expected": "one value from both evaluators", "found": text, "help":
                              "this is a fault of mlspec itself: report it with the test"})  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The outcome: `passed`, the failures, the codes, and what the test touched."""
        codes = list(dict.fromkeys(fault["code"] for fault in self.faults))
        expected = list(self.case["expect"])
        wrong = [self._unexpected(fault) for fault in self.faults if fault["code"] not in expected]
        missing = [self._absent(code) for code in expected if code not in codes]
        failures = [*wrong, *missing, *self.failures]
        return {
            "name": self.case["name"], "line": self.case["line"], "passed": not failures, "codes": codes, "failures": failures,
            "touched": list(self.touched),
        }  # fmt: skip

    def _unexpected(self, fault: Mapping[str, Any]) -> dict[str, Any]:
        example = f" ({fault['examples'][0]})" if fault["examples"] else ""
        return {
            "kind": "code", "name": fault["code"], "where": fault["where"], "expected": "no fault in these rows" if not self.case["expect"]
            else f"only {', '.join(self.case['expect'])}", "found": f"{fault['code']}: {fault['message']}{example}", "help": "",
        }  # fmt: skip

    def _absent(self, code: str) -> dict[str, Any]:
        found = ", ".join(dict.fromkeys(fault["code"] for fault in self.faults)) or "no fault in these rows"
        return {"kind": "code", "name": code, "where": "", "expected": code, "found": found, "help": ""}


def decide(case: Mapping[str, Any], given: Mapping[str, Given], outcome: Outcome) -> None:
    """Decide every expectation; those of a test whose evaluators disagree are left open."""
    if outcome.failures:
        return
    for expectation in case["expectations"]:
        for item in expectation["reads"]:
            outcome.touched[item["path"]] = None
            if item["kind"] == "verdict":  # of a gate without a number it says nothing
                stated = case["judged"][item["path"]]["definitions"]
                outcome.touched.update({f"{item['path']}.{gate['name']}": None for gate in stated})
        code = next((outcome.faulty[item["path"]] for item in expectation["reads"] if item["path"] in outcome.faulty), "")
        if code:
            if code in case["expect"]:  # else the fault itself has failed the test
                outcome.failures.append(_without_value(expectation, code))
            continue
        condition = compile_row(expectation["expression"], expectation["name"])
        for number, record in _records(expectation, given, outcome):
            try:
                holds = condition(record)
            except StageError as error:
                outcome.fault(error)
                break
            if holds is not True:
                outcome.failures.append(_failure(expectation, number, record, given, outcome))
                break


def _records(
    expectation: Mapping[str, Any], given: Mapping[str, Given], outcome: Outcome
) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """The row number, None where there is only one, and what the expectation reads of the row."""
    over = next((item["rows"] for item in expectation["reads"] if item["kind"] in ("feature", "column")), None)
    tested = given[over].tested if over is not None else [None]
    for number, row in enumerate(tested):
        record = dict(outcome.values)
        for item in expectation["reads"]:
            if item["kind"] == "column" and row is not None:
                record[item["path"]] = row["values"].get(item["path"].rpartition(".")[2])
            elif item["kind"] == "feature":
                _spread(record, item["path"], outcome.columns.get(item["path"], [None] * len(tested))[number])
        yield (number if len(tested) > 1 else None), record


def _spread(record: dict[str, Any], path: str, value: Any) -> None:
    """A value under its path, and each number of a list beside it."""
    record[path] = value
    if isinstance(value, list):
        record[f"{path}{VECTOR}n"] = len(value)
        record.update({f"{path}{VECTOR}{place}": item for place, item in enumerate(value)})


def _failure(
    expectation: Mapping[str, Any], number: int | None, record: Mapping[str, Any], given: Mapping[str, Given], outcome: Outcome
) -> dict[str, Any]:
    paths = list(dict.fromkeys(item["path"] for item in expectation["reads"]))
    found = [f"{path} = {shown(record.get(path))}{_because(path, outcome)}" for path in paths]
    row = "" if number is None else f" in row {number + 1}"
    return {
        "kind": "expectation", "name": expectation["name"], "line": expectation["line"], "expected": expectation["text"],
        "found": ", ".join(found) + row, "values": {path: plain(record.get(path)) for path in paths},
        "row": None if number is None else number + 1, "wanted": _wanted(expectation["expression"]),
        "help": _near(expectation["expression"], record) or _left_out(expectation, record, given, number or 0),
    }  # fmt: skip


def _without_value(expectation: Mapping[str, Any], code: str) -> dict[str, Any]:
    """The failure of an expectation over a value that an expected fault leaves without one."""
    return {
        "kind": "expectation", "name": expectation["name"], "line": expectation["line"], "expected": expectation["text"],
        "found": f"no value: {code}", "values": {item["path"]: None for item in expectation["reads"]}, "row": None,
        "help": f"a test that expects {code} of a value cannot compare it: write a test for each",
    }  # fmt: skip


def _because(path: str, outcome: Outcome) -> str:
    return f" ({outcome.shown[path]})" if outcome.shown.get(path) else ""


def shown(value: Any) -> str:
    """A value as the language writes it, a number in every digit that tells it from another."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else f'"{value}"' if isinstance(value, str) else repr(value)


def plain(value: Any) -> Any:
    """A value that JSON has."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else shown(value)


def _wanted(form: Any) -> str:
    """The constant of `feature == constant`, "" of any other condition: then one value against one says it all."""
    if form[0] != "call" or form[1] != "==" or form[2][0][0] != "col" or form[2][1][0] != "lit":
        return ""
    _, value, kind = form[2][1]
    return shown(value) if kind in _PLAIN else text_of(form[2][1])


def _near(form: Any, record: Mapping[str, Any]) -> str:
    """The way out where two numbers are equal but for their last digits."""
    if form[0] != "call" or form[1] not in ("==", "and"):
        return ""
    if form[1] == "and":
        return next((text for part in form[2] if (text := _near(part, record))), "")
    left, right = (_number(part, record) for part in form[2])
    if left is None or right is None or left == right or abs(left - right) > NEAR * max(abs(left), abs(right), 1e-300):
        return "" if left is None or right is None or left == right or max(abs(left), abs(right)) > 1e-9 else _TOLERANCE
    return _TOLERANCE


_TOLERANCE = "they differ in their last digits alone: compare with a range, `in 0.333..0.334`, or with `round(…, 6)`"


def _number(form: Any, record: Mapping[str, Any]) -> float | None:
    value = form[1] if form[0] == "lit" else record.get(form[1]) if form[0] == "col" else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _left_out(expectation: Mapping[str, Any], record: Mapping[str, Any], given: Mapping[str, Given], number: int) -> str:
    """The columns behind a null that a row leaves out."""
    for item in expectation["reads"]:
        if item["kind"] in ("feature", "column") and record.get(item["path"]) is None:
            tested = given[item["rows"]].tested
            absent = [name for name in item["columns"] if not tested or name not in tested[number]["values"]]
            if absent:
                return f"the row leaves out {', '.join(absent)}: what is left out is null"
    return ""
