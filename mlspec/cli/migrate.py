"""Write specs in another edition of the language, proven to mean the same.

Nothing is written unless the old and the new text of every file compile to the same stages, with the same keys, and a semantic diff of
the two shows the edition and nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlspec.cli import exits
from mlspec.cli.check import spec_files
from mlspec.cli.loading import say
from mlspec.cli.terminal import err, out, wants_color

if TYPE_CHECKING:
    from mlspec.diagnostics import Diagnostic
    from mlspec.diff import Comparison
    from mlspec.driver import Compilation
    from mlspec.source import SourceFile

FORMATS = ("text",)


class Migrated(NamedTuple):
    """A file before and after; `edition` is None of one that named none, so that there is no meaning to compare with."""

    path: str
    source: SourceFile
    text: str
    edition: str | None


def arguments(parser: argparse.ArgumentParser) -> None:
    """PATH…, `--to`, `--check`, `--diff`."""
    parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="spec files, or folders with spec files")
    parser.add_argument("--to", metavar="EDITION", help="the edition to write (default: the newest)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is of another edition")
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change")


def run(options: argparse.Namespace) -> int:
    """Migrate all files or none."""
    target = _target(options.to)
    read = [_migrated(options, path, target) for path in spec_files(options.paths)]
    files = [one for one in read if one is not None]
    if len(files) < len(read):
        return exits.FOUND  # what is wrong was said; all or none
    changed = [one for one in files if one.text != one.source.text]
    texts = {os.path.abspath(one.path): one.text for one in files}  # noqa: PTH100
    proven = [_prove(options, one, texts) for one in changed]
    if not all(proven):
        return exits.FOUND
    for one in changed:
        _finish(options, one, target)
    if not changed and not options.quiet:
        err(f"{len(files)} file{'' if len(files) == 1 else 's'} of edition {target}: nothing to do\n")
    return exits.FOUND if options.check and changed else exits.OK


def _target(wanted: str | None) -> str:
    from mlspec.syntax import layout

    if wanted is None:
        return layout.EDITIONS[-1]
    if wanted not in layout.EDITIONS:
        raise exits.CommandError(f"there is no edition `{wanted}`", expected=f"one of {', '.join(layout.EDITIONS)}", found=wanted,
                                 help="a newer mlspec may know it: `mlspec --version`")  # fmt: skip
    return wanted


def _migrated(options: argparse.Namespace, path: str, target: str) -> Migrated | None:
    """A file in the edition; None after what is wrong with it was said."""
    from mlspec.diagnostics import Diagnostic
    from mlspec.syntax import read_source

    source = read_source(path)
    if isinstance(source, Diagnostic):
        say(options, [source], [path])
        return None
    edition, start, found = _edition(source, target)
    if found:
        _say_errors(options, path, found)
        return None
    from mlspec.spec.editions import NoWay

    try:
        return Migrated(path, source, _through(path, start, edition or target, target), edition)
    except NoWay as error:
        raise exits.CommandError(f"{path}: {error}", expected=f"--to {edition} or newer", found=f"--to {target}") from None


def _edition(source: SourceFile, target: str) -> tuple[str | None, str, list[Diagnostic]]:
    """The edition that a text names, the text to begin with, and its errors; one without a first line gets that of the target."""
    from mlspec.syntax import parse

    tree, found = parse(source)
    errors = [item for item in found if item.severity == "error"]
    if tree is not None and not errors:
        return tree.edition, source.text, []
    missing = (
        len(errors) == 1 and errors[0].code.id == "MLS004" and any(edit.span.start == edit.span.end for edit in errors[0].edits)
    )
    if missing:
        return None, f"mlspec {target}\n\n{source.text.lstrip()}", []
    return None, source.text, errors


def _through(path: str, text: str, edition: str, target: str) -> str:
    """The text, one edition after the other."""
    from mlspec.cli.fix import apply
    from mlspec.source import SourceFile
    from mlspec.spec.editions import edits_to, steps
    from mlspec.syntax import parse

    for step in steps(edition, target):
        tree = parse(SourceFile(path, text))[0]
        assert tree is not None, "what a rewrite wrote can be read"
        text = apply(text, edits_to(step, tree))
    return text


def _say_errors(options: argparse.Namespace, path: str, found: list[Diagnostic]) -> None:
    from mlspec.syntax import layout

    say(options, found, [path])
    if any(item.code.id == "MLS004" for item in found):
        err(f"mlspec knows the edition{'' if len(layout.EDITIONS) == 1 else 's'} {', '.join(layout.EDITIONS)}\n")


def _prove(options: argparse.Namespace, one: Migrated, texts: dict[str, str]) -> bool:
    """Whether the new text means what the old one means; what speaks against it is said."""
    new = _compilation(one.path, texts)
    if one.edition is None:
        if not new.ok:
            err(f"{one.path} names no edition, and as one of {_target(options.to)} it has errors: nothing was written\n")
            say(options, new.diagnostics, [one.path])
        return new.ok
    old = _compilation(one.path, {})
    if not old.ok:
        err(f"{one.path} has errors, so that nothing can be proven of it: nothing was written\n")
        say(options, old.diagnostics, [one.path])
        return False
    comparison, same_keys = _compared(old, new)
    others = [change for change in comparison.changes if change.rule != "edition-changed"]
    if new.ok and not others and not comparison.stages and same_keys:
        return True
    complaints = [f"{change.effect} {change.where}: {change.old or 'nothing'} → {change.new or 'nothing'}" for change in others]
    complaints += [f"{item.code.id} {item.message}" for item in new.diagnostics if item.severity == "error"]
    raise exits.CommandError(f"{one.path}: the new text would not mean the same; nothing was written", exits.INTERNAL,
                             found="; ".join(complaints) or "stages with other keys", help=f"a fault of mlspec: report it at {exits.ISSUES}")  # fmt: skip


def _compilation(path: str, texts: dict[str, str]) -> Compilation:
    """A spec as it would be with these texts in place of what the files hold."""
    from mlspec.driver import Compilation
    from mlspec.source import SourceFile
    from mlspec.syntax import read_source

    def read(
        file: str | os.PathLike[str], root: str | os.PathLike[str] | None = None, name: str | None = None
    ) -> SourceFile | Diagnostic:
        found = read_source(file, root, name)  # type: ignore[arg-type]
        full = os.path.normpath(os.path.join(root, file)) if root else os.path.abspath(file)  # noqa: PTH100, PTH118
        return SourceFile(found.name, texts[full]) if isinstance(found, SourceFile) and full in texts else found

    return Compilation(Path(path), read=read)


def _compared(old: Compilation, new: Compilation) -> tuple[Comparison, bool]:
    """The semantic diff of two texts of one file under each of their environments, and whether all stages have equal keys."""
    from mlspec.cli.diff import _version
    from mlspec.diff import compare
    from mlspec.graph.keys import graph_recipes

    if new.rough is None:
        from mlspec.diff import Comparison

        return Comparison(()), False
    envs = frozenset(old.rough.envs if old.rough is not None else ()) | frozenset(new.rough.envs)
    before, after = _version(old, old.prefix, envs), _version(new, old.prefix, envs)
    keys = [None if side.graph is None else graph_recipes(side.graph) for side in (before, after)]
    return compare(before, after), keys[0] == keys[1] and keys[0] is not None


def _finish(options: argparse.Namespace, one: Migrated, target: str) -> None:
    """Write a file, or say what would be written."""
    from mlspec.cli.fix import write_back
    from mlspec.cli.fmt import difference

    if options.diff:
        out(
            difference(
                one.path, one.source.text, one.text, color=wants_color(sys.stdout, options.no_color), new=f"edition {target}"
            )
        )
    if options.check:
        err(
            f"{one.path} is of {f'edition {one.edition}' if one.edition else 'no edition'}: `mlspec migrate {one.path}` writes {target}\n"
        )
    if options.check or options.diff:
        return
    write_back(one.path, one.source.text, one.text)
    if not options.quiet:
        err(f"{one.path}: {one.edition or 'no edition'} → {target}\n")
