"""The `verdict` stage: every gate decided and explained. It never fails; `enforce` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.folder import content_of
from mlspec.runtime.validate.gates import Numbers, Undecided, comparison, decide, finite, number, quantities_in
from mlspec.runtime.validate.resolution import resolution
from mlspec.runtime.wording import text_of

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
PLAIN = "the condition does not hold"
"""The reason of a gate that failed by its number alone."""
PLAIN_OF_READING = "the measured value does not meet it"


def run(context: StageContext) -> None:
    """Decide all gates and write verdict.json."""
    # Here and not above: the words of a verdict are read where nothing runs, and packages load numpy.
    from mlspec.runtime.package.absent import packages_there

    inputs = context.inputs()
    metrics = files.read_json(inputs["metrics"] / "metrics.json")["quantities"]
    measured = files.read_json(inputs["measurements"] / "measurements.json")["quantities"] if "measurements" in inputs else {}
    numbers = Numbers(metrics, measured)
    gates = [judge(gate, numbers) for gate in context.config["gates"]]
    packages = {name: digest_of(content_of(folder)) for name, folder in packages_there(inputs).items()}
    verdict = {"passed": all(gate["passed"] for gate in gates), "gates": gates, "packages": packages}
    files.write_json(context.output("verdict") / "verdict.json", verdict)


def judge(gate: Mapping[str, Any], numbers: Numbers) -> dict[str, Any]:
    """One gate's line of the verdict. A measured gate keeps no reading: the clock must not enter a digest."""
    expression = gate["expression"]
    ids = list(dict.fromkeys(quantities_in(expression)))
    status, reason = _status(expression, numbers, ids)
    line: dict[str, Any] = {
        "name": gate["name"], "passed": status != FAILED, "status": status, "reason": reason,
        "text": text_of(expression, numbers.texts()), "doc": gate.get("doc") or "",
        "measured": any(key in numbers.measurements for key in ids),
        "op": None, "threshold": None, "unit": None,
    }  # fmt: skip
    split = comparison(expression)
    if split is not None:
        line.update(op=split[1], threshold=_constant(split[2], numbers), unit=_unit(split[2]))
    if line["measured"]:
        return line | {"load": [numbers.entry(key).get("load") for key in ids], "reason": _without_reading(status, line)}
    evidence = _evidence(split[0] if split else None, ids, numbers)
    alone = numbers.metrics.get(ids[0], {}) if split is not None and split[0][0] == "quantity" else {}
    return line | evidence | {"resolution": resolution(alone, line["threshold"], line["unit"])}


def _status(expression: Any, numbers: Numbers, ids: list[str]) -> tuple[str, str]:
    if not ids:
        return FAILED, "it reads no number, so it shows nothing"
    absent = [key for key in ids if numbers.absent(key) == "skip"]
    if absent:
        return _without(absent, ids, numbers)
    try:
        passed = decide(expression, numbers)
    except Undecided as error:
        return FAILED, str(error)
    return (PASSED, "") if passed else (FAILED, PLAIN)


def _without(absent: list[str], ids: list[str], numbers: Numbers) -> tuple[str, str]:
    """A gate on a model that does not exist yet is skipped; one with another number that has no value fails all the same."""
    for key in ids:
        if key not in absent:
            try:
                numbers.value(key)
            except Undecided as error:
                return FAILED, str(error)
    return SKIPPED, "skipped (none yet): " + str(numbers.entry(absent[0])["problem"])


def _without_reading(status: str, line: Mapping[str, Any]) -> str:
    return line["reason"] if status == SKIPPED or not line["reason"] else PLAIN_OF_READING


def _constant(expression: Any, numbers: Numbers) -> float | None:
    try:
        return number(expression, numbers)
    except Undecided:
        return None


def _unit(expression: Any) -> str | None:
    """The type of the constant, from which its unit is printed."""
    if expression[0] == "lit":
        return str(expression[2]).removesuffix("?")
    return next((unit for part in expression[2] if (unit := _unit(part))), None) if expression[0] == "call" else None


def _evidence(compared: Any, ids: list[str], numbers: Numbers) -> dict[str, Any]:
    """The number compared and what stands behind it: its interval, the method and the rows."""
    known = [numbers.metrics[key] for key in ids if key in numbers.metrics]
    first: Mapping[str, Any] = known[0] if len(known) == 1 else {}
    value = None
    if compared is not None:
        value = _constant(compared, numbers)
    elif len(known) == 1:
        value = finite(first.get("value"))
    numeric = {key: finite(first.get(key)) for key in ("point", "low", "high", "confidence")}
    rows = max((entry["n"] for entry in known if entry.get("n")), default=None)
    return {"value": value, "n": rows, "method": first.get("method"), "groups": first.get("groups"), **numeric}
