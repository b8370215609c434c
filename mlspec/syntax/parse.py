"""`parse`: a source to its tree and to everything that is wrong with its text. Pure."""

from __future__ import annotations

from mlspec.diagnostics import Diagnostic, code
from mlspec.source import SourceFile, Span
from mlspec.syntax.build import Builder, finish
from mlspec.syntax.driver import Driver, Report
from mlspec.syntax.layout import Layout, TooDeep
from mlspec.syntax.nodes import File
from mlspec.syntax.scan import Scan
from mlspec.syntax.tokens import Token

MAX_FILE = 256 * 1024


def parse(source: SourceFile) -> tuple[File | None, list[Diagnostic]]:
    """The tree of `source` and its diagnostics, by position.

    With errors the tree holds the statements that could be read, for editors: nobody checks or runs it. It is None where nothing
    could be: the file is too large or nested too deep.
    """
    limit = too_large(source)
    if limit is not None:
        return None, [limit]
    scan = Scan(source)
    try:
        layout = Layout(scan)
    except TooDeep:
        return None, in_order(scan.found)
    builder = Builder(source, scan.docs, scan.report)
    statements = Driver(layout.tokens, builder, reporter(scan)).run()
    return finish(builder, statements, layout.edition, scan.comments), in_order(scan.found)


def too_large(source: SourceFile) -> Diagnostic | None:
    """What is said of a text that is over the limit, None of one that is not."""
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size <= MAX_FILE:
        return None
    data = {
        "what": "the file",
        "limit": f"{MAX_FILE // 1024} KiB",
        "got": f"{-(-size // 1024):,} KiB",
        "hint": "split it with `use`",
    }
    return Diagnostic(code("MLS005"), Span(source, 0, 0), data)


def reporter(scan: Scan) -> Report:
    """Adds what the parser cannot read to the findings of a scan."""

    def report(token: Token, before: Token | None, expected: list[str]) -> None:
        from mlspec.syntax.explain import unexpected

        scan.found.append(unexpected(scan.source, token, before, expected))

    return report


def in_order(found: list[Diagnostic]) -> list[Diagnostic]:
    """By position; a second report of the same place and code says nothing new, nor does what a bad character or edition caused on its line."""
    unique = {(_start(d), d.code.id): d for d in reversed(found)}
    bad = {d.span.position[0]: _start(d) for d in reversed(found) if _spoils_line(d) and d.span is not None}
    kept = [unique[key] for key in sorted(unique) if not (bad and key[1] in _CAUSED and _is_caused(unique[key], bad))]
    return _without_bodies(kept) if any(d.data.get("indented") for d in kept) else kept


def _without_bodies(found: list[Diagnostic]) -> list[Diagnostic]:
    """Without what follows from a block that is written by indentation: the faults of its lines are that one fault."""
    kept: list[Diagnostic] = []
    inside = range(0)
    for diagnostic in found:
        if diagnostic.span is None or diagnostic.code.id != "MLS001":
            kept.append(diagnostic)
            continue
        line = diagnostic.span.position[0]
        if line in inside:
            continue
        kept.append(diagnostic)
        if diagnostic.data.get("indented"):
            inside = _body(diagnostic.span.source, line)
    return kept


def _body(source: SourceFile, line: int) -> range:
    """The lines below `line` that are indented deeper."""
    lines = source.text.split("\n")
    margin = _margin(lines[line - 1])
    last = line
    while last < len(lines) and (not lines[last].strip() or _margin(lines[last]) > margin):
        last += 1
    return range(line + 1, last + 1)


def _margin(text: str) -> int:
    return len(text) - len(text.lstrip())


_CHARACTERS = frozenset({"MLS004", "MLS008", "MLS009", "MLS010"})
_CAUSED = frozenset({"MLS001", "MLS002", "MLS011"})


def _spoils_line(diagnostic: Diagnostic) -> bool:
    """Whether what follows on the line is not to be trusted: a bad character, or a bracket that is never closed."""
    if diagnostic.code.id == "MLS001":
        return diagnostic.data.get("hint", "").startswith("there are no dictionaries")
    return diagnostic.code.id in _CHARACTERS or (diagnostic.code.id == "MLS002" and diagnostic.data["mark"] != "{")


def _is_caused(diagnostic: Diagnostic, bad: dict[int, int]) -> bool:
    """Whether a bad character stands before it on its line."""
    start = _start(diagnostic)
    return diagnostic.span is not None and bad.get(diagnostic.span.position[0], start) < start


def _start(diagnostic: Diagnostic) -> int:
    return diagnostic.span.start if diagnostic.span else -1
