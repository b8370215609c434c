"""From the flags of a command to a compilation, with its findings printed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.terminal import err, out, paint, plain, wants_color

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlspec.diagnostics import Diagnostic
    from mlspec.driver import Compilation
    from mlspec.graph import Stage
    from mlspec.spec.model import Block


def params_of(options: argparse.Namespace) -> dict[str, str]:
    """The `-p name=value` flags."""
    found = {}
    for text in options.params:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise exits.CommandError("`-p` does not fit", expected="-p NAME=VALUE", found=text)
        found[name] = value
    return found


def compilation(options: argparse.Namespace, path: str | None = None, **others: Any) -> Compilation:
    """The compilation of the command's spec; nothing is read yet. `others` goes to it as it is."""
    from mlspec.driver import Compilation

    found = Compilation(Path(path or options.spec), options.env, params_of(options), **others)
    found.lookup = lambda stage: _behind_alias(found, stage)
    return found


def _behind_alias(found: Compilation, stage: Stage) -> dict[str, str]:
    """What a registry says of a stage that reads it; the runtime is imported only for a spec with such a stage."""
    from mlspec.runtime.track.lookup import leaf_of

    return leaf_of(found.project.root)(stage)


def checked(options: argparse.Namespace, path: str | None = None, *, warn: bool = False) -> Compilation | None:
    """The compilation of a spec without errors; None after its errors were printed. Warnings are printed where `warn` asks."""
    found = compilation(options, path)
    if warn or options.verbose or not found.ok:
        say(options, found.diagnostics, [str(found.path)], only_errors=True)
    return found if found.ok and found.spec is not None else None


def code_may_run(options: argparse.Namespace, found: Compilation) -> bool:
    """Whether the code of the externs of a spec is locked and allowed; False after what is wrong was printed."""
    refused = found.code_refused
    say(options, refused, [str(found.path)])
    return not refused


def say(options: argparse.Namespace, found: Sequence[Diagnostic], files: Sequence[str], *, only_errors: bool = False) -> None:
    """Print findings as a command that does more than check: text to standard error, a machine's format to standard output."""
    from mlspec.diagnostics.render import render

    if not found:
        return
    failed = any(item.severity == "error" for item in found)
    if options.format == "text":
        if not (options.quiet and not failed):
            err(render(found, "text", color=wants_color(sys.stderr, options.no_color)))
    elif failed or not only_errors:
        out(render(found, options.format, files=files))


def style(options: argparse.Namespace) -> Callable[[str, str], str]:
    """How text for standard output is coloured."""
    return paint if wants_color(sys.stdout, options.no_color) else plain


def split_name(text: str) -> tuple[str, str | None]:
    """`SPEC#name` as (path, name)."""
    path, sign, name = text.partition("#")
    return path, name if sign else None


def choose(found: Compilation, kind: str, name: str | None) -> Block:
    """The block of a kind that a command is about: the named one, or the only one."""
    assert found.spec is not None
    blocks = {block.name: block for block in found.spec.of_kind(kind)}
    known = ", ".join(f"{found.path}#{other}" for other in blocks)
    if not blocks:
        raise exits.CommandError(f"the spec has no `{kind}` block", expected=f"`{kind} NAME {{ … }}`",
                                 help="declare one in the spec")  # fmt: skip
    if name is not None and name not in blocks:
        raise exits.CommandError(f"the spec has no `{kind} {name}`", expected=known, found=name)
    if name is None and len(blocks) > 1:
        raise exits.CommandError(f"the spec has several `{kind}` blocks", expected=f"one of {known}", found=str(found.path))
    return blocks[name] if name is not None else next(iter(blocks.values()))
