"""Faults on demand: the Nth file operation fails, or the process is killed before or after it.

Only tests use this. The counter lies in memory shared with every process forked later, so that "the Nth" means the Nth of the
run and not of one of its processes.
"""

from __future__ import annotations

import errno
import mmap
import os
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class SharedCounter:
    """A count in memory shared by all processes forked after it is made. One process at a time may add."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def value(self) -> int:
        return int(struct.unpack("q", self._memory[:8])[0])

    def add(self) -> int:
        """One more; the new value."""
        value = self.value + 1
        self._memory[:8] = struct.pack("q", value)
        return value


@dataclass(frozen=True)
class Fault:
    """What happens at operation `nth` (from 1): `kill-before`, `kill-after`, or an errno's name such as `ENOSPC`.

    `persistent` errors also fail every later operation; `runner` is a process that a kill takes along.
    """

    action: str
    nth: int
    persistent: bool = False
    runner: int | None = None
    counter: SharedCounter = field(default_factory=SharedCounter)

    def __call__(self, name: str, path: str, operation: Callable[[], Any]) -> Any:
        count = self.counter.add()
        hit = count == self.nth or (self.persistent and count > self.nth)
        if hit and self.action == "kill-before":
            self._kill()
        if hit and not self.action.startswith("kill"):
            number = getattr(errno, self.action)
            raise OSError(number, os.strerror(number), path)
        result = operation()
        if hit and self.action == "kill-after":
            self._kill()
        return result

    def _kill(self) -> None:
        if self.runner is not None:
            os.kill(self.runner, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def from_environment(text: str) -> Fault:
    """The fault of `MLSPEC_FILE_FAULT=ACTION:NTH[:persistent][:run]`; with `run` a kill takes this process along."""
    action, nth, *flags = text.split(":")
    return Fault(action, int(nth), persistent="persistent" in flags, runner=os.getpid() if "run" in flags else None)
