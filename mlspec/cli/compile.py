"""Write the files of a target."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mlspec.cli import exits
from mlspec.cli.loading import checked, say
from mlspec.cli.options import add_spec
from mlspec.cli.terminal import out


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, `--target`, `-o`, `--check`, `--option`."""
    add_spec(parser)
    parser.add_argument("--target", required=True, help="what to write for; `mlspec targets` lists them")
    parser.add_argument("-o", dest="output", metavar="DIR", help="where to (default: build/TARGET/SPEC)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the files there differ")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the target")


def run(options: argparse.Namespace) -> int:
    """Emit, report, write."""
    from mlspec.backend import check_capabilities
    from mlspec.cli.backends import find_backend, read_options
    from mlspec.cli.failures import backend_diagnostics

    backend = find_backend(options.target)
    given = read_options(backend, options.option)
    found = checked(options, warn=True)
    if found is None or found.spec is None:
        return exits.FOUND
    emitted = backend.emit(found.graph, given)
    diagnostics = backend_diagnostics(found.spec, [*check_capabilities(backend, found.graph), *emitted.findings])
    say(options, diagnostics, [str(found.path)])
    if any(item.severity == "error" for item in diagnostics):
        return exits.FOUND
    folder = Path(options.output) if options.output else found.project.root / "build" / backend.name / found.graph.spec
    return _check(options, folder, dict(emitted.files)) if options.check else _write(options, folder, dict(emitted.files))


def _check(options: argparse.Namespace, folder: Path, files: dict[str, str]) -> int:
    """Whether the folder holds exactly these files: a hand edit is found."""
    different = [name for name, text in files.items() if not (folder / name).is_file() or (folder / name).read_text() != text]
    for name in different:
        out(f"{folder / name} differs\n")
    return exits.FOUND if different else exits.OK


def _write(options: argparse.Namespace, folder: Path, files: dict[str, str]) -> int:
    for name, text in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(text)
        temporary.replace(path)
        if not options.quiet:
            out(f"{path}\n")
    return exits.OK
