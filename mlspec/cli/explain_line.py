"""From a line of a generated file back to the line of the spec that it comes from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.loading import style
from mlspec.cli.terminal import err, out, shown_path

if TYPE_CHECKING:
    from mlspec.backend import Compiled
    from mlspec.source import Span


def arguments(parser: argparse.ArgumentParser) -> None:
    """FILE:LINE."""
    parser.add_argument("place", metavar="FILE:LINE", help="a generated file and a line of it, as editors and traces write it")


def run(options: argparse.Namespace) -> int:
    """Find the map beside the file, the place in it, and the place's line in the spec of today."""
    path, line = _place(options.place)
    folder, compiled = _map_of(path)
    name = path.resolve().relative_to(folder.resolve()).as_posix()
    _warn(folder, compiled, name)
    origin = compiled.origin_of(name, line)
    if origin is None:
        return _say(options, compiled, line, None, None)
    return _say(options, compiled, line, origin.where, _span(folder, compiled, origin.where))


def _place(text: str) -> tuple[Path, int]:
    name, _, line = text.rpartition(":")
    if not name or not (line.isascii() and line.isdecimal()) or int(line) < 1:
        raise exits.CommandError(
            "the place does not fit", expected="FILE:LINE, for example build/dvc/census/dvc.yaml:12", found=text
        )
    path = Path(name)
    count = len(path.read_bytes().splitlines())
    if int(line) > count:
        raise exits.CommandError(f"`{name}` has no line {line}", expected=f"1 to {count}", found=line)
    return path, int(line)


def _map_of(path: Path) -> tuple[Path, Compiled]:
    """The folder with the map that lists a file, nearest first."""
    from mlspec.backend import CompiledError, read_map

    for folder in path.resolve().parents:
        try:
            found = read_map(folder)
        except CompiledError as error:
            raise exits.CommandError(error.message, exits.FOUND, expected=error.expected, found=error.found,
                                     help=error.help) from error  # fmt: skip
        if found is not None and path.resolve().relative_to(folder).as_posix() in found.files:
            return folder, found
    raise exits.CommandError(f"`{path}` is no file that `mlspec compile` wrote", expected="a file listed in mlspec-map.json beside it",
                             found=str(path), help="compile the spec, then ask about its files")  # fmt: skip


def _warn(folder: Path, compiled: Compiled, name: str) -> None:
    from mlspec.backend.compiled import digest_of_file

    if digest_of_file(folder / name) != compiled.files[name]:
        err(f"warning: `{name}` was edited since it was compiled; the lines may have moved\n")


def _root(folder: Path, compiled: Compiled) -> Path | None:
    """The project root: the nearest folder upward that holds the spec where the map says."""
    return next((parent for parent in (folder, *folder.parents) if (parent / compiled.spec).is_file()), None)


def _span(folder: Path, compiled: Compiled, where: str) -> Span | None:
    """The place in the spec as it is today; a message when the spec is gone or has changed."""
    from mlspec.driver import Compilation

    root = _root(folder, compiled)
    if root is None:
        raise exits.CommandError(f"the spec `{compiled.spec}` is not there any more", exits.FOUND, expected=compiled.spec,
                                 help="restore it, or compile from where it is now")  # fmt: skip
    found = Compilation(shown_path(root / compiled.spec), compiled.env, compiled.params)
    if found.spec is None:
        raise exits.CommandError(f"the spec `{compiled.spec}` has errors now", exits.FOUND, help=f"mlspec check {found.path}")
    if found.graph.spec_digest != compiled.spec_digest:
        err(f"warning: `{compiled.spec}` has changed since it was compiled; this is where the place is today\n")
    return found.spec.span_of(where)


def _say(options: argparse.Namespace, compiled: Compiled, line: int, where: str | None, span: Span | None) -> int:
    at = None if span is None else span.position
    if options.format == "json":
        place = None if span is None or at is None else {"file": span.source.name, "line": at[0], "column": at[1]}
        out(json.dumps({"format": 1, "target": compiled.target, "where": where, "at": place}, indent=2) + "\n")
        return exits.OK
    if where is None or span is None or at is None:
        out(f"line {line} comes from no line of `{compiled.spec}`: the target `{compiled.target}` writes it for every spec\n")
        return exits.OK
    paint = style(options)
    out(f"{paint('bold', f'{span.source.name}:{at[0]}:{at[1]}')}  {where}\n  {span.source.line(at[0]).strip()}\n")
    return exits.OK
