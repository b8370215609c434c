"""From typed records to the reply and the log lines: the one place where a request meets the package."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mlspec.runtime.serve.config import ServeConfig
from mlspec.runtime.serve.known import KnownValues
from mlspec.runtime.serve.metrics import ServeMetrics
from mlspec.runtime.serve.record import LogFields
from mlspec.runtime.serve.request_log import RequestLog
from mlspec.runtime.serve.served import ServedPackage


class BadScore(RuntimeError):
    """The package gave a score that is no finite number; it is never sent."""


def json_value(value: Any) -> Any:
    """A value as JSON has it: dates and decimals as their text, numpy scalars as Python's."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)


class Predictor:
    """Answers records with the package; logs and counts what it answered."""

    def __init__(
        self, package: ServedPackage, config: ServeConfig, metrics: ServeMetrics, log: RequestLog | None, fields: LogFields | None,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.package = package
        self.config = config
        self.metrics = metrics
        self.log = log
        self.fields = fields
        self.known = KnownValues(package)
        self._now = now
        self._classes = [str(value) for value in package.classes or ()]

    def answer(self, records: Sequence[Mapping[str, Any]], batch: bool, request_id: str) -> bytes:
        """The reply to the records as JSON bytes."""
        scores = self.package.score(records)
        rows = [self._reply(score, decision) for score, decision in zip(scores.score.tolist(), scores.decision, strict=True)]
        self.metrics.records.inc(len(rows))
        for record, row in zip(records, rows, strict=True):
            self._count(record, row)
        self._write_log(records, rows, request_id)
        shown = [self._shown(row) for row in rows]
        reply = {"model": self.package.digest, "records": shown} if batch else {**shown[0], "model": self.package.digest}
        return json.dumps(reply, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()

    def _reply(self, score: Any, decision: Any) -> dict[str, Any]:
        """Score and decision of one record; a list of scores, one per class, becomes a record."""
        flat = score if isinstance(score, list) else [score]
        if not all(math.isfinite(value) for value in flat):
            raise BadScore("the package gave a score that is not finite")
        value = dict(zip(self._classes, flat, strict=True)) if isinstance(score, list) else score
        return {"score": value, "decision": json_value(decision)}

    def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What the reply says of one record, by the spec's `output`."""
        if self.package.task == "regression":
            return {"prediction": row["score"]}
        if self.config.output == "decision":
            return {"decision": row["decision"]}
        if self.config.output == "prediction":
            return {"prediction": row["decision"]}
        return {"probability": row["score"], "decision": row["decision"]}

    def _count(self, record: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        if self.package.task != "regression":
            self.metrics.decided(str(row["decision"]))
        for column in self.known.unknown(record):
            self.metrics.saw_unknown(column)

    def _write_log(self, records: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], request_id: str) -> None:
        if self.log is None or self.fields is None or not _sampled(request_id, self.log.config.sample):
            return
        at = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        envelope = {"at": at, "request_id": request_id, "model": self.package.digest, "arm": None}
        for place, (record, row) in enumerate(zip(records, rows, strict=True)):
            name = request_id if len(records) == 1 else f"{request_id}.{place}"
            line = {**envelope, "request_id": name, "fields": json_value(self.fields.of(record, row["score"], row["decision"]))}
            self.log.offer(json.dumps(line, allow_nan=False, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")


def _sampled(request_id: str, share: float | None) -> bool:
    """Whether a request is logged: by the hash of its id, so that a rerun or a second server would choose alike."""
    if share is None:
        return True
    digest = hashlib.sha256(request_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
