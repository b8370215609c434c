"""Tests for people: a line a test; of one that failed what was expected and found, and where the value is computed.

✗ decades
    third := inputs.decade == 4                    census.mlspec:62
      expected  inputs.decade == 4
      found     inputs.decade = 3, in row 2
      decade := floor(people.age / 10)             census.mlspec:30
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mlspec.diagnostics.escape import escape
from mlspec.source import Span
from mlspec.testing.coverage import UNREACHABLE, Coverage, Item
from mlspec.testing.mutations.mutant import one_line
from mlspec.testing.suite import FileTests
from mlspec.testing.survey import Fate

_COLORS = {"pass": "32", "fail": "1;31", "bold": "1", "dim": "2", "warn": "33", "name": "36"}
_WIDTH = 50
_LONGEST = 100
Ink = Callable[[str, str], str]


def render(files: Sequence[FileTests], *, color: bool, coverage: bool, quiet: bool) -> str:
    """Every file, then one line for all."""

    def ink(style: str, text: str) -> str:
        return f"\x1b[{_COLORS[style]}m{text}\x1b[0m" if color and text else text

    parts = ["\n".join(lines) + "\n" for file in files if (lines := _file(file, ink, coverage, quiet))]
    whole = _whole(files, ink)
    return "\n".join(parts) + (
        "" if quiet and not any(file.failed or file.broken for file in files) else f"\n{whole}\n" if parts else f"{whole}\n"
    )


def _file(file: FileTests, ink: Ink, coverage: bool, quiet: bool) -> list[str]:
    if file.broken:
        from mlspec.diagnostics.render import render as findings

        text = findings([item for item in file.diagnostics if item.severity == "error"], "text", color=ink("bold", "x") != "x")
        return [f"{ink('bold', escape(file.path))}: not tested, the spec has errors", "", text.rstrip("\n")]
    lines = []
    for outcome, seconds in zip(file.outcomes, file.seconds, strict=True):
        if outcome["passed"]:
            lines += (
                [] if quiet else [f"  {ink('pass', '✓')} {outcome['name'].ljust(_WIDTH)}{ink('dim', _time(seconds))}".rstrip()]
            )
        else:
            lines += [f"  {ink('fail', '✗')} {ink('bold', str(outcome['name']))}", *_failures(file, outcome, ink)]
    if not quiet or file.failed:
        head = escape(file.path) + ("" if file.outcomes else ": no tests")
        lines.insert(0, ink("bold", head))
    if coverage and file.coverage and not quiet:
        lines += ["", *_coverage(file.coverage, ink)]
    if file.fates is not None:
        lines += ["", *_mutants(file, ink)]
    return lines


def _failures(file: FileTests, outcome: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    for failure in outcome["failures"]:
        line = failure.get("line", outcome["line"])
        head = f"{failure['name']} := {failure['expected']}" if failure["kind"] == "expectation" else str(failure["kind"])
        if failure["kind"] == "code":
            head = f"{failure['name']}" + (f" at {failure['where']}" if failure.get("where") else "")
        yield _placed("      ", _short(head), f"{file.path}:{line}", ink)
        yield f"        {ink('name', 'expected')}  {escape(str(failure.get('wanted') or failure['expected']))}"
        yield f"        {ink('name', 'found')}     {ink('fail', escape(str(failure['found'])))}"
        for span in _computed(file, failure):
            yield _placed("        ", _short(one_line(span.text)), f"{span.source.name}:{span.position[0]}", ink, "dim")
        if failure.get("help"):
            yield f"        {ink('pass', 'help')}      {escape(str(failure['help']))}"


def _computed(file: FileTests, failure: Mapping[str, Any]) -> Iterator[Span]:
    """The lines of the spec that give the values of a failed expectation."""
    spec = file.compilation.spec
    for path in failure.get("values", {}):
        span = None if spec is None or "." not in path else spec.spans.get(path)
        if span is not None:
            yield span


def _placed(indent: str, text: str, place: str, ink: Ink, style: str = "", width: int = _WIDTH) -> str:
    """A text, and a place at the right of it in one column for all."""
    gap = " " * max(2, width + 4 - len(indent) - len(escape(text)))
    shown = escape(text)
    return f"{indent}{ink(style, shown) if style else shown}{gap}{ink('dim', escape(place))}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _coverage(coverage: Coverage, ink: Ink) -> Iterator[str]:
    """A line a noun, then the names that no test touches with their places."""
    for noun, items in coverage.by_noun().items():
        bare = [item for item in items if not item.tests]
        style = "pass" if not bare else "warn"
        label = f"{noun}s".ljust(10)
        note = "  no test can reach these: they need live requests" if noun in UNREACHABLE else ""
        yield f"  {label}{ink(style, f'{len(items) - len(bare)} of {len(items)} tested')}{ink('dim', note)}"
        yield from (_bare(item, ink) for item in bare)


def _bare(item: Item, ink: Ink) -> str:
    line = f"{item.span.source.name}:{item.span.position[0]}"
    return _placed("      ", item.path, line, ink)


def _mutants(file: FileTests, ink: Ink) -> Iterator[str]:
    fates = file.fates or []
    left = file.survivors
    by = {kind: sum(fate.by == kind for fate in fates) for kind in ("test", "compiler", "run")}
    share = f"{len(fates) - len(left)} of {len(fates)} mutants noticed"
    run = f", {by['run']} by gates on the numbers of the last run" if by["run"] else ""
    yield f"  {ink('pass' if not left else 'warn', share)}, {by['test']} by tests and {by['compiler']} by the compiler{run}"
    if left:
        yield ink("dim", "  nobody notices these; where stages run again, a gate of the next run may:")
    for fate in left:
        yield from _survivor(fate, ink)


def _survivor(fate: Fate, ink: Ink) -> Iterator[str]:
    """What was changed and where; then what `mlspec diff` says of it, and what would run again."""
    from mlspec.diff.page import again

    place = f"{fate.mutant.span.source.name}:{fate.mutant.span.position[0]}"
    yield _placed("    ", _short(f"{fate.mutant.kind}: {fate.mutant.path} {fate.mutant.what}"), place, ink, width=_WIDTH + 24)
    change = fate.change
    words = []
    if change is not None:
        words.append(ink("fail" if change.effect in ("breaking", "loosening") else "warn", change.effect))
        words.append(escape(change.where + (f": {change.why}" if change.why else "")))
    stages = again(dict(fate.stages))
    words += [ink("dim", f"[{stages}]")] if stages else []
    words += [ink("warn", f"warns {code}") for code in fate.warnings]
    if words:
        yield f"        {' '.join(words)}"


def _whole(files: Sequence[FileTests], ink: Ink) -> str:
    tests = sum(len(file.outcomes) for file in files)
    failed = sum(file.failed for file in files)
    broken = sum(file.broken for file in files)
    seconds = sum(sum(file.seconds) for file in files)
    items = [item for file in files for item in file.coverage.items]
    words = [
        f"{tests} test{'' if tests == 1 else 's'}",
        ink("fail", f"{failed} failed") if failed else ink("pass", "all passed") if tests else "",
    ]
    if broken:
        words.append(ink("fail", f"{broken} spec{'' if broken == 1 else 's'} with errors"))
    if items:
        touched = sum(bool(item.tests) for item in items)
        words.append(f"{touched} of {len(items)} definitions tested")
    return ", ".join(word for word in words if word) + ink("dim", f" in {_time(seconds)}")


__all__ = ["render"]
