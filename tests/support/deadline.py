"""A deadline of CPU time, far above what the work needs: it ends what would never end, and says nothing about speed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def cpu_deadline(seconds: float) -> Iterator[None]:
    """Raises AssertionError inside the block once this process has used `seconds` of CPU in it."""

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"still at work after {seconds} s of CPU")

    before = signal.signal(signal.SIGVTALRM, expire)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
