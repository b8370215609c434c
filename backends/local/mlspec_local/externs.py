"""What a run says beforehand of the externs that its stages call: a network that stays open, results that may not come again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

from mlspec.graph import Stage
from mlspec.graph.code import declarations


def warnings_of(stages: Iterable[Stage], to_run: Iterable[str]) -> Iterator[str]:
    """Of each extern once: that its network stays open here, and that a run which reads it is not reproducible."""
    wanted = set(to_run)
    found: dict[str, tuple[bool, bool]] = {}
    for stage in stages:
        for name, extern in declarations(stage.config):
            _, runs = found.get(name, (True, False))
            found[name] = (bool(extern["deterministic"]), runs or (stage.id in wanted and not extern["network"]))
    if any(runs for _, runs in found.values()) and not network_can_be_left():
        for name in sorted(name for name, (_, runs) in found.items() if runs):
            yield f"[MLS829] this machine cannot keep extern `{name}` from the network: it is no Linux, or user namespaces are forbidden"
    for name in sorted(name for name, (same, _) in found.items() if not same):
        yield f"not reproducible: extern `{name}` does not say `deterministic = true`"


def network_can_be_left() -> bool:
    """Whether a process of this user may leave the network: a child tries."""
    from mlspec.runtime.extern.confine import leave_network

    if sys.platform != "linux":
        return False
    child = os.fork()
    if child == 0:
        os._exit(0 if leave_network() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
