"""Write a spec in its one canonical form."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits, untrusted
from mlspec.cli.check import spec_files
from mlspec.cli.loading import say
from mlspec.cli.options import add_untrusted
from mlspec.cli.terminal import err, out, paint, plain, wants_color
from mlspec.replace import replace_file

if TYPE_CHECKING:
    from mlspec.source import SourceFile


def arguments(parser: argparse.ArgumentParser) -> None:
    """PATH…, `--check`, `--diff`; `-` reads standard input."""
    parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="spec files or folders; `-` is standard input")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not in canonical form")
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change")
    add_untrusted(parser)


def run(options: argparse.Namespace) -> int:
    """Format every file that parses; report those that do not."""
    if options.paths == ["-"]:
        return _standard_input(options)
    codes = [_file(options, path) for path in spec_files(options.paths)]
    return max(codes, default=exits.OK)


def _standard_input(options: argparse.Namespace) -> int:
    from mlspec.source import SourceFile

    source = SourceFile("<stdin>", sys.stdin.read().replace("\r\n", "\n"))
    text = formatted(options, source)
    if text is None:
        return exits.FOUND
    out(text)
    return exits.OK


def _file(options: argparse.Namespace, path: str) -> int:
    from mlspec.diagnostics import Diagnostic
    from mlspec.syntax import read_source

    untrusted.next_spec()
    source = read_source(path)
    if isinstance(source, Diagnostic):
        say(options, [source], [path])
        return exits.FOUND
    text = formatted(options, source)
    if text is None:
        return exits.FOUND
    if text.encode() == Path(path).read_bytes():
        return exits.OK
    if options.diff:
        out(difference(path, source.text, text, color=wants_color(sys.stdout, options.no_color)))
    if options.check:
        err(f"{path} is not in canonical form: `mlspec fmt {path}` writes it\n")
    if options.check or options.diff:
        return exits.FOUND if options.check else exits.OK
    replace_file(Path(path), text.encode())
    if not options.quiet:
        err(f"{path}: formatted\n")
    return exits.OK


def formatted(options: argparse.Namespace, source: SourceFile) -> str | None:
    """The canonical text; None after what is wrong with the syntax was printed."""
    from mlspec.spec import schema
    from mlspec.syntax import parse
    from mlspec.syntax.format import format_file

    tree, found = parse(source)
    # 015, text that is not canonical, is the very thing that formatting mends.
    errors = [item for item in found if item.severity == "error"]
    if tree is None or errors:
        say(options, errors, [source.name])
        return None
    return format_file(tree, source, schema.order)


def difference(path: str, before: str, after: str, *, color: bool, new: str = "canonical") -> str:
    """A unified diff; `new` is what the second text is."""
    from difflib import unified_diff

    style = paint if color else plain
    lines = unified_diff(before.splitlines(), after.splitlines(), path, f"{path} ({new})", lineterm="")
    marks = {"+": "green", "-": "red", "@": "cyan"}
    return "".join(style(marks[line[0]], line) + "\n" if line[:1] in marks else line + "\n" for line in lines)
