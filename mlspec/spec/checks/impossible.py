"""209: parameters that an estimator refuses once it is fitted, said before anything is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlspec import catalogue
from mlspec.catalogue.conflicts import CONFLICTS, TAKES_OVER
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Spec
from mlspec.spec.tasks import label_of
from mlspec.spec.values import Made

_TASKS = {"binary": "two classes", "multiclass": "many classes", "regression": "a number", "ranking": "ranking"}


def parameters_that_cannot_be(spec: Spec, findings: Findings) -> None:
    """209: a value that does not go with the label's task, or with what another parameter can be."""
    for model in spec.of_kind("model", "search"):
        label = label_of(spec, model.ref("label"))
        for block in (model, *(inner for inner in model.blocks if inner.kind == "family")):
            for name, value, reason, wanted in _refused(block, "" if label is None else label.task):
                findings.add("MLS209", block.span_of(name), what=f"`{name}` of `{block.get('estimator')}`", got=f"`{_shown(value)}` for {reason}",
                             wanted=wanted)  # fmt: skip


def _refused(block: Block, task: str) -> Iterator[tuple[str, Any, str, str]]:
    """(parameter, value, what it does not go with, what does) of every conflict that no draw of a search can avoid."""
    estimator = catalogue.estimator(str(block.get("estimator") or ""))
    if estimator is None:
        return
    for names, parameter, values, tasks, other, allowed, wanted in CONFLICTS:
        if estimator.key not in names or parameter not in block.fields or TAKES_OVER.get(parameter) in block.fields:
            continue
        hit = next((value for value in _values(block, parameter, estimator) if value in values), None)
        if hit is None or (tasks and task not in tasks):
            continue
        if other and any(value in allowed for value in _values(block, other, estimator)):
            continue
        yield parameter, hit, _reason(block, other, tasks, task, estimator), wanted


def _reason(block: Block, other: str, tasks: tuple[str, ...], task: str, estimator: catalogue.Estimator) -> str:
    if tasks:
        return f"a label of {_TASKS[task]}"
    if not other:
        return "rows of features"
    given = " or ".join(_shown(value) for value in _values(block, other, estimator))
    return f"`{other}` {given}"


def _shown(value: Any) -> str:
    """A value as a spec writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, (int, float)) else f'"{value}"'


def _values(block: Block, name: str, estimator: catalogue.Estimator) -> tuple[Any, ...]:
    """What a parameter can be: its value, the values of its choice, or its default."""
    item = block.get(name) if name in block.fields else estimator.parameters.get(name, {}).get("default")
    return tuple(item.get("values") or ()) if isinstance(item, Made) else (item,)


CHECKS = (parameters_that_cannot_be,)
