"""What a run needs of a spec, kept from an earlier compile: an unchanged spec is neither parsed nor lowered again.

Only a spec without findings and without waivers, which end on a day, is kept, so that nothing is left unsaid. When a stage fails later, the spec is read after all, for
the line that the error is about.
"""

from __future__ import annotations

import argparse
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli.check_cache import find_root, path_for, read_entry, write_entry
from mlspec.cli.loading import checked, code_may_run, compilation, params_of
from mlspec.graph.errors import GraphError
from mlspec.graph.plan_format import plan_from_json, plan_to_json

if TYPE_CHECKING:
    from mlspec.diagnostics import Diagnostic
    from mlspec.graph.model import Graph
    from mlspec.spec.model import Spec


class Runnable:
    """A spec without errors, as far as a run is concerned."""

    def __init__(self, options: argparse.Namespace, graph: Graph, facts: dict[str, bool]) -> None:
        self.path = Path(options.spec)
        self.root = Path(find_root(options.spec))
        self.graph = graph
        self.releasable = facts["releasable"]
        self.serves = facts["serves"]
        self.waived: list[dict[str, str]] = []
        self._options = options

    @cached_property
    def spec(self) -> Spec | None:
        """The checked spec, for the lines of messages; None when it changed meanwhile into one with errors."""
        return compilation(self._options).spec


def runnable(options: argparse.Namespace) -> Runnable | None:
    """The spec of a command, kept or compiled; None after its errors were printed."""
    asked = "graph", os.path.abspath(options.spec), options.env, sorted(params_of(options).items())  # noqa: PTH100
    path = path_for(options.spec, asked)
    return _kept(options, path) or _compiled(options, path)


def _kept(options: argparse.Namespace, path: str | None) -> Runnable | None:
    entry = read_entry(path)
    if entry is None:
        return None
    try:
        return Runnable(options, plan_from_json(entry["plan"]), entry["facts"])
    except (GraphError, KeyError, TypeError):
        return None  # an entry of another make: it is written anew


def _compiled(options: argparse.Namespace, path: str | None) -> Runnable | None:
    found = checked(options, warn=True)
    if found is None or found.spec is None or not code_may_run(options, found):
        return None
    facts = {"releasable": found.spec.releasable, "serves": any(found.spec.of_kind("serve"))}
    if not found.diagnostics and not found.waives:
        write_entry(path, found.texts, {"plan": plan_to_json(found.graph), "facts": facts})
    ready = Runnable(options, found.graph, facts)
    ready.spec = found.spec
    ready.waived = [_told(item) for item in found.diagnostics if item.waived is not None]
    return ready


def _told(found: Diagnostic) -> dict[str, str]:
    """A waived finding, as the audit log holds it."""
    waived = found.waived
    assert waived is not None
    return {
        "finding": found.code.id,
        "waiver": waived.name,
        "owner": waived.owner,
        "expires": waived.expires,
        "reason": waived.reason,
    }
