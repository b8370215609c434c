"""Why the processes of a training ended badly, as an error that names the place in the spec and a way out."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.runtime.deep.spread.plan import Spread
from mlspec.runtime.errors import StageError

_APART = "MLS837"
_BY_AGENT = -signal.SIGTERM  # ended because another one had failed


def first_of(errors: Sequence[StageError]) -> StageError:
    """The error that counts: one of a process that was cut off from the others says less than why they are gone."""
    return next((error for error in errors if error.code != _APART), errors[0])


def apart(where: str, why: str, expected: str, found: str, help: str) -> StageError:
    """StageError MLS837: the processes do not find each other, or lost each other."""
    said = " ".join(found.split())[:300]
    return StageError(
        _APART,
        f"the processes of `{where}` cannot work together: {why}",
        f"{where}.strategy",
        expected=expected,
        found=said,
        help=help,
    )


def failure_of(failures: Mapping[int, Any], spread: Spread, where: str, restarts: int) -> StageError:
    """What is said of processes that told nothing: one that was killed is named before those that only missed it."""
    codes = {rank: int(failure.exitcode) for rank, failure in sorted(failures.items())}
    rank = min(codes, key=lambda rank: (codes[rank] == _BY_AGENT, codes[rank] > 0, rank))
    code, who = codes[rank], f"process {rank + 1} of {spread.size}"
    if code >= 0:
        return apart(
            where, f"{who} ended with status {code}, and again after {restarts} new beginnings", "processes that end by themselves",
            f"exit status {code}", "the log of the stage holds what it said; run again: it goes on from the newest state",
        )  # fmt: skip
    name = signal.Signals(-code).name
    return StageError(
        "MLS810", f"`{where}` was stopped: signal {name} ended {who}, and again after {restarts} new beginnings", f"{where}.strategy",
        expected="processes that end by themselves", found=f"signal {name}",
        help="if the machine ran out of memory, spread it over fewer processes, take a smaller `global_batch`, or give it more; then run again: it goes on from the newest state",
    )  # fmt: skip
