"""The promises of a `serve` block: each a share of requests that must be answered in time, counted request by request.

`p95(latency(live)) <= 40ms` promises that 95 of 100 requests are answered within 40 ms. Whether one was is known when its answer is sent,
so two counters say exactly what a histogram's buckets can only estimate; over which days the share must hold is for Prometheus to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.wording import literal, number

_QUANTILE = re.compile(r"p([1-9][0-9]?)\Z")
_TURNED = {">=": "<=", ">": "<"}


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise: the `share` of requests that are answered within `seconds`; `open` where the limit itself is too late."""

    name: str
    share: float
    seconds: float
    open: bool = False

    def kept(self, status: int, seconds: float) -> bool | None:
        """Whether an answer keeps the promise; None for a request that was the client's fault: it is no part of it."""
        if status < 500:
            return (seconds < self.seconds or (seconds == self.seconds and not self.open)) if status < 400 else None
        return False

    def text(self) -> str:
        """In words, for the line at start."""
        return f"{number(self.share * 100)}% of requests answered {'in less than' if self.open else 'within'} {literal(self.seconds, 'duration')}"


def objectives(promises: Sequence[Mapping[str, Any]], where: str) -> tuple[Objective, ...]:
    """The promises of a config; StageError for one that is no share of requests within a time."""
    return tuple(_objective(str(item["name"]), item["expression"], f"{where}.{item['name']}") for item in promises)


def _objective(name: str, form: Any, where: str) -> Objective:
    op, summary, limit = _sides(form)
    quantile = _QUANTILE.match(str(summary[1])) if summary[:1] == ["call"] else None
    if op not in ("<=", "<") or quantile is None or limit[:1] != ["lit"] or not _is_latency(summary[2]):
        raise StageError(
            "MLS901", f"`{name}` is a promise that the server cannot count yet", where, expected="p95(latency(live)) <= 40ms",
            found="a condition of another form", help="promise a quantile of the latency here, and watch the rest in `monitor`",
        )  # fmt: skip
    return Objective(name, int(quantile[1]) / 100, float(limit[1]), op == "<")


def _sides(form: Any) -> tuple[str, list[Any], list[Any]]:
    """Operator, what is measured and its limit, with the limit on the right."""
    if form[0] != "call" or len(form[2]) != 2:
        return "", [], []
    left, right = form[2]
    return (_TURNED.get(form[1], ""), right, left) if left[0] == "lit" else (str(form[1]), left, right)


def _is_latency(given: Any) -> bool:
    return len(given) == 1 and list(given[0][:2]) == ["call", "latency"]
