"""6xx, serving: promises that can be kept."""

from __future__ import annotations

from typing import Any

from mlspec.diagnostics import Note
from mlspec.spec.checks.reading import days, walk
from mlspec.spec.findings import Findings
from mlspec.spec.model import Definition, Spec


def promise_without_fallback(spec: Spec, findings: Findings) -> None:
    """604: a promised latency, and nothing that answers when the model is too slow."""
    for serve in spec.of_kind("serve"):
        if serve.ref("fallback") is None and any(_latency_limit(item) for item in serve.definitions.values()):
            findings.add("MLS604", serve.head, name=serve.name)


def gate_slower_than_promise(spec: Spec, findings: Findings) -> None:
    """605: the gate lets a model through that breaks the promise of its server."""
    for serve in spec.of_kind("serve"):
        gate = serve.ref("gate")
        if gate is None or gate.block not in spec.blocks:
            continue
        for promise in serve.definitions.values():
            promised = _latency_limit(promise)
            for item in spec.blocks[gate.block].definitions.values():
                allowed = _latency_limit(item)
                if promised and allowed and allowed[0] == promised[0] and allowed[1] > promised[1]:
                    findings.add("MLS605", item.value.span, [Note("promised here", promise.value.span)], name=item.name,
                                 other=promise.name, got=days(allowed[1]), wanted=days(promised[1]))  # fmt: skip


def _latency_limit(item: Definition) -> tuple[str, float] | None:
    """("p95", seconds) of `p95(latency(…)) <= limit`; None for anything else."""
    form: Any = item.value.form
    if form[0] != "call" or form[1] not in ("<=", "<") or form[2][1][0] != "lit":
        return None
    summary, limit = form[2][0], form[2][1][1]
    timed = any(len(node) > 1 and node[1] == "latency" for node in walk(summary))
    if not timed or summary[0] != "call" or not isinstance(limit, int | float):
        return None
    return str(summary[1]), float(limit)


CHECKS = (promise_without_fallback, gate_slower_than_promise)
