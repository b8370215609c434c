"""A monitor's findings for Prometheus: a text file for the node exporter's textfile collector, or a page of the loop's port.

Labels are names of the spec: features, checks, decisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest

if TYPE_CHECKING:
    from mlspec.runtime.monitor.once import MonitorReport

STATUSES = ("ok", "insufficient", "pending", "firing")


def exposition(report: MonitorReport) -> bytes:
    """The whole page. What has no value has no sample: an absent number cannot be mistaken for a good one."""
    registry = CollectorRegistry()
    own = {"monitor": report.monitor, "serve": report.serve}

    def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"mlspec_monitor_{name}", text, [*own, *labels], registry=registry)

    drift = gauge("distance", "Distance of a window from the reference", ("measure", "of"))
    nulls = gauge("null_rate", "Share of records in which it is null", ("of",))
    for name, row in report.measured.items():
        for kind, item in row.items():
            if item.value is not None and not item.reason:
                target = nulls.labels(*own.values(), name) if kind == "null_rate" else drift.labels(*own.values(), kind, name)
                target.set(item.value)
    value = gauge("check_value", "The number that a check compares", ("check",))
    status = gauge("check_status", "1 for the status that a check has", ("check", "status"))
    for check in report.checks:
        if check.answer.value is not None:
            value.labels(*own.values(), check.name).set(check.answer.value)
        for name in STATUSES:
            status.labels(*own.values(), check.name, name).set(check.status == name)
    decisions = gauge("decision_share", "Share of each decision in the window", ("decision",))
    total = sum(report.window.decisions.values())
    for decision in report.reference.decisions or ():
        if total:
            decisions.labels(*own.values(), decision).set(report.window.decisions.get(decision, 0) / total)
    gauge("records", "Records in the window").labels(*own.values()).set(report.window.seen.records)
    gauge("evaluated_seconds", "When it was evaluated, Unix seconds").labels(*own.values()).set(report.at.timestamp())
    return bytes(generate_latest(registry))
