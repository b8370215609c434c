"""What `mlspec run` asks of a target that can run, and how it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlspec.graph import Graph


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What `mlspec run` asks of a backend that can run: the graph, where the project lies, and how to go about it.

    `only` are stage ids; they and what they need are run, or everything when it is empty. `jobs` is None for the machine's
    cores. `releasable` is False under a guarded override. `where` turns a stage id into a line of the spec for messages.
    `progress` is "rich", "plain" or "none". `retry_failed` is no part: a failed stage always runs again.
    `wait` is set where a run that goes on is waited for instead of given up for (MLS811), only for a target with the capability.
    `spec_path` is the spec's path from the project root, for targets that write files first.
    """

    graph: Graph
    project_root: Path
    env: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()
    jobs: int | None = None
    releasable: bool = True
    progress: str = "plain"
    wait: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    spec_path: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. `passed` is False when a gate failed; `errors` are StageErrors as JSON (`to_json`), empty on success.

    `executed` and `reused` are stage ids, `artifacts` maps `stage-id/output` to a digest. `places` says where each of them lies, a folder
    with a manifest, unless the target keeps runs of the project itself: `mlspec run` then keeps the result as one, and so a release
    is found whatever target made it. `summary` is JSON for `--format json`; `text` is what to print when all is done.
    """

    run_id: str
    folder: Path
    passed: bool
    executed: Sequence[str] = ()
    reused: Sequence[str] = ()
    errors: Sequence[Mapping[str, Any]] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    artifacts: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Path] = field(default_factory=dict)
