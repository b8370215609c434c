"""The order of stages under a scheduler that stops at the first one that fails."""

from __future__ import annotations

from mlspec.graph import Graph


def before_gates(graph: Graph) -> list[str]:
    """The ends of what no gate holds up, such as report and card: every `enforce` has to wait for them, besides its verdict.

    What `enforce` waits for anyway, and what another one of them waits for, is left out. Nothing without a gate.
    """
    held: set[str] = set()
    free: list[str] = []
    waited: set[str] = set()
    for stage in graph:
        before = stage.waits_for()
        if stage.kind == "enforce" or not held.isdisjoint(before):
            held.add(stage.id)
        else:
            free.append(stage.id)
            waited.update(before)
    judged = {before for stage in graph if stage.kind == "enforce" for before in stage.waits_for()}
    return [name for name in free if name not in waited and name not in judged] if held else []
