"""The tests of one spec file: checked, run, and where asked, what they touch and what they notice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlspec.driver import Compilation
from mlspec.testing.coverage import Coverage, coverage_of

if TYPE_CHECKING:
    from mlspec.diagnostics import Diagnostic
    from mlspec.testing.survey import Fate

Case = Mapping[str, Any]
Run = Callable[[Case], Mapping[str, Any]]


@dataclass(frozen=True)
class Options:
    """What is asked: the tests of some names alone, mutants too. `tell` hears of mutants as they are done; `refused` knows which gates
    the numbers of the last run do not pass.
    """

    only: tuple[str, ...] = ()
    mutate: bool = False
    tell: Callable[[int, int], None] = lambda done, whole: None
    refused: Callable[[Mapping[str, Any]], set[str]] = lambda gates: set()


@dataclass
class FileTests:
    """What the tests of one file came to. Of a spec with errors only `diagnostics` are known."""

    path: str
    compilation: Compilation
    diagnostics: list[Diagnostic]
    cases: list[Case] = field(default_factory=list)
    outcomes: list[Mapping[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    coverage: Coverage = field(default_factory=lambda: Coverage(()))
    fates: list[Fate] | None = None

    @property
    def broken(self) -> bool:
        """Whether the spec itself has errors, so that nothing was run."""
        return self.compilation.spec is None

    @property
    def failed(self) -> int:
        """How many tests failed."""
        return sum(not outcome["passed"] for outcome in self.outcomes)

    @property
    def survivors(self) -> list[Fate]:
        """The mutants that nobody noticed."""
        return [fate for fate in self.fates or () if not fate.noticed]


def run_file(compilation: Compilation, run: Run, options: Options) -> FileTests:
    """Run the tests of one spec."""
    found = FileTests(str(compilation.path), compilation, list(compilation.diagnostics))
    spec = compilation.spec
    if spec is None:
        return found
    from mlspec.lower.rehearsal import cases

    for case in cases(spec, compilation.prefix, compilation.code):
        if options.only and case["name"] not in options.only:
            continue
        began = time.perf_counter()
        found.cases.append(case)
        found.outcomes.append(run(case))
        found.seconds.append(time.perf_counter() - began)
    if not options.only:  # of some tests alone it says nothing
        found.coverage = coverage_of(spec, found.outcomes)
    if options.mutate:
        from mlspec.testing.survey import Survey

        found.fates = Survey(compilation, found.cases, found.outcomes, run, options.refused).fates(options.tell)
    return found
