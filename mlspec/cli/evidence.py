"""Make an evidence pack of a run, or check one: each claim links to the digest of what shows it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.loading import checked, style
from mlspec.cli.options import add_overrides
from mlspec.cli.terminal import clean, err, out, shown_path

if TYPE_CHECKING:
    from mlspec.driver import Compilation


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC or `--verify`, `-o`, `--run`."""
    parser.add_argument("spec", metavar="SPEC", nargs="?", help="the spec")
    add_overrides(parser)
    parser.add_argument(
        "-o", "--output", metavar="DIR", help="the folder of the pack, new or empty (default: build/evidence/SPEC)"
    )
    parser.add_argument("--run", metavar="RUN", dest="number", help="the number of the run (default: the newest of this spec)")
    parser.add_argument("--verify", metavar="DIR", help="check a pack instead of making one; exit 1 when anything is wrong")


def run(options: argparse.Namespace) -> int:
    """Make or check a pack."""
    from mlspec.runtime.errors import StageError

    if (options.verify is None) == (options.spec is None):
        raise exits.CommandError("say a spec, or `--verify` and the folder of a pack", expected="mlspec evidence SPEC",
                                 found="both" if options.spec else "neither")  # fmt: skip
    try:
        if options.verify is not None:
            return _verify(options, Path(options.verify))
        found = checked(options, options.spec)
        return exits.FOUND if found is None or found.spec is None else _make(options, found)
    except StageError as error:
        raise exits.CommandError(
            error.message, exits.INPUT_OUTPUT, expected=error.expected, found=error.found, help=error.help
        ) from error


def _make(options: argparse.Namespace, found: Compilation) -> int:
    from mlspec.runtime.evidence.pack import write_pack

    root = found.project.root
    folder, summary = _run_of(options, found)
    target = Path(options.output) if options.output else root / "build" / "evidence" / found.path.stem
    index = write_pack(root, folder, summary, found.path.read_text(encoding="utf-8"), target)
    if options.format == "json":
        out(json.dumps({"format": 1, "path": str(target), "digest": index["digest"], "claims": index["claims"],
                        "checklist": index["checklist"]}, indent=2, ensure_ascii=False) + "\n")  # fmt: skip
    else:
        _told(
            options,
            index,
            f"{shown_path(target)}: {len(index['claims'])} claims of run {index['run']}, digest {index['digest']}",
        )
    return exits.OK


def _run_of(options: argparse.Namespace, found: Compilation) -> tuple[Path, dict[str, Any]]:
    """The run that was asked for, or the newest whole one of this spec."""
    from mlspec.runtime.runs import summaries

    for folder, summary in summaries(found.project.root):
        fits = summary.get("spec_digest") == found.spec_digest
        if options.number is not None and folder.name.lstrip("0") == options.number.lstrip("0"):
            if not fits:
                raise exits.CommandError(f"run {options.number} is of another spec, or of another text of it",
                                         expected=f"a run of spec digest {found.spec_digest[:12]}", found=str(summary.get("spec_digest"))[:12],
                                         help="`mlspec run` runs the spec as it is")  # fmt: skip
            return folder, summary
        if options.number is None and fits and not summary.get("only"):
            return folder, summary
    asked = f"no run {options.number}" if options.number is not None else f"no whole run of `{found.path.name}` as it is"
    raise exits.CommandError(f"there is {asked}", expected="a run that came to its end", found="none",
                             help=f"`mlspec run {shown_path(found.path)}` makes one")  # fmt: skip


def _verify(options: argparse.Namespace, folder: Path) -> int:
    from mlspec.runtime.evidence.verify import verify_pack

    index, problems = verify_pack(folder)
    if options.format == "json":
        out(
            json.dumps({"format": 1, "sound": not problems, "problems": problems, "digest": index.get("digest")}, indent=2)
            + "\n"
        )
        return exits.FOUND if problems else exits.OK
    paint = style(options)
    for problem in problems:
        err(f"{paint('red', 'broken')}: {clean(problem)}\n")
    if not problems:
        _told(options, index, f"sound: {len(index['files'])} files and {len(index['claims'])} claims, digest {index['digest']}")
    return exits.FOUND if problems else exits.OK


def _told(options: argparse.Namespace, index: Mapping[str, Any], last: str) -> None:
    paint = style(options)
    colours = {"shown": "green", "open": "yellow", "not met": "red"}
    for row in index["checklist"]:
        claims = f"{len(row['claims'])} claims" if row["claims"] else row["way_out"]
        out(f"{paint(colours[row['state']], row['state'].ljust(8))} {row['asked']} ({row['rule']}): {clean(claims)}\n")
    out(clean(last) + "\n")
