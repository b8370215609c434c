"""The `enforce` stage: the run stops here when a gate failed; what passed is written as a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import SeveralErrors, StageError
from mlspec.runtime.wording import literal, number


def run(context: StageContext) -> None:
    """Raise MLS815 naming every failed gate, or write release.json."""
    verdict = files.read_json(context.input("verdict") / "verdict.json")
    failed = [gate for gate in verdict["gates"] if gate["status"] not in ("passed", "skipped")]
    if failed or not verdict["passed"] or not verdict["gates"]:
        raise refusal(context.block, failed)
    release = {
        "block": context.block,
        "packages": verdict["packages"],
        "gates": [gate["name"] for gate in verdict["gates"] if gate["status"] == "passed"],
        "skipped": [gate["name"] for gate in verdict["gates"] if gate["status"] == "skipped"],
    }
    files.write_json(context.output("release") / "release.json", release)


def refusal(block: str, failed: list[Mapping[str, Any]]) -> StageError:
    """What the user reads: every failed gate at its own place, the first with how many there are."""
    if not failed:
        return StageError(
            "MLS815", f"gates `{block}` decided nothing", block, expected="at least one gate", found="none",
            help="declare a gate, as in `useful := lower(auc(candidate)) >= 0.80`",
        )  # fmt: skip
    messages = [f"gate `{gate['name']}` failed" for gate in failed]
    if len(failed) > 1:
        messages[0] = f"{len(failed)} gates of `{block}` failed: {', '.join(str(gate['name']) for gate in failed)}"
    errors = [_refusal(block, gate, message) for gate, message in zip(failed, messages, strict=True)]
    return errors[0] if len(errors) == 1 else SeveralErrors(errors)


def _refusal(block: str, gate: Mapping[str, Any], message: str) -> StageError:
    return StageError(
        "MLS815", message, f"{block}.{gate['name']}", expected=gate["text"], found=found(gate),
        help="look at the evaluation report; a better model or more data meets a gate, a lower threshold needs its approvers",
    )  # fmt: skip


def found(gate: Mapping[str, Any]) -> str:
    """The value of a failed gate with its interval, or why it has none."""
    if gate.get("value") is None:
        return str(gate.get("reason") or "no value")
    unit = gate.get("unit") or "float"
    text = _in_unit(gate["value"], unit)
    if gate.get("windows"):
        text += f" (the best of {len(gate['windows'])} windows)"
    if gate.get("low") is not None and gate.get("high") is not None:
        text += (
            f" (interval {_in_unit(gate['low'], unit)} to {_in_unit(gate['high'], unit)}, {gate['method']}, n = {gate['n']:,})"
        )
    return text


def _in_unit(value: float, unit: str) -> str:
    if unit in ("ratio", "points"):
        return f"{number(round(value * 100, 3))}{'%' if unit == 'ratio' else 'pp'}"
    return literal(round(value, 5), "float" if unit == "int" else unit)
