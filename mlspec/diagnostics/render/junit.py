"""Findings as JUnit XML: one test case a file, one failure an error; warnings and what is waived go to its output."""

from __future__ import annotations

from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

from mlspec.diagnostics.diagnostic import Diagnostic
from mlspec.diagnostics.escape import escape
from mlspec.diagnostics.render.text import render as render_text


def render(found: list[Diagnostic], files: list[str]) -> str:
    """A test suite `mlspec check`, with a case for every checked file and for findings that have no file."""
    cases: dict[str, list[Diagnostic]] = {name: [] for name in files}
    for diagnostic in found:
        cases.setdefault(diagnostic.span.source.name if diagnostic.span else diagnostic.data.get("name", "mlspec"), []).append(
            diagnostic
        )
    errors = sum(d.severity == "error" for d in found)
    body = "".join(_case(name, rows) for name, rows in cases.items())
    head = f'<testsuite name="mlspec check" tests="{len(cases)}" failures="{errors}" errors="0">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{head}\n{body}</testsuite>\n</testsuites>\n'


def _case(name: str, rows: list[Diagnostic]) -> str:
    head = f'  <testcase classname="mlspec" name={quoteattr(escape(name))}'
    if not rows:
        return head + "/>\n"
    failures = "".join(
        f"    <failure type={quoteattr(d.code.id)} message={quoteattr(escape(d.message))}>{xml_escape(render_text([d], 0, False))}</failure>\n"
        for d in rows
        if d.severity == "error"
    )
    warnings = [d for d in rows if d.severity != "error"]
    output = f"    <system-out>{xml_escape(render_text(warnings, 0, False))}</system-out>\n" if warnings else ""
    return f"{head}>\n{failures}{output}  </testcase>\n"
