"""Write the files of a target as one's own: with the lines of the spec as comments, and without the map that guards them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.compile import add_emission, emission
from mlspec.cli.terminal import err, out, shown_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlspec.backend import Origin
    from mlspec.spec.model import Spec

_COMMENTED = (".yaml", ".yml", ".py", ".toml")
"""Files in which `#` begins a comment that nothing reads."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, `--target`, `-o`, `--option`."""
    add_emission(parser)
    parser.add_argument("-o", dest="output", metavar="DIR", required=True, help="a folder that is empty or not there yet")


def run(options: argparse.Namespace) -> int:
    """Emit, comment, write."""
    from mlspec.backend.compiled import write_text

    folder = Path(options.output)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise exits.CommandError(f"`{folder}` is not empty", expected="a folder that is empty or not there yet", found=str(folder),
                                 help="ejected files are yours: mlspec overwrites none of them")  # fmt: skip
    made = emission(options, options.output)
    if made is None or made.found.spec is None:
        return exits.FOUND
    for name, text in sorted(made.emitted.files.items()):
        origins = made.emitted.origins.get(name, ()) if name.endswith(_COMMENTED) else ()
        write_text(folder / name, commented(text, origins, made.found.spec) if origins else text)
        out(f"{shown_path(folder / name)}\n")
    if not options.quiet:
        err(
            f"these files are yours now: change them as you like; they need `mlspec.runtime` to run, and no longer follow {made.found.path}\n"
        )
    return exits.OK


def commented(text: str, origins: Sequence[Origin], spec: Spec) -> str:
    """The text with a comment above the first line of every origin: where it comes from, and what stands there."""
    above: dict[int, str] = {}
    for origin in sorted(origins, key=lambda item: (item.first, item.last), reverse=True):
        span = spec.span_of(origin.where)
        if span is not None:
            number = span.position[0]
            # The widest origin of a line comes last and stays: inner ones on the same line say the same with less.
            above[origin.first] = f"# {span.source.name}:{number}  {span.source.line(number).strip()}"
    lines = []
    said = ""
    for number, line in enumerate(text.splitlines(), 1):
        note = above.get(number, "")
        if note and note != said:
            lines.append(" " * (len(line) - len(line.lstrip(" "))) + _one_line(note))
            said = note
        lines.append(line)
    return "\n".join(lines) + "\n"


def _one_line(note: str) -> str:
    """A comment that stays one: no character that some reader takes for the end of a line."""
    return "".join(character if character.isprintable() else " " for character in note)
