"""Begin a project: `mlspec.toml`, what git should ignore, and with `--data` a first spec over the file."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from mlspec.cli import exits
from mlspec.cli.terminal import out

_TOML = """\
# The folder of this file is the project root: paths in specs stay inside it.

# What specs are held to, and who may sign exceptions:
# [policy]
# tighten_only = true
# approvers = ["team-risk"]
"""
_IGNORED = ".mlspec/\nbuild/?*\n!build/dvc/\n"
"""What DVC runs has to be in git. `build/?*`, since DVC takes `build/*` for the folder itself too."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """DIR, `--data`, `--label`."""
    parser.add_argument("directory", metavar="DIR", nargs="?", default=".", help="where the project is made (default: here)")
    parser.add_argument("--data", metavar="FILE", help="csv, tsv, parquet or jsonl: infer a first spec from it")
    parser.add_argument("--label", metavar="COLUMN", help="the column to predict (default: a guess)")


def run(options: argparse.Namespace) -> int:
    """Write what is missing; nothing that is there is overwritten."""
    root = Path(options.directory)
    spec, text = None, ""
    if options.data:
        from mlspec.cli.inference.draft import identifier

        spec = root / f"{identifier(Path(options.data).name.split('.')[0])}.mlspec"
        if spec.exists():
            raise exits.CommandError(f"`{spec}` is there already", exits.FOUND, help="remove it, or print with `mlspec infer`")
        text = _spec_text(options, root)
    root.mkdir(parents=True, exist_ok=True)
    _write_new(root / "mlspec.toml", _TOML)
    _write_new(root / ".gitignore", _IGNORED)
    if spec is None:
        out("next: mlspec init --data FILE.csv\n")
        return exits.OK
    _write_new(spec, text)
    out(f"next: read {spec}, then `mlspec check {spec}` and `mlspec run {spec}`\n")
    return exits.OK


def _spec_text(options: argparse.Namespace, root: Path) -> str:
    """The inferred spec; a file that lies outside the project is copied into its `data/`."""
    from mlspec.cli.infer import inferred

    data = Path(options.data)
    inside = _inside(data, root)
    text = inferred(data, f"data/{data.name}" if inside is None else inside, options.label)
    if inside is None:
        target = root / "data" / data.name
        if target.exists():
            raise exits.CommandError(f"`{target}` is there already", exits.FOUND, help="name that file, or remove it")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data, target)
        out(f"{target}\n")
    return text


def _inside(data: Path, root: Path) -> str | None:
    """The path of the data from the root, None when it lies outside."""
    relative = Path(os.path.relpath(os.path.realpath(data), os.path.realpath(root)))
    return None if relative.parts[0] == ".." else relative.as_posix()


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return  # what is there is the user's
    out(f"{path}\n")
