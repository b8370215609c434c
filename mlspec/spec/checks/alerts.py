"""901, monitors: what an alert may be made of, as the loop that evaluates it reads it."""

from __future__ import annotations

from typing import Any

from mlspec import catalogue
from mlspec.spec.checks.reading import span_of_call
from mlspec.spec.findings import Findings
from mlspec.spec.model import Spec

_COMPARED = frozenset(("<", "<=", ">", ">=", "==", "!="))
_LOGIC = frozenset(("and", "or", "not"))
_ARITHMETIC = frozenset(("+", "-", "*", "/", "neg", "abs"))
_DISTANCES = frozenset(("psi", "ks", "js", "null_rate"))
_WANTED = (
    "`psi ks js null_rate` of features or `score`, metrics of `live`, their `worst`, `gap` and `ratio`, compared with numbers"
)
_EXPORTED = "watch it in Prometheus: the server exports requests, codes and latency"


class _Unbuilt(Exception):
    """Something that the monitor does not compute: what it is, the function that messages point at, a way out."""

    def __init__(self, what: str, call: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.call, self.hint = what, call, hint


def alerts_that_nothing_computes(spec: Spec, findings: Findings) -> None:
    """901: a function, metric or slice that a monitor does not compute yet."""
    for monitor in spec.of_kind("monitor"):
        for alert in monitor.definitions.values():
            try:
                _condition(spec, alert.value.form)
            except _Unbuilt as error:
                span = span_of_call(alert.value, error.call) if error.call else alert.value.span
                findings.add("MLS901", span, what=f"{error.what} in a monitor", wanted=_WANTED, hint=error.hint)


def _condition(spec: Spec, form: Any) -> None:
    if form[0] == "lit":
        return
    name = form[1] if form[0] == "call" else form[0]
    if name in _LOGIC:
        for item in form[2]:
            _condition(spec, item)
    elif name in _COMPARED:
        for item in form[2]:
            _number(spec, item)
    elif name == "in" and form[2][1][0] == "range":
        _number(spec, form[2][0])
    else:
        raise _Unbuilt(f"`{name}` as a condition", hint="compare a number: `psi(score) <= 0.2`")


def _number(spec: Spec, form: Any) -> None:
    if form[0] == "lit":
        return
    if form[0] == "metric":
        _measure(form)
        return
    if form[0] != "call":
        raise _Unbuilt(
            f"`{form[1] if form[0] == 'live' else form[0]}` as a number", hint="watch its distribution: `psi(score) <= 0.2`"
        )
    name, args, named = form[1], form[2], form[3] if len(form) > 3 else {}
    if name in ("worst", "gap", "ratio"):
        _measure(args[0])
        _slice(spec, name, named.get("by"))
    elif name in _ARITHMETIC:
        for item in args:
            _number(spec, item)
    else:
        raise _Unbuilt(f"`{name}`", name, _EXPORTED if name in ("p50", "p95", "p99", "mean") else "")


def _measure(form: Any) -> None:
    """A distance, or a metric of what is served; a metric of another model has no requests to be taken on."""
    if form[0] != "metric":
        raise _Unbuilt(f"`{form[1] if form[0] == 'call' else form[0]}` inside `worst`, `gap` or `ratio`", str(form[1]))
    _, name, model, options = form
    if name in _DISTANCES:
        if options.get("of", [""])[0] not in ("features", "feature", "score", "probability"):
            raise _Unbuilt(f"`{name}` of `{options.get('of', ['?'])[0]}`", name, "watch `score`, or the features")
        return
    if any(not row.built for row in catalogue.functions(name) if row.level == "live"):
        return  # said where it is called
    row = catalogue.metric(name)
    if row is None or {"package", "generation"} & set(row.tasks):
        raise _Unbuilt(f"`{name}`", name, _EXPORTED)
    if model != "live":
        raise _Unbuilt(f"`{name}` of `{model}`", name, f"requests are answered by one model: `{name}(live)`")


def _slice(spec: Spec, name: str, by: Any) -> None:
    """Groups of a monitor are values of a feature that the log holds."""
    if by is None:
        return
    if by[0] != "feature":
        raise _Unbuilt(f"`by: {by[1]}`", name, "group by a feature of the model")
    audits = [
        block.name
        for block in spec.of_kind("features")
        if by[1] in block.definitions and "audit" in block.definitions[by[1]].attrs
    ]
    if audits:
        raise _Unbuilt(
            f"groups by the audit feature `{audits[0]}.{by[1]}`",
            name,
            "no request brings it: judge it in `gates`, where it is known",
        )


CHECKS = (alerts_that_nothing_computes,)
