"""Find what is wrong with a spec."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlspec.cli import exits, untrusted
from mlspec.cli.check_cache import remember
from mlspec.cli.loading import compilation
from mlspec.cli.options import add_day, add_overrides, add_untrusted, day_of
from mlspec.cli.terminal import out, wants_color
from mlspec.source import SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlspec.diagnostics import Diagnostic
    from mlspec.driver import Compilation


def arguments(parser: argparse.ArgumentParser) -> None:
    """PATH…, `--fix`, `--env`, `-p`, `--target`."""
    parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="spec files, or folders with spec files")
    parser.add_argument(
        "--fix", action="store_true", help="write the edits of findings that have one reading, then check again"
    )
    parser.add_argument("--fix-all", action="store_true", help="as `--fix`, and take the nearest name where one is suggested")
    parser.add_argument("--watch", action="store_true", help="check again whenever a file changes that was read, until Ctrl-C")
    parser.add_argument("--target", help="find also what this target cannot express")
    parser.add_argument(
        "--max-externs",
        type=_count,
        metavar="N",
        help="how many externs a spec may have; 0 names those of every spec that has any",
    )
    add_overrides(parser)
    add_day(parser)
    add_untrusted(parser)


def _count(text: str) -> int:
    if not text.isdigit() or len(text) > 6:
        raise argparse.ArgumentTypeError("a number from 0")
    return int(text)


class One(NamedTuple):
    """What was found of one spec, the texts that were read for it (none: it could not be), and whether that depends on the day."""

    found: list[Diagnostic]
    texts: dict[str, str]
    dated: bool


class Checked(NamedTuple):
    """What a check came to: what to print, the exit code, the texts that were read (None: not all could be), whether days count."""

    text: str
    code: int
    read: dict[str, str] | None
    dated: bool


def run(options: argparse.Namespace) -> int:
    """Check every file and print what was found."""
    if options.watch:
        from mlspec.cli.watch import watch

        return watch(options)
    files = spec_files(options.paths)
    if options.fix or options.fix_all:
        from mlspec.cli.fix import fix_file

        for path in files:
            fix_file(options, path)
    from mlspec.cli.findings_cache import FindingsCache

    cache = FindingsCache(options, files, check_one)
    done = check_files(options, files, cache.one)
    cache.keep()
    out(done.text)
    if done.read is not None:
        arguments = sys.argv[2:] if sys.argv[1:2] == ["check"] else _rebuilt(options)
        remember(arguments, done.read, done.text, done.code, dated=done.dated)
    return done.code


def check_one(options: argparse.Namespace, path: str, **others: Any) -> One:
    """Check one file; `others` goes to its compilation as it is."""
    untrusted.next_spec()
    if options.today is not None:
        others["today"] = day_of(options)
    one = compilation(options, path, **others)
    one.reads_code = not options.untrusted
    found = [*one.diagnostics, *_externs(options, one), *_target(options, one)]
    whole = all(isinstance(read, SourceFile) for read in one.code_sources.values())  # a file that is missing may come
    return One(found, one.texts if whole else {}, one.waives)


def _externs(options: argparse.Namespace, one: Compilation) -> list[Diagnostic]:
    """118 for the first extern beyond those that are permitted."""
    if options.max_externs is None:
        return []
    blocks = [] if one.rough is None else list(one.rough.of_kind("extern"))
    if len(blocks) <= options.max_externs:
        return []
    from mlspec.diagnostics import Diagnostic, code

    data = {"count": str(len(blocks)), "limit": str(options.max_externs), "got": ", ".join(f"`{block.name}`" for block in blocks),
            "hint": "write the value in the language, or raise `--max-externs`"}  # fmt: skip
    return [Diagnostic(code("MLS118"), blocks[options.max_externs].head, data)]


def check_files(options: argparse.Namespace, files: Sequence[str], check: Callable[[str], One] | None = None) -> Checked:
    """Check files, without printing; `check` stands in for what checks one."""
    from mlspec.diagnostics import Collector
    from mlspec.diagnostics.render import render

    found = Collector()
    read: dict[str, str] | None = {}
    dated = False
    for path in files:
        one = check(path) if check is not None else check_one(options, path)
        found.extend(one.found)
        read = None if read is None or not one.texts else read | one.texts
        dated = dated or one.dated
    sorted_ = found.sorted()
    color = options.format == "text" and wants_color(sys.stdout, options.no_color)
    text = render(sorted_, options.format, color=color, files=list(files))
    if options.format == "text":
        text += _summary(options, sorted_, list(files))
    code = exits.FOUND if found.errors or (options.fail_on == "warning" and found.warnings) else exits.OK
    return Checked(text, code, read, dated)


def _rebuilt(options: argparse.Namespace) -> list[str]:
    """No arguments to remember a check by: it was not called from the command line."""
    return []


def spec_files(paths: list[str]) -> list[str]:
    """The files that are meant: a folder stands for every spec below it."""
    found: dict[str, None] = {}
    for path in paths:
        if Path(path).is_dir():
            inside = sorted(str(file) for file in Path(path).rglob("*.mlspec") if not is_hidden(file, Path(path)))
            if not inside:
                raise exits.CommandError(f"no spec in the folder `{path}`", expected="*.mlspec", help="name a file")
            found.update(dict.fromkeys(inside))
        else:
            found[path] = None
    return list(found)


def is_hidden(path: Path, below: Path) -> bool:
    """Whether a file lies in a folder that is none of a project's: its name, or one above it, begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(below).parts)


def _target(options: argparse.Namespace, one: Compilation) -> list[Diagnostic]:
    """What the asked target cannot express of a clean spec."""
    if options.target is None or one.spec is None:
        return []
    from mlspec.cli.backends import find_backend, target_findings
    from mlspec.cli.failures import backend_diagnostics

    return backend_diagnostics(one.spec, target_findings(find_backend(options.target), one.graph), one.policy)


def _summary(options: argparse.Namespace, found: list[Diagnostic], files: list[str]) -> str:
    from mlspec.diagnostics.render import summary

    if options.quiet:
        return ""
    what = files[0] if len(files) == 1 else f"{len(files)} files"
    return f"{what}: {summary(found) or 'no findings'}\n" + _suggestions(options, found)


def _suggestions(options: argparse.Namespace, found: list[Diagnostic]) -> str:
    """What `--fix` left to a person."""
    count = sum(any(edit.guess for edit in one.edits) for one in found) if options.fix and not options.fix_all else 0
    return f"{count} suggested edit{'' if count == 1 else 's'} not made: `--fix-all` makes them\n" if count else ""
