"""5xx: gates judge what is served, on rows that nobody has seen, against something, and for everybody."""

from __future__ import annotations

from mlspec.diagnostics import Note
from mlspec.spec.checks.reading import (
    LEARNERS,
    MODELS,
    judged_models,
    metrics_in,
    source_of,
    span_of_call,
    text_of,
    walk,
)
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Definition, Spec

_LOADED = ("latency", "ttft")


def served_without_gate(spec: Spec, findings: Findings) -> None:
    """501: a model answers requests or scores rows that no gates have judged."""
    for block in spec.of_kind("serve", "score"):
        model, gate = block.ref("model"), block.ref("gate")
        if model is None:
            continue
        fitting = [gates for gates in spec.of_kind("gates") if _candidate(gates) == model.block]
        near = fitting[0].name if fitting else ""
        if gate is None:
            hint = "" if near else f"declare `gates release {{ candidate = {model.path} … }}`"
            findings.add("MLS501", block.head, name=block.name, model=model.path, nearest=near, hint=hint)
        elif _candidate(spec.blocks[gate.block]) != model.block:
            hint = f"`{gate.block}` judges `{_candidate(spec.blocks[gate.block])}`"
            findings.add("MLS501", block.span_of("gate"), name=block.name, model=model.path, nearest=near, hint=hint)


def _candidate(gates: Block) -> str:
    candidate = gates.ref("candidate")
    return "" if candidate is None else candidate.block


def part_not_held_out(spec: Spec, findings: Findings) -> None:
    """502: gates judge on rows that a judged model was fitted on, or that another split drew."""
    for gates in spec.of_kind("gates"):
        part = gates.ref("part")
        if part is None:
            continue
        for model, _ in judged_models(spec, gates).values():
            learner = spec.learned(model)
            own = learner.ref("part") if learner.kind in LEARNERS else None
            if own is None or own.path != part.path or learner.kind == "search":
                continue  # a search on the gates' part is 310
            split = spec.blocks[part.block]
            near = next((f"{part.block}.{name}" for name in split.parts if not trained_on(spec, f"{part.block}.{name}")), "")
            findings.add("MLS502", gates.span_of("part"), [Note("fitted on it here", learner.span_of("part"))], block=gates.name,
                         name=part.path, other=model.name, nearest=near)  # fmt: skip


def trained_on(spec: Spec, part: str) -> bool:
    """Whether a model is fitted on a part."""
    return any((own := block.ref("part")) is not None and own.path == part for block in spec.of_kind(*LEARNERS))


def no_baseline(spec: Spec, findings: Findings) -> None:
    """503: a number alone says nothing: no gate compares the candidate with another model."""
    for gates in spec.of_kind("gates"):
        if gates.ref("part") is None or not gates.definitions or not _candidate(gates):
            continue
        if len(judged_models(spec, gates)) < 2:
            findings.add("MLS503", gates.head, block=gates.name, candidate="candidate")


def no_fairness_gate(spec: Spec, findings: Findings) -> None:
    """504: a protected characteristic is known, and no gate looks at it."""
    for gates in spec.of_kind("gates"):
        part = gates.ref("part")
        source = None if part is None else source_of(spec, part)
        if source is None:
            continue
        sliced = {column for gate in gates.definitions.values() if _by(gate) or _tries(gate) for column in gate.value.columns}
        for column in source.columns.values():
            if "protected" in column.attrs and (source.name, column.name) not in sliced:
                findings.add("MLS504", gates.head, [Note("protected here", column.span)], block=gates.name, column=column.name,
                             candidate="candidate", fix=_slice(spec, source.name, column.name))  # fmt: skip


def _by(gate: Definition) -> bool:
    return any(node[0] == "call" and len(node) > 3 and "by" in node[3] for node in walk(gate.value.form))


def _tries(gate: Definition) -> bool:
    """Whether a gate tries what a column changes of a decision."""
    return any(node[1] == "invariant" for node in metrics_in(gate.value))


def _slice(spec: Spec, source: str, column: str) -> str:
    """What `by:` would name: an audit feature over the column, else the column."""
    for block in spec.of_kind("features"):
        for feature in block.definitions.values():
            if "audit" in feature.attrs and (source, column) in feature.value.columns:
                return f"{block.name}.{feature.name}"
    return f"{source}.{column}"


def ends_compared(spec: Spec, findings: Findings) -> None:
    """201: the gap or ratio of ends of intervals, which bounds nothing; the end of the gap is meant."""
    for gates in spec.of_kind("gates"):
        for gate in gates.definitions.values():
            for node in walk(gate.value.form):
                inner = (
                    node[2][0]
                    if node[0] == "call" and node[1] in ("gap", "ratio") and len(node) > 3 and "by" in node[3]
                    else None
                )
                if inner is not None and inner[:1] == ["call"] and inner[1] in ("lower", "upper"):
                    findings.add("MLS201", gate.value.span, what=f"`{inner[1]}` inside `{node[1]}`", got="the end of an interval",
                                 wanted="a metric in each group", hint=f"the {node[1]} has an interval of its own: `{inner[1]}({node[1]}(…))`")  # fmt: skip


def time_without_load(spec: Spec, findings: Findings) -> None:
    """506: a time means nothing without the load under which it was measured."""
    for gates in spec.of_kind("gates"):
        for gate in gates.definitions.values():
            for node in metrics_in(gate.value):
                if node[1] in _LOADED and node[3].get("load") in (None, ["lit", None, "null"]):
                    findings.add(
                        "MLS506", span_of_call(gate.value, node[1]), name=text_of(gate.value.span), candidate="candidate"
                    )


def different_splits(spec: Spec, findings: Findings) -> None:
    """509: a compared model was fitted on another split, whose training rows may be in the gates' part."""
    for gates in spec.of_kind("gates"):
        part = gates.ref("part")
        if part is None:
            continue
        for model, gate in judged_models(spec, gates).values():
            learner = spec.learned(model)
            own = learner.ref("part") if learner.kind in MODELS else None
            if own is None or own.block == part.block:
                continue
            span = gates.span_of("candidate") if gate is None else gate.value.span
            findings.add("MLS509", span, [Note("fitted on it here", learner.span_of("part"))],
                         name=gates.name if gate is None else gate.name, candidate=_candidate(gates), other=model.name,
                         got=f"`{model.name}` is fitted on `{own.path}`, the gates judge on `{part.path}`",
                         hint="two splits are drawn on their own: rows of one's training part lie in the other's holdout")  # fmt: skip


CHECKS = (
    served_without_gate, part_not_held_out, no_baseline, no_fairness_gate, ends_compared, time_without_load, different_splits,
)  # fmt: skip
