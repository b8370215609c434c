"""What a run says beforehand of the externs that its stages call: a network that stays open, results that may not come again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

from mlspec.graph import Stage
from mlspec.graph.code import declarations


def warnings_of(stages: Iterable[Stage], to_run: Iterable[str]) -> Iterator[str]:
    """Of each extern once: what this machine does not keep it from, and that a run which reads it is not reproducible."""
    wanted, same = set(to_run), dict[str, bool]()
    runs, closed = set[str](), set[str]()
    for stage in stages:
        for name, extern in declarations(stage.config):
            same[name] = bool(extern["deterministic"])
            runs |= {name} if stage.id in wanted else set()
            closed |= {name} if stage.id in wanted and not extern["network"] else set()
    if closed and not network_can_be_left():
        yield from (
            _open(name, "the network: it is no Linux on x86-64 or ARM64, or user namespaces are forbidden")
            for name in sorted(closed)
        )
    if runs and not files_can_be_kept():
        yield from (_open(name, "the files of its user: the kernel has no Landlock") for name in sorted(runs))
    for name in sorted(name for name, once in same.items() if not once):
        yield f"not reproducible: extern `{name}` does not say `deterministic = true`"


def _open(name: str, what: str) -> str:
    return f"[MLS829] this machine cannot keep extern `{name}` from {what}"


def files_can_be_kept() -> bool:
    """Whether the kernel can keep a process from files that it is not given."""
    from mlspec.runtime.extern.landlock import version

    return version() > 0


def network_can_be_left() -> bool:
    """Whether a process of this user may leave the network: a child tries."""
    from mlspec.runtime.extern.calls import limitable
    from mlspec.runtime.extern.confine import leave_network

    if sys.platform != "linux" or not limitable():
        return False
    child = os.fork()
    if child == 0:
        os._exit(0 if leave_network() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
