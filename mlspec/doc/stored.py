"""What the last run of a spec found, read from the store and verified on the way: nothing unverified enters a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.graph import Graph

if TYPE_CHECKING:
    from mlspec.runtime.report.evidence import Evidence
    from mlspec.runtime.store import Store

READ = ("metrics", "verdict", "checks", "package", "study", "statistics", "analysis")
"""The outputs that pages read: JSON with findings. Tables, predictions and measurements stay where they are."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One stage of the run: what it took when it was made, in this run or in an earlier one, and what it wrote."""

    state: str
    key: str
    seconds: float
    memory: int
    digests: Mapping[str, str]
    sizes: Mapping[str, int]
    packages: Mapping[str, str]
    machine: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """A run: its number, whether it was of this very spec, its stages by id and what they found by `output.block`.

    `overrides` are the sentences of those on record that release what its gates refused, whether their last day is over or not.
    """

    number: str
    env: str | None
    same_spec: bool
    passed: bool | None
    exit_code: int
    releasable: bool
    stages: Mapping[str, Taken]
    evidence: Evidence
    digests: Mapping[str, str]
    leaves: Mapping[str, Mapping[str, str]]
    overrides: tuple[str, ...] = ()


class NoSuchRun(Exception):
    """The run that was asked for is none of this spec; `known` are those that are."""

    def __init__(self, known: list[str]) -> None:
        super().__init__("no such run")
        self.known = known


def read_stored(root: Path, graph: Graph, env: str | None, wanted: str | None) -> Stored | None:
    """The run with a number, or the newest of the spec under this env; None without any. MLS808 where something in it is corrupt."""
    from mlspec.runtime.runs import summaries

    known = []
    for _, summary in summaries(root):
        if summary.get("spec") != graph.spec:
            continue
        number = str(summary.get("run"))
        known.append(number)
        if (number == wanted.zfill(len(number))) if wanted is not None else summary.get("env") == env:
            return _read(root, graph, number, summary)
    if wanted is not None:
        raise NoSuchRun(known)
    return None


def _read(root: Path, graph: Graph, number: str, summary: Mapping[str, Any]) -> Stored:
    from mlspec.runtime.report.evidence import read_evidence
    from mlspec.runtime.store import Store

    store = Store(root)
    stages = {str(name): row for name, row in summary.get("stages", {}).items()}
    found = {
        f"{output}.{row['block']}": (store.artifact(made["digest"], made.get("files")), str(made["digest"]))
        for row in stages.values()
        for output, made in row.get("outputs", {}).items()
        if output in READ
    }
    passed = summary.get("passed") if summary.get("verdicts") else None
    return Stored(
        number, summary.get("env"), summary.get("spec_digest") == graph.spec_digest, passed, int(summary.get("exit_code") or 0),
        bool(summary.get("releasable")), {name: _taken(store, row) for name, row in stages.items()},
        read_evidence({name: folder for name, (folder, _) in found.items()}), {name: digest for name, (_, digest) in found.items()},
        summary.get("leaves") or {}, tuple(_overrides(root, summary)),
    )  # fmt: skip


def _overrides(root: Path, summary: Mapping[str, Any]) -> Iterator[str]:
    """What the audit log says of the run's verdicts; MLS822 where the log was tampered with."""
    from mlspec.runtime.audit import log, overrides

    records = overrides.counting(log.read_sound(root))
    for gates, verdict in summary.get("verdicts", {}).items():
        found = overrides.override_of(records, str(summary.get("spec_digest")), gates, verdict, "")
        if found is not None:
            yield overrides.sentence(found)


def _taken(store: Store, row: Mapping[str, Any]) -> Taken:
    """A stage by its manifest, which says what making it took; where that is gone, by the summary of the run."""
    from mlspec.runtime.manifest import Manifest

    key = str(row.get("key") or "")
    path = store.stages / f"{key}.json"
    outputs = row.get("outputs", {})
    digests, sizes = {}, {}
    for name, made in _ordered(outputs):
        digests[name], sizes[name] = str(made["digest"]), int(made.get("bytes") or 0)
    if key and path.is_file():
        kept = Manifest.read(path)
        return Taken(
            str(row.get("state")), key, kept.seconds, kept.peak_memory, digests, sizes, kept.packages, kept.environment
        )
    return Taken(
        str(row.get("state")), key, float(row.get("seconds") or 0), int(row.get("peak_memory") or 0), digests, sizes, {}, {}
    )


def _ordered(outputs: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    return sorted(outputs.items())
