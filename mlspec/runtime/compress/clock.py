"""How fast each state of a model answers, read from a clock: best of three windows, into a file that no digest covers.

The clock is that of the thread, which engines do not leave: what other stages do at the same time does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mlspec.runtime.package import Package
from mlspec.runtime.package.proof import Proof

WINDOWS = 3
SECONDS = 0.15
ROWS = 1_000
REQUESTS = 64


def readings(packages: Mapping[str, Package], proof: Proof) -> dict[str, dict[str, Any]]:
    """Entries of measurements.json: rows per second of a batch, and seconds of one request, of each state."""
    values = {name: column[:ROWS] for name, column in proof.values.items()}
    rows = len(proof.records[:ROWS])
    found: dict[str, dict[str, Any]] = {}
    for name, package in packages.items():
        batch = [rows * _rate(partial(package.score_values, values)) for _ in range(WINDOWS)]
        found[f"{name}.rows_per_second"] = _entry(f"rows per second of {name}", max(batch), batch)
        records = list(proof.records[:REQUESTS])
        alone = [1.0 / (_rate(partial(_one_by_one, package, records)) * len(records)) for _ in range(WINDOWS)]
        found[f"{name}.request"] = _entry(f"seconds of one request to {name}", min(alone), alone)
    return found


def _one_by_one(package: Package, records: Sequence[Mapping[str, Any]]) -> None:
    for record in records:
        package.score([record])


def _entry(text: str, value: float, windows: list[float]) -> dict[str, Any]:
    return {
        "text": text, "value": value, "windows": windows, "load": None, "cpu": 1, "seconds": SECONDS, "problem": None,
    }  # fmt: skip


def _rate(work: Callable[[], Any]) -> float:
    """How often a second the work is done."""
    work()
    count, begin = 0, time.thread_time()
    while (spent := time.thread_time() - begin) < SECONDS or not count:
        work()
        count += 1
    return count / spent
