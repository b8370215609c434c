"""Prometheus metrics of one server. Every label takes its values from a set fixed at start, so the series are bounded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from mlspec.runtime.serve.objectives import Objective

CODES = ("200", "400", "401", "404", "405", "408", "411", "413", "415", "422", "429", "431", "500", "503")
ROUTES = ("predict", "health", "other")
DROPS = ("queue", "disk", "size")
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class ServeMetrics:
    """The counters of one server, in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(
        self, serve: str, digest: str, model: str, columns: Iterable[str], decisions: Iterable[str],
        objectives: Sequence[Objective] = (),
    ) -> None:  # fmt: skip
        self.registry = CollectorRegistry()
        at = self.registry
        ProcessCollector(registry=self.registry)
        self.requests = Counter("mlspec_requests", "Requests answered, by route and status", ["route", "code"], registry=at)
        self.seconds = Histogram(
            "mlspec_request_seconds", "Seconds from headers to answer", ["route"], buckets=BUCKETS, registry=at
        )
        self.in_flight = Gauge("mlspec_requests_in_flight", "Requests being answered", registry=at)
        self.records = Counter("mlspec_records", "Records scored", registry=at)
        self.decisions = Counter("mlspec_decisions", "Decisions given, by decision", ["decision"], registry=at)
        self.logged = Counter("mlspec_log_records", "Log records written", registry=at)
        self.dropped = Counter("mlspec_log_records_dropped", "Log records not kept, by reason", ["reason"], registry=at)
        self.unknown = Counter(
            "mlspec_unknown_categories", "Values of an open category unseen in training", ["column"], registry=at
        )
        self.ready = Gauge("mlspec_ready", "1 when the server takes requests", registry=at)
        info = Gauge("mlspec_model_info", "The package that answers", ["serve", "model", "digest"], registry=at)
        info.labels(serve, model, digest).set(1)
        self._decisions = {value: self.decisions.labels(value) for value in decisions}
        self._unknown = {name: self.unknown.labels(name) for name in columns}
        self._requests = {(route, code): self.requests.labels(route, code) for route in ROUTES for code in CODES}
        self._seconds = {route: self.seconds.labels(route) for route in ROUTES}
        self._dropped = {reason: self.dropped.labels(reason) for reason in DROPS}
        self._objectives = self._promised(objectives)

    def _promised(self, objectives: Sequence[Objective]) -> list[tuple[Objective, Counter, Counter]]:
        """Each promise with the counters of the requests that kept and that broke it."""
        at = self.registry
        share = Gauge("mlspec_slo_objective_ratio", "Share of requests that a promise asks for", ["slo"], registry=at)
        limit = Gauge("mlspec_slo_limit_seconds", "Seconds within which a promise asks for the answer", ["slo"], registry=at)
        counted = Counter(
            "mlspec_slo_requests", "Predictions asked for, by whether a promise was kept", ["slo", "kept"], registry=at
        )
        for objective in objectives:
            share.labels(objective.name).set(objective.share)
            limit.labels(objective.name).set(objective.seconds)
        return [(each, counted.labels(each.name, "yes"), counted.labels(each.name, "no")) for each in objectives]

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. A status outside the fixed set counts as 500: it would be a bug."""
        key = (route, str(status))
        self._requests.get(key, self._requests[route, "500"]).inc()
        self._seconds[route].observe(seconds)
        for objective, yes, no in self._objectives if route == "predict" else ():
            kept = objective.kept(status, seconds)
            if kept is not None:
                (yes if kept else no).inc()

    def decided(self, decision: str) -> None:
        """Count one decision; only declared classes have a series."""
        counter = self._decisions.get(decision)
        if counter is not None:
            counter.inc()

    def saw_unknown(self, column: str) -> None:
        """Count one value that no training row had."""
        counter = self._unknown.get(column)
        if counter is not None:
            counter.inc()

    def drop(self, reason: str, count: int = 1) -> None:
        """Count log records that were not kept."""
        self._dropped[reason].inc(count)

    def page(self) -> bytes:
        """The exposition page."""
        return generate_latest(self.registry)
