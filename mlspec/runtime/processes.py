"""What a process of a stage is held to: it dies with its parent, so that a killed run leaves no orphan, and keeps to its memory."""

from __future__ import annotations

import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent, process `parent`, is gone. Call it first thing after a fork.

    Linux only; elsewhere the parent's pipes tell. The parent must fork from a thread that lives as long as the process does.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died between the fork and the call above
        os._exit(137)


def limit_memory(limit: int | None) -> None:
    """Hold this process to so many bytes of private data, on top of what it shares since a fork; less where the host allows less."""
    if limit is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
