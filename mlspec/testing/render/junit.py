"""Tests as JUnit XML: a suite a spec, a case a test; a spec with errors is a case that ends in an error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

from mlspec.diagnostics.escape import escape, escape_lines
from mlspec.testing.suite import FileTests


def render(files: Sequence[FileTests], *, color: bool, coverage: bool, quiet: bool) -> str:
    """The whole document."""
    tests, failures, errors = (sum(count(file) for file in files) for count in (_tests, lambda file: file.failed, _errors))
    head = f'<testsuites name="mlspec test" tests="{tests}" failures="{failures}" errors="{errors}" time="{_time(files):.3f}">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{"".join(map(_suite, files))}</testsuites>\n'


def _tests(file: FileTests) -> int:
    return len(file.outcomes) + _errors(file)


def _errors(file: FileTests) -> int:
    return int(file.broken)


def _time(files: Sequence[FileTests]) -> float:
    return sum(sum(file.seconds) for file in files)


def _suite(file: FileTests) -> str:
    head = (
        f'<testsuite name={quoteattr(escape(file.path))} tests="{_tests(file)}" failures="{file.failed}" '
        f'errors="{_errors(file)}" time="{_time([file]):.3f}">'
    )
    body = [_broken(file)] if file.broken else []
    body += [_case(file, outcome, seconds) for outcome, seconds in zip(file.outcomes, file.seconds, strict=True)]
    return f"{head}\n{''.join(body)}</testsuite>\n"


def _open(file: FileTests, name: str, line: int, seconds: float) -> str:
    place = f'file={quoteattr(escape(file.path))} line="{line}"'
    return f'  <testcase classname={quoteattr(escape(PurePath(file.path).stem))} name={quoteattr(name)} {place} time="{seconds:.3f}"'


def _case(file: FileTests, outcome: Any, seconds: float) -> str:
    head = _open(file, outcome["name"], outcome["line"], seconds)
    if outcome["passed"]:
        return f"{head}/>\n"
    return f"{head}>\n{''.join(_failure(file, outcome, failure) for failure in outcome['failures'])}  </testcase>\n"


def _failure(file: FileTests, outcome: Any, failure: Any) -> str:
    name = f"{failure['name']}: " if failure["name"] else ""
    message = f"{name}expected {failure['expected']}, found {failure['found']}"
    lines = [
        f"{file.path}:{failure.get('line', outcome['line'])}",
        f"expected: {failure['expected']}",
        f"found: {failure['found']}",
    ]
    lines += [f"help: {failure['help']}"] if failure.get("help") else []
    text = xml_escape(escape_lines("\n".join(lines)))
    return f"    <failure type={quoteattr(failure['kind'])} message={quoteattr(escape(message))}>{text}</failure>\n"


def _broken(file: FileTests) -> str:
    from mlspec.diagnostics.render.text import render as findings

    errors = [item for item in file.diagnostics if item.severity == "error"]
    message = f"the spec has {len(errors)} error{'' if len(errors) == 1 else 's'}"
    text = xml_escape(findings(errors, 0, False))
    return (
        f'{_open(file, "check", 1, 0.0)}>\n    <error type="check" message={quoteattr(message)}>{text}</error>\n  </testcase>\n'
    )
