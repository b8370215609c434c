"""The order of lowering: the lifecycle, then the stages of the run as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlspec.graph import Graph, GraphError
from mlspec.lower import (
    analysis,
    compression,
    development,
    evaluation,
    extraction,
    monitoring,
    optimisation,
    outcome,
    preparation,
    schedules,
    training,
    validation,
)
from mlspec.lower.sheet import Sheet
from mlspec.spec.model import Spec

_STEPS = (
    extraction.lower,
    preparation.lower_splits,
    preparation.lower_features,
    analysis.lower,
    development.lower,
    optimisation.lower,
    training.lower,
    compression.lower,
    validation.lower,
    evaluation.lower,
    monitoring.lower,
    outcome.lower,
)


class LowerError(Exception):
    """The spec asks for more than a graph may hold; `where` is a block."""

    def __init__(self, message: str, where: str) -> None:
        super().__init__(message)
        self.where = where


def lower(spec: Spec, spec_digest: str, prefix: str = "", code: Mapping[str, str] | None = None) -> Graph:
    """The graph of a spec without errors; `prefix` leads from the project root to the spec's folder.

    `code` holds the digests of the files of externs by path, as the spec writes them.
    """
    sheet = Sheet(spec, prefix, code)
    for step in _STEPS:
        step(sheet)
    try:
        graph = Graph.of(sheet.stages.values(), spec=spec.name, spec_digest=spec_digest)
        return replace(graph, schedules=schedules.schedules(sheet, graph))
    except GraphError as error:
        stage = sheet.stages.get(error.where.split(".")[1]) if error.where.count(".") else None
        if error.where == "stages":
            raise LowerError(f"{error.message}: {error.found}, {error.expected}", spec.name) from error
        raise RuntimeError(
            f"lowering made a graph that breaks a rule: {error} (block {stage.block if stage else '?'})"
        ) from error
