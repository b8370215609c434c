"""What a stage or a backend says about a place in the spec, as a diagnostic at that place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.diagnostics import Code, Diagnostic, Note, code

if TYPE_CHECKING:
    from mlspec.backend import Finding
    from mlspec.graph import GraphError
    from mlspec.policy import Policy
    from mlspec.source import Span
    from mlspec.spec.model import Spec

_LOCKED, _INPUT_OUTPUT = "MLS811", "MLS809"


def stage_diagnostics(spec: Spec | None, errors: Sequence[Mapping[str, Any]]) -> list[Diagnostic]:
    """A diagnostic for each error, and for each further violation that an error carries under `also`."""
    found = []
    for error in errors:
        also = error.get("also") or ()
        # The first error repeats the others as examples, for those who see nothing but its text.
        own = [example for example in error.get("examples") or () if not (also and str(example).startswith("also MLS"))]
        found.append(stage_diagnostic(spec, {**error, "examples": own}))
        found += [stage_diagnostic(spec, other) for other in also]
    return found


def stage_diagnostic(spec: Spec | None, error: Mapping[str, Any]) -> Diagnostic:
    """A StageError in its JSON form, at the line of the spec that its `where` names; its own words, under the code's name."""
    try:
        row = code(str(error["code"]))
        slug, severity = row.slug, row.severity
    except KeyError:
        slug, severity = "stage-failed", "error"
    wording = Code(str(error["code"]), slug, severity, "{message}", "{expected}", "{found}", "{help}")
    data = {name: str(error.get(name) or "") for name in ("message", "expected", "found", "help")}
    where = str(error.get("where") or "")
    span = _span_of(spec, where) if spec is not None and where else None
    notes = [Note(f"for example {example}") for example in error.get("examples") or ()]
    if where and span is None:
        notes.insert(0, Note(f"at `{where}`"))
    return Diagnostic(wording, span, {name: text for name, text in data.items() if text}, notes)


def _span_of(spec: Spec, where: str) -> Span | None:
    """The place that a stage names; `spec.registry` is the field of the block that names the spec."""
    head, dot, rest = where.partition(".")
    return spec.span_of(f"{spec.name}.{rest}" if dot and head == "spec" and "spec" not in spec.blocks else where)


def graph_diagnostic(spec: Spec | None, error: GraphError) -> Diagnostic:
    """A source file that is missing or lies outside, found while the plan was made."""
    return stage_diagnostic(spec, {
        "code": error.code, "message": error.message, "where": error.where, "expected": error.expected, "found": error.found,
        "help": error.help,
    })  # fmt: skip


def backend_diagnostics(spec: Spec | None, findings: Sequence[Finding], policy: Policy) -> list[Diagnostic]:
    """A backend's findings at the lines of the spec that they are about, at the levels of the policy."""
    from mlspec.policy.judge import at_levels

    spans = [None if spec is None else spec.span_of(item.where) for item in findings]
    found = [Diagnostic(code(item.code), span, dict(item.data)) for item, span in zip(findings, spans, strict=True)]
    return at_levels(found, policy)


def exit_code_of(codes: Sequence[str]) -> int:
    """The exit code of a command that these codes ended."""
    if _LOCKED in codes:
        return exits.LOCKED
    return exits.INPUT_OUTPUT if _INPUT_OUTPUT in codes else exits.FOUND
