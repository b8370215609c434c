"""The gates of the report: a banner and a table in which every gate shows what it compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from mlspec.runtime.report.charts.gate import gate_line
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.shown import in_unit

STATUS = {"passed": ("good", "passed"), "failed": ("bad", "failed"), "skipped": ("warn", "skipped")}


def gates_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per gates block."""
    return [_block(name, verdict, evidence.metrics.get(name, {})) for name, verdict in evidence.verdict.items()]


def _block(name: str, verdict: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    gates = [_gate(gate) for gate in verdict["gates"]]
    counts = {status: sum(gate["status"] == status for gate in verdict["gates"]) for status in STATUS}
    return {
        "name": name, "passed": verdict["passed"], "gates": gates, "headline": _headline(counts, len(gates)),
        "part": metrics.get("part"), "n": metrics.get("n"), "confidence": metrics.get("confidence"),
        "candidate": metrics.get("candidate"),
    }  # fmt: skip


def _headline(counts: Mapping[str, int], total: int) -> str:
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    if counts["failed"]:
        return f"{counts['failed']} of {total} gates failed{skipped}"
    return f"{counts['passed']} of {total} gates passed{skipped}"


def _gate(gate: Mapping[str, Any]) -> dict[str, Any]:
    show = in_unit(gate.get("unit"))
    kind, status = STATUS[gate["status"]]
    return {
        "name": gate["name"], "doc": gate.get("doc") or "", "text": gate["text"], "kind": kind, "status": status,
        "value": "" if gate.get("value") is None else show(gate["value"]), "chart": _chart(gate), "reason": gate.get("reason") or "",
        "measured": gate.get("measured", False), "evidence": _evidence(gate), "groups": _groups(gate), "open": (gate.get("resolution") or {}).get("text", ""),
    }  # fmt: skip


def _chart(gate: Mapping[str, Any]) -> Markup | None:
    point = gate.get("point") if gate.get("point") is not None else gate.get("value")
    if point is None or gate.get("threshold") is None or gate.get("measured"):
        return None
    show = in_unit(gate.get("unit"))
    return gate_line(
        point, gate.get("low"), gate.get("high"), gate["threshold"], gate["op"], gate["status"] == "passed", show,
        title=f"gate {gate['name']}",
    )  # fmt: skip


def _evidence(gate: Mapping[str, Any]) -> str:
    """The point estimate, the interval, how it was made and from how many rows."""
    if gate.get("measured"):
        return "measured on the machine of the run; the reading stays in measurements.json"
    show, parts = in_unit(gate.get("unit")), []
    if gate.get("point") is not None and gate["point"] != gate.get("value"):
        parts.append(f"estimate {show(gate['point'])}")
    if gate.get("low") is not None and gate.get("high") is not None:
        parts.append(f"{gate.get('confidence') or 0.95:.0%} interval {show(gate['low'])} to {show(gate['high'])}")
    if gate.get("method"):
        parts.append(str(gate["method"]))
    if gate.get("n"):
        parts.append(f"n = {gate['n']:,}")
    return ", ".join(parts)


def _groups(gate: Mapping[str, Any]) -> list[str]:
    show = in_unit("ratio" if gate.get("unit") in ("ratio", "points") else gate.get("unit"))
    return [
        f"{name}: {'no value' if row.get('value') is None else show(row['value'])} (n = {row['n']:,})"
        for name, row in (gate.get("groups") or {}).items()
    ]
