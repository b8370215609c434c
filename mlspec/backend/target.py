"""The row of a target: its name, its options and capabilities as data, the functions that emit, verify and run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from mlspec.backend.capabilities import Capability, Support
from mlspec.backend.emitted import Emitted, Finding
from mlspec.backend.options import Option, OptionError
from mlspec.backend.running import RunRequest, RunResult
from mlspec.graph import Graph

Emit = Callable[[Graph, Mapping[str, Any]], Emitted]
Verify = Callable[[Emitted], Sequence[Finding]]
Run = Callable[[RunRequest], RunResult]
Prepare = Callable[[Path], None]

ROOT = "../../.."
"""The way to the project root from where files are written by default, `build/<target>/<spec>/`."""


def later(place: str) -> Callable[..., Any]:
    """The function at `module:name`, which is imported when it is first called: what `emit` does not need, compiling need not load."""
    module, _, name = place.partition(":")

    def call(*given: Any) -> Any:
        return getattr(import_module(module), name)(*given)

    return call


@dataclass(frozen=True, slots=True)
class Backend:
    """A target: `emit` is pure and turns a graph into files; `run`, where there is one, runs the graph and reports.

    `emit` gets the options by name, and as `root` the way from the files' folder to the project root. `verify` holds the files
    against the schemas of the target itself, for `compile --verify`; it may import the target's library. `prepare` makes an
    empty folder a project in which `run` works, for `mlspec parity`. `versions` are the versions of the target that the files
    are written for, the newest last.
    """

    name: str
    summary: str
    emit: Emit
    options: Sequence[Option] = ()
    capabilities: Mapping[str, Support | Capability] = field(default_factory=dict)
    run: Run | None = None
    prepare: Prepare | None = None
    verify: Verify | None = None
    versions: Sequence[str] = ()
    extra: str = ""

    def read_options(self, given: Mapping[str, str], root: str = ROOT) -> dict[str, Any]:
        """The options with defaults filled in, and `root`; OptionError for one that is unknown or does not fit."""
        known = {option.name: option for option in self.options}
        for name in given:
            if name not in known:
                raise OptionError(f"the target `{self.name}` has no option `{name}`", expected=" ".join(known) or "no options",
                                  found=name)  # fmt: skip
        read = {name: option.read(given[name]) if name in given else option.default for name, option in known.items()}
        return {**read, "root": root}
