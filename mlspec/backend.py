"""What the author of a backend imports: the `Backend` row, its typed options, its capabilities as data, what `emit` returns.

A backend is found by the entry-point group `mlspec.backends`. The smallest one is a name and a function:

    backend = Backend(name="list", summary="the stage ids, one a line", emit=lambda graph, options: Emitted({"stages": …}))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlspec.graph import Graph, Stage

Support = Literal["native", "emulated", "none"]

NEEDS = ("gpu", "memory", "time_limit", "retry", "exclusive")
"""What a stage may ask of a target. A backend's `capabilities` give the support of each; what it leaves out is "none"."""


class OptionError(Exception):
    """An option given to a backend is unknown or of another type."""

    def __init__(self, message: str, *, expected: str = "", found: str = "") -> None:
        super().__init__(message)
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a backend: `--option name=value`. `type` is str, int, float or bool."""

    name: str
    type: type[str] | type[int] | type[float] | type[bool]
    default: Any
    doc: str

    def read(self, text: str) -> Any:
        """The value of the option as written on the command line; OptionError says what would have fitted."""
        if self.type is bool:
            if text not in ("true", "false"):
                raise OptionError(f"the option `{self.name}` does not fit", expected="true or false", found=text)
            return text == "true"
        try:
            return self.type(text)
        except ValueError:
            raise OptionError(f"the option `{self.name}` does not fit", expected=self.type.__name__, found=text) from None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a backend has to say: a code of the table, the block or `block.field` it is about, the data of its wording."""

    code: str
    where: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Emitted:
    """The files of a target, relative path to text, and findings. With an error among them nothing is written."""

    files: Mapping[str, str]
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What `mlspec run` asks of a backend that can run: the graph, where the project lies, and how to go about it.

    `only` are stage ids; they and what they need are run, or everything when it is empty. `jobs` is None for the machine's
    cores. `releasable` is False under a guarded override. `where` turns a stage id into a line of the spec for messages.
    `progress` is "rich", "plain" or "none". `retry_failed` is no part: a failed stage always runs again.
    """

    graph: Graph
    project_root: Path
    env: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()
    jobs: int | None = None
    releasable: bool = True
    progress: str = "plain"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. `passed` is False when a gate failed; `errors` are StageErrors as JSON (`to_json`), empty on success.

    `executed` and `reused` are stage ids. `summary` is JSON for `--format json`; `text` is what to print when all is done.
    """

    run_id: str
    folder: Path
    passed: bool
    executed: Sequence[str] = ()
    reused: Sequence[str] = ()
    errors: Sequence[Mapping[str, Any]] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


Emit = Callable[[Graph, Mapping[str, Any]], Emitted]
Run = Callable[[RunRequest], RunResult]


@dataclass(frozen=True, slots=True)
class Backend:
    """A target: `emit` is pure and turns a graph into files; `run`, where there is one, runs the graph and reports."""

    name: str
    summary: str
    emit: Emit
    options: Sequence[Option] = ()
    capabilities: Mapping[str, Support] = field(default_factory=dict)
    run: Run | None = None
    extra: str = ""

    def read_options(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The options with defaults filled in; OptionError for one that is unknown or does not fit."""
        known = {option.name: option for option in self.options}
        for name in given:
            if name not in known:
                raise OptionError(f"the target `{self.name}` has no option `{name}`", expected=" ".join(known) or "no options",
                                  found=name)  # fmt: skip
        return {name: option.read(given[name]) if name in given else option.default for name, option in known.items()}


def needs_of(stage: Stage) -> list[str]:
    """What a stage asks beyond cores."""
    asked = stage.resources
    given = {
        "gpu": asked.gpu is not None,
        "memory": asked.memory is not None,
        "time_limit": asked.time_limit is not None,
        "retry": asked.retry > 0,
        "exclusive": asked.exclusive,
    }
    return [need for need in NEEDS if given[need]]


def check_capabilities(backend: Backend, graph: Graph) -> list[Finding]:
    """A finding for every stage that asks for what the backend cannot do (MLS701) or only imitates (MLS702)."""
    findings = {}
    for stage in graph:
        for need in needs_of(stage):
            support = backend.capabilities.get(need, "none")
            where = f"{stage.block}.{need}"
            if support == "none":
                data = {"target": backend.name, "what": f"`{need}` of `{stage.block}`", "wanted": "a target that has it"}
                findings[where] = Finding("MLS701", where, data)
            elif support == "emulated":
                data = {
                    "target": backend.name,
                    "what": f"`{need}` of `{stage.block}`",
                    "how": "a wrapper around the stage does it",
                }
                findings[where] = Finding("MLS702", where, data)
    return list(findings.values())
