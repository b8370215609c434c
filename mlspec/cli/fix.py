"""`check --fix`: writes the edits that findings carry into the spec, and says what it changed.

Only edits with one reading are made; what may have meant something else, such as another name, is left to a person or `--fix-all`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.loading import compilation
from mlspec.cli.terminal import err, out, wants_color
from mlspec.diagnostics.edits import apply, chosen
from mlspec.replace import replace_file

if TYPE_CHECKING:
    from mlspec.diagnostics import Edit
    from mlspec.source import SourceFile

ROUNDS = 20
"""A mended text shows what its faults hid: so often it is checked again."""


def fix_file(options: argparse.Namespace, path: str) -> None:
    """Make the edits of one file, round after round until none is left, and write it once."""
    before = _read(path)
    if before is None:
        return  # the check that follows says what is wrong with the file
    text, made = before, 0
    for _ in range(ROUNDS):
        source, edits = _edits(options, path, text)
        if not edits or source is None:
            break
        text = apply(source.text, edits)
        made += len(edits)
    if text != before:
        write_back(path, before, text)
        _say(options, path, before, text, made)


def _edits(options: argparse.Namespace, path: str, text: str) -> tuple[SourceFile | None, list[Edit]]:
    """The edits to make in a text of the file, first to last."""
    from mlspec.source import SourceFile

    one = compilation(options, path)
    one.source = SourceFile(path, text)
    return one.source, chosen(one.diagnostics, one.source, guesses=options.fix_all)


def _read(path: str) -> str | None:
    """The text as the compiler reads it, None where it cannot; a file that cannot be written is refused."""
    from mlspec.diagnostics import Diagnostic
    from mlspec.syntax import read_source

    if path == "-":
        raise exits.CommandError("standard input cannot be fixed: there is no file to write", expected="a spec file",
                                 found="-", help="write it to a file, or pipe it through `mlspec fmt -`")  # fmt: skip
    source = read_source(path)
    if isinstance(source, Diagnostic):
        return None
    if not (os.access(path, os.W_OK) and Path(path).stat().st_mode & 0o222):
        raise exits.CommandError(f"`{path}` is read-only: nothing was fixed", exits.INPUT_OUTPUT,
                                 help=f"`chmod u+w {path}`, or check it without `--fix`")  # fmt: skip
    return source.text


def write_back(path: str, before: str, text: str) -> None:
    """The new text with the line ends and the byte order mark of the old one; a file that changed meanwhile is left alone."""
    old = Path(path).read_bytes()
    mark = b"\xef\xbb\xbf" if old.startswith(b"\xef\xbb\xbf") else b""
    if old.removeprefix(mark).decode("utf-8", "replace").replace("\r\n", "\n") != before:
        raise exits.CommandError(f"`{path}` changed while it was checked: nothing was fixed", exits.INPUT_OUTPUT,
                                 help="run it again")  # fmt: skip
    ends = "\r\n" if old.count(b"\r\n") * 2 > old.count(b"\n") else "\n"
    replace_file(Path(path), mark + text.replace("\n", ends).encode())


def _say(options: argparse.Namespace, path: str, before: str, text: str, made: int) -> None:
    """What was changed: a difference where a person reads, one line beside a machine's format."""
    from mlspec.cli.fmt import difference

    count = f"{path}: {made} edit{'' if made == 1 else 's'} made\n"
    if options.format != "text":
        err(count)
    elif not options.quiet:
        changed = difference(path, before, text, color=wants_color(sys.stdout, options.no_color), new="fixed")
        out(changed + count)


__all__ = ["apply", "chosen", "fix_file"]
