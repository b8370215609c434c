"""Ours: ten `write` stages, each after the one before, through the local target: `python ten_stages.py PROJECT`."""

from __future__ import annotations

import sys
from pathlib import Path

from mlspec_local import run_plan

from mlspec.backend import RunRequest
from mlspec.graph import Graph, Stage


def stages() -> list[Stage]:
    """A chain: stage n reads the file of stage n − 1."""
    return [
        Stage(
            id=f"step-{number}", kind="write", block="step", config={"text": str(number)},
            inputs={"before": f"step-{number - 1}/file"} if number else {}, outputs={"file": "json"},
        )
        for number in range(10)
    ]  # fmt: skip


def main() -> None:
    """Run the chain in a fresh project."""
    graph = Graph.of(stages(), spec="ten", spec_digest="0" * 64)
    outcome = run_plan(RunRequest(graph, Path(sys.argv[1])))
    assert len(outcome.names("ran")) == 10, outcome


if __name__ == "__main__":
    main()
