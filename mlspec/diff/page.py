"""The comparison of one file, or why there is none, and how a list of them is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from mlspec.diff.change import EFFECTS, Change, Comparison, Fault
from mlspec.diff.table import VERBS
from mlspec.source import SourceFile, Span

if TYPE_CHECKING:
    from mlspec.diagnostics import Diagnostic

Status = Literal["same", "changed", "added", "removed", "failed"]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One spec by the path that both sides know; `failed` are those that could not be read, with the reasons. `sources` are both texts."""

    path: str
    status: Status
    comparison: Comparison
    diagnostics: tuple[Diagnostic, ...] = ()
    sources: tuple[SourceFile | None, SourceFile | None] = (None, None)


def one_sided(path: str, is_new: bool, errors: tuple[Fault, ...], source: SourceFile | None) -> FileDiff:
    """A spec that only one side has."""
    span = None if source is None else Span(source, 0, 0)
    change = (
        Change("additive", "spec-added", path, path, "", path)
        if is_new
        else Change("breaking", "spec-removed", path, path, path)
    )
    change.old_span, change.new_span = (None, span) if is_new else (span, None)
    return FileDiff(path, "added" if is_new else "removed", Comparison((change,), None, errors if is_new else ()))


def moved(comparison: Comparison, was: str, path: str, source: SourceFile | None) -> Comparison:
    """A comparison with the change of the place first: in another folder, relative paths of the spec mean other files."""
    elsewhere = was.rpartition("/")[0] != path.rpartition("/")[0]
    why = "its relative paths begin in another folder" if elsewhere else ""
    span = None if source is None else Span(source, 0, 0)
    change = Change("behaviour" if elsewhere else "operational", "spec-moved", path, path, was, path, why, new_span=span)
    changes = sorted([change, *comparison.changes], key=lambda item: item.rank)
    return Comparison(tuple(changes), comparison.stages, comparison.errors)


def render(files: Sequence[FileDiff], format: str, *, color: bool = False, verbose: int = 0, quiet: bool = False) -> str:
    """All files in one of the formats; text and Markdown leave out cosmetic changes unless asked."""
    module: Any = import_module(f"mlspec.diff.render.{format}")
    if format == "text":
        found: str = module.render(files, color, verbose > 0, quiet)
    elif format == "markdown":
        from mlspec.diff.render.json import document

        found = module.render(document(files), verbose > 0)
    else:
        found = module.render(files)
    return found


def counts(changes: Sequence[Change]) -> dict[str, int]:
    """How many changes have each effect, the gravest first; effects without any left out."""
    found = {effect: sum(change.effect == effect for change in changes) for effect in EFFECTS}
    return {effect: count for effect, count in found.items() if count}


def counted(changes: Sequence[Change]) -> str:
    """`2 loosening, 1 behaviour`."""
    return ", ".join(f"{count} {effect}" for effect, count in counts(changes).items())


def place(span: Span | None) -> str:
    """`file:line`, "" without a place."""
    return "" if span is None else f"{span.source.name}:{span.position[0]}"


def places(change: Change) -> str:
    """Where a change stands on both sides."""
    old, new = place(change.old_span), place(change.new_span)
    return f"{old} → {new}" if old and new else old or new


def again(stages: dict[str, list[str]]) -> str:
    """What runs again because of a change: `reruns 2 stages, rescores 1 stage`; what only writes down is said when it is all."""
    said = {action: names for action, names in stages.items() if action != "follow" or len(stages) == 1}
    return ", ".join(_said(action, names) for action, names in said.items() if names)


def _said(action: str, names: list[str]) -> str:
    verb = VERBS[action]
    if action in ("redeploy", "rearm"):
        return f"{verb} {', '.join(names)}"
    return f"{verb} {len(names)} stage{'' if len(names) == 1 else 's'}"


def incomparable(changes: Sequence[Change]) -> list[str]:
    """The places whose change makes numbers of before and after numbers about different things."""
    return [change.where for change in changes if change.incomparable]
