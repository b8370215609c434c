"""Which mutants of a spec nobody notices: each is checked, and where it is still a spec, the tests that it changes run again.

The compiler notices by an error. A new warning is told and notices nothing: a check passes with it. Changed gates are judged on the
numbers of the last run, where one is kept. What a mutant does to numbers that only another run can know is not asked: a survivor says
which stages would run again, where gates or people may yet see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlspec.driver import Compilation
from mlspec.source import SourceFile
from mlspec.syntax import read_source
from mlspec.testing.mutations import Mutant, mutants

if TYPE_CHECKING:
    from mlspec.diagnostics import Diagnostic
    from mlspec.diff import Change

Case = Mapping[str, Any]
Run = Callable[[Case], Mapping[str, Any]]
Refused = Callable[[Mapping[str, Any]], set[str]]
"""The gates, of all of a spec, that the numbers of the last run do not pass."""


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: noticed `by` a "test", the "compiler" or the numbers of the last "run", `names` says which of them; or
    a survivor with what it changes.
    """

    mutant: Mutant
    by: str
    names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    change: Change | None = None
    stages: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def noticed(self) -> bool:
        """Whether a test fails, the compiler refuses, or a gate would on the numbers of the last run."""
        return self.by != ""


class Survey:
    """The mutants of one spec against its tests. A test that reads the same as before is not run again."""

    def __init__(
        self, base: Compilation, cases: list[Case], outcomes: list[Mapping[str, Any]], run: Run, refused: Refused
    ) -> None:
        from mlspec.lower.rehearsal import gates_of

        assert base.spec is not None and base.tree is not None, "mutants are of specs without errors"
        self.base, self.run, self.refused = base, run, refused
        self.already = refused(gates_of(base.spec))
        self.passed = {case["name"] for case, outcome in zip(cases, outcomes, strict=True) if outcome["passed"]}
        self.known = {case["name"]: repr(_meaning(case)) for case in cases}
        self.warnings = _codes(base.diagnostics)
        self._found: dict[str, bool] = {}

    def fates(self, tell: Callable[[int, int], None]) -> list[Fate]:
        """The fate of every mutant; `tell` hears how many are done."""
        assert self.base.spec is not None and self.base.tree is not None
        found = mutants(self.base.tree, self.base.spec)
        fates = []
        for number, mutant in enumerate(found, 1):
            fates.append(self._fate(mutant))
            tell(number, len(found))
        return fates

    def _fate(self, mutant: Mutant) -> Fate:
        changed = self._compile(mutant)
        if changed.spec is None:
            return _refused(mutant, changed.diagnostics)
        failing = self._failing(changed)
        if failing:
            return Fate(mutant, "test", tuple(failing))
        more = [code for code, count in _codes(changed.diagnostics).items() if count > self.warnings.get(code, 0)]
        change, stages = self._change(changed)
        refusing = [] if stages.get("rerun") or stages.get("resume") else self._refusing(changed)
        return Fate(mutant, "run" if refusing else "", tuple(refusing), tuple(more), change, stages)

    def _refusing(self, changed: Compilation) -> list[str]:
        """The gates that the numbers of the last run pass as the spec is and would not pass with the change."""
        from mlspec.lower.rehearsal import gates_of

        assert changed.spec is not None
        return sorted(self.refused(gates_of(changed.spec)) - self.already)

    def _compile(self, mutant: Mutant) -> Compilation:
        assert self.base.source is not None
        own = SourceFile(self.base.source.name, mutant.apply(self.base.source.text))

        def read(path: Any, root: Any = None, name: str | None = None) -> SourceFile | Diagnostic:
            return own if root is None else read_source(path, root, name)

        return Compilation(self.base.path, self.base.env, self.base.params, project=self.base.project, read=read)

    def _failing(self, changed: Compilation) -> list[str]:
        """The tests that pass without the change and fail with it."""
        from mlspec.lower.rehearsal import cases

        assert changed.spec is not None
        return [
            str(case["name"])
            for case in cases(changed.spec, changed.prefix, changed.code)
            if case["name"] in self.passed and repr(_meaning(case)) != self.known[case["name"]] and not self._passes(case)
        ]

    def _passes(self, case: Case) -> bool:
        key = repr(_meaning(case))
        if key not in self._found:
            self._found[key] = bool(self.run(case)["passed"])
        return self._found[key]

    def _change(self, changed: Compilation) -> tuple[Change | None, Mapping[str, list[str]]]:
        """A survivor in the words of `mlspec diff`: its gravest change, and what a run would do again."""
        from mlspec.diff import Version, compare
        from mlspec.lower import lower

        assert self.base.spec is not None and changed.spec is not None
        prefix = self.base.prefix
        sides = [Version(one.spec, lower(one.spec, "", prefix)) for one in (self.base, changed) if one.spec is not None]
        comparison = compare(*sides)
        return next(iter(comparison.changes), None), comparison.stages or {}


def _meaning(case: Case) -> Case:
    """A test without the places of its own lines: those move when a line above them goes. Blocks and columns may have any name."""
    lines = [{key: value for key, value in item.items() if key != "line"} for item in case["expectations"]]
    return {**{key: value for key, value in case.items() if key != "line"}, "expectations": lines}


def _codes(found: list[Diagnostic]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in found:
        if item.severity == "warning":
            counts[item.code.id] = counts.get(item.code.id, 0) + 1
    return counts


def _refused(mutant: Mutant, found: list[Diagnostic]) -> Fate:
    """Noticed by the compiler; by a test where all that is wrong stands in tests, which name what is gone."""
    errors = [item for item in found if item.severity == "error"]
    tests = {name for item in errors if (name := _test_around(item)) is not None}
    if errors and all(_test_around(item) is not None for item in errors):
        return Fate(mutant, "test", tuple(sorted(tests)))
    return Fate(mutant, "compiler", tuple(dict.fromkeys(item.code.id for item in errors)))


def _test_around(item: Diagnostic) -> str | None:
    """The test in whose text an error lies."""
    if item.span is None:
        return None
    text = item.span.source.text
    start = text.rfind("\ntest ", 0, item.span.start)
    end = text.find("\n}", start) if start >= 0 else -1
    return text[start + 6 : text.find(" ", start + 6)].strip() if start >= 0 and end > item.span.start else None
