"""What must hold for any input at all; a broken promise is a Finding."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from mlspec.diagnostics import Diagnostic
from mlspec.diagnostics.render import FORMATS, render
from mlspec.source import SourceFile
from mlspec.syntax import parse, read_source
from mlspec.syntax.format import format_file

MAX_SECONDS = 1.0


class Finding(Exception):
    """The input broke a promise; the message says which."""


def check_text(text: str, formats: tuple[str, ...] = ("text",)) -> str:
    """Parses, renders and formats `text`; gives "errors" or "clean", raises Finding or whatever the compiler raised."""
    start = time.process_time()
    source = SourceFile("fuzz.mlspec", text)
    tree, found = parse(source)
    seconds = time.process_time() - start
    if seconds > MAX_SECONDS:
        raise Finding(f"parse took {seconds:.2f} s for {len(text)} characters")
    _check_found(found, source)
    for format in formats:
        if any(ord(char) < 0x20 and char != "\n" for char in render(found, format)):
            raise Finding(f"the {format} report holds a control character")
    if any(diagnostic.severity == "error" for diagnostic in found):
        return "errors"
    if tree is None:
        raise Finding("no tree and no error")
    _check_format(tree, source)
    return "clean"


def _check_found(found: list[Diagnostic], source: SourceFile) -> None:
    for diagnostic in found:
        span = diagnostic.span
        if span is not None and not 0 <= span.start <= span.end <= len(source.text):
            raise Finding(f"{diagnostic.code.id} points outside the text: {span.start}..{span.end}")
        missing = [name for name in diagnostic.code.required if not diagnostic.data.get(name)]
        if missing:
            raise Finding(f"{diagnostic.code.id} lacks {missing} for its message")


def _check_format(tree: object, source: SourceFile) -> None:
    """The canonical form says the same, keeps every comment, and is its own canonical form."""
    once = format_file(tree, source)  # type: ignore[arg-type]
    again_source = SourceFile("fuzz.mlspec", once)
    again, found = parse(again_source)
    if again is None or any(diagnostic.severity == "error" for diagnostic in found):
        raise Finding(f"the canonical form does not parse: {[d.message for d in found]}\n{once}")
    if not _statements_same(tree, again):
        raise Finding(f"the canonical form says something else\n{once}")
    if format_file(again, again_source) != once:
        raise Finding(f"formatting twice differs\n{once}\n----\n{format_file(again, again_source)}")
    before, after = (sorted(_words(file)) for file in (tree, again))
    if before != after:
        raise Finding(f"comments changed: {before} became {after}")


def _statements_same(one: object, other: object) -> bool:
    ours, theirs = one.statements, other.statements  # type: ignore[attr-defined]
    return len(ours) == len(theirs) and all(a.same(b) for a, b in zip(ours, theirs, strict=True))


def _words(file: object) -> list[str]:
    return ["".join(comment.text.split()) for comment in file.comments]  # type: ignore[attr-defined]


def check_bytes(data: bytes) -> str:
    """Reads `data` as a file would be read, then as `check_text`."""
    fd, name = tempfile.mkstemp(suffix=".mlspec")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        read = read_source(name, name="fuzz.mlspec")
    finally:
        Path(name).unlink()
    if isinstance(read, Diagnostic):
        render([read])
        return "refused"
    return check_text(read.text, FORMATS)
