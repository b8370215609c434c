"""Gates and alerts on numbers that a test states: decided by what decides them in a run and at a monitor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime.wording import text_of

Definition = Mapping[str, Any]


def gate_holds(gate: Definition) -> tuple[bool, str]:
    """Whether the verdict stage would pass a gate, and on which numbers."""
    from mlspec.runtime.validate.gates import Numbers
    from mlspec.runtime.validate.verdict import judge

    texts = {identity: text_of(item["expression"]) for identity, item in gate["numbers"].items()}
    stated = {identity: {"value": item["value"], "text": texts[identity]} for identity, item in gate["numbers"].items()}
    passed = bool(judge(gate, Numbers(stated, {}))["passed"])
    return passed, ", ".join(f"{texts[identity]} = {item['shown']}" for identity, item in gate["numbers"].items())


def alert_holds(alert: Definition) -> tuple[bool | None, str]:
    """Whether an alert's condition holds in a window that has these numbers."""
    from mlspec.runtime.monitor.checks import Evaluator

    holds = Evaluator(_Stated(alert["numbers"]), alert["name"]).answer(_as_metric(alert["expression"])).holds
    return holds, ", ".join(item["shown"] for item in alert["numbers"].values())


def _as_metric(form: Any) -> Any:
    """A stated number is to the evaluator a measure of the window."""
    if not isinstance(form, list):
        return form
    if form[:1] == ["quantity"]:
        return ["metric", form[1], "live", {}]
    return [_as_metric(part) for part in form]


class _Stated:
    """A window whose measures are what the test says they are, beyond doubt."""

    def __init__(self, numbers: Mapping[str, Mapping[str, Any]]) -> None:
        self.numbers = numbers

    def metric(self, name: str, args: Mapping[str, Any]) -> Any:
        """The stated number."""
        from mlspec.runtime.monitor.statistics import Estimate

        return Estimate(float(self.numbers[name]["value"]))

    def each(self, name: str, of: Any, tests: int) -> dict[str, Any]:
        """No alert asks for several: each number that it compares is stated as one."""
        raise AssertionError(f"`{name}` is compared as one number")

    def rate(self, condition: Any) -> Any:
        """As `each`."""
        raise AssertionError("a rate is compared as one number")

    def metric_by(self, name: str, args: Mapping[str, Any], by: Any) -> dict[str, Any]:
        """As `each`."""
        raise AssertionError(f"`{name}` by groups is compared as one number")
