"""A plan as people read it: what runs and why, then what is reused."""

from __future__ import annotations

from collections.abc import Callable

from mlspec.plan.steps import Plan, Reason, Step

Paint = Callable[[str, str], str]


def _plain(style: str, text: str) -> str:
    return text


def to_text(plan: Plan, paint: Paint = _plain, locate: Callable[[str], str] = lambda where: "") -> str:
    """The plan as lines; `paint(style, text)` colours, `locate(where)` gives `file:line` of a place in the spec or ""."""
    steps = plan.to_run()
    width = max((len(step.stage.id) for step in plan.steps), default=0)
    lines = [f"{paint('bold', plan.graph.spec)}: {_count(len(steps), len(plan.steps))}"]
    for step in plan.steps:
        if step.action == "reuse":
            lines.append(f"  {paint('dim', 'reuse')}  {paint('dim', step.stage.id)}")
            continue
        first, *rest = _reasons(step, paint, locate)
        lines.append(f"  {paint('yellow', 'run')}    {step.stage.id.ljust(width)}  {first}")
        lines.extend(f"{' ' * (width + 11)}{line}" for line in rest)
    return "\n".join(lines) + "\n"


def _count(run: int, total: int) -> str:
    if run == 0:
        return f"nothing to run, {total} stages are reused"
    return f"{run} of {total} stages to run" if run < total else f"all {total} stages to run"


def _reasons(step: Step, paint: Paint, locate: Callable[[str], str]) -> list[str]:
    upstream = [reason.where for reason in step.reasons if reason.kind == "upstream"]
    lines = [_reason(reason, paint, locate) for reason in step.reasons if reason.kind != "upstream"]
    if upstream:
        shown = ", ".join(upstream[:3]) + (f" and {len(upstream) - 3} more" if len(upstream) > 3 else "")
        lines.append(f"after {shown}")
    return lines


def _reason(reason: Reason, paint: Paint, locate: Callable[[str], str]) -> str:
    if reason.kind == "first":
        return "first run"
    if reason.kind == "incomplete":
        return f"not complete since run {reason.where}"
    if reason.kind == "code":
        return f"the stage kind `{reason.where}` has a new version"
    change = f"{reason.old} → {reason.new}"
    if reason.kind == "file":
        return f"file {paint('bold', reason.where)} {change}"
    if reason.kind == "package":
        return f"package {paint('bold', reason.where)} {change}"
    if reason.kind == "inputs":
        return f"input {paint('bold', reason.where)} {change}"
    place = locate(reason.where)
    return f"{paint('bold', reason.where)} {change}" + (f"  {paint('dim', place)}" if place else "")
