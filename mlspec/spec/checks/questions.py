"""213: questions about changed rows that change nothing which the model reads, so that no run could answer them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlspec.spec.checks.reading import features_of, metrics_in, text_of
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Column, Spec

_NUMBERS = frozenset(("int", "float", "decimal", "ratio", "points", "rate", "duration", "bytes"))
_TEXTS = frozenset(("string", "text", "id"))
_CHANGES: dict[str, tuple[Callable[[Column], bool], str]] = {
    "noise": (lambda column: column.type.name in _NUMBERS, "a number"),
    "shift": (lambda column: column.type.name in _NUMBERS, "a number"),
    "missing": (lambda column: column.type.optional, "a column that may be null"),
    "unseen": (
        lambda column: column.type.name in _TEXTS or (column.type.name == "category" and not column.type.values),
        "an open category",
    ),
}


def void_questions(spec: Spec, findings: Findings) -> None:
    """213: `robustness` without a column that it would change, `invariant` or `monotone` of a column that the model does not read."""
    for gates in spec.of_kind("gates"):
        for gate in gates.definitions.values():
            for node in metrics_in(gate.value):
                model = spec.blocks.get(str(node[2]))
                read = [] if model is None else _columns(spec, model)
                why = _void(node, read) if read else ""
                if why:
                    findings.add(
                        "MLS213", gate.value.span, name=text_of(gate.value.span), got="void", hint=f"`{node[2]}` {why}"
                    )


def _columns(spec: Spec, model: Block) -> list[Column]:
    """The source columns that a model's features read; none of a model that is made elsewhere."""
    pairs = {pair for _, feature in features_of(spec, spec.learned(model)) for pair in feature.value.columns}
    return [column for source, name in sorted(pairs) if (column := spec.column(source, name)) is not None]


def _void(node: Any, read: list[Column]) -> str:
    """Why a question shows nothing; "" where it may."""
    if node[1] in ("invariant", "monotone"):
        asked = node[3].get("to") or node[3].get("along")
        return (
            "" if any(column.name == asked for column in read) else f"does not read `{asked}`: ask about a column that it reads"
        )
    if node[1] == "robustness":
        for change, (fits, what) in _CHANGES.items():
            if change in node[3] and not any(fits(column) for column in read):
                return f"reads no {what.removeprefix('a ').removeprefix('an ')}, so that `{change}:` changes nothing"
    return ""


CHECKS = (void_questions,)
