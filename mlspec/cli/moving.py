"""What `promote` and `rollback` share: whose alias, in whose name, and how the move is told."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.failures import exit_code_of, stage_diagnostics
from mlspec.cli.loading import checked, choose, say, split_name, style
from mlspec.cli.options import add_spec
from mlspec.cli.terminal import clean, out

if TYPE_CHECKING:
    from mlspec.driver import Compilation
    from mlspec.runtime.track.promotion import Move
    from mlspec.spec.model import Block

USUAL = "champion"
"""The alias that is moved where neither the command nor a model of the spec names one."""
_MOST_REASON = 2000


def add_moving(parser: argparse.ArgumentParser) -> None:
    """SPEC[#gates], `--alias`, `--actor`, `--reason`."""
    add_spec(parser, named=True)
    parser.add_argument(
        "--alias",
        metavar="NAME",
        help=f"the alias to move (default: the one that the spec's own registry model reads, else {USUAL})",
    )
    parser.add_argument("--actor", metavar="NAME", help="in whose name it goes on record (default: the user)")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why, for the record")


def moved(options: argparse.Namespace, action: Callable[[Compilation, Block, dict[str, Any]], int]) -> int:
    """Check the spec, choose the gates, and do it; what goes wrong is printed at its place."""
    from mlspec.lower.outcome import registration_of
    from mlspec.runtime.errors import StageError

    path, name = split_name(options.spec)
    found = checked(options, path)
    if found is None or found.spec is None:
        return exits.FOUND
    block = choose(found, "gates", name)
    config = registration_of(found.spec, block)
    if config is None:
        raise exits.CommandError(f"`{block.name}` registers nothing", expected="a `candidate`, and a registry in the `spec` block",
                                 found="`registry = none`", help="leave `registry` out: released packages are registered in the tracking store")  # fmt: skip
    _check_reason(options)
    try:
        return action(found, block, config)
    except StageError as error:
        say(options, stage_diagnostics(found.spec, [error.to_json()]), [str(found.path)])
        return exit_code_of([error.code])


def _check_reason(options: argparse.Namespace) -> None:
    """A reason is one line of text that the log keeps for ever."""
    from mlspec.spec.checks.secrets import looks_secret

    options.reason = " ".join(options.reason.split())
    if len(options.reason) > _MOST_REASON or not options.reason.isprintable() or looks_secret(options.reason):
        raise exits.CommandError("the reason is no text to keep", expected=f"plain text of at most {_MOST_REASON:,} characters, without a secret",
                                 found=f"{len(options.reason):,} characters")  # fmt: skip


def alias_of(options: argparse.Namespace, found: Compilation, config: dict[str, Any]) -> str:
    """The alias that is meant: the named one, else what the spec's own registry model reads, else the usual one."""
    from mlspec.spec.values import Made

    if options.alias is not None:
        return str(options.alias)
    assert found.spec is not None
    made = [block.make("value") for block in found.spec.of_kind("model")]
    read = [
        str(each.get("alias"))
        for each in made
        if isinstance(each, Made) and each.name == "registry" and each.get("name") == config["name"]
    ]
    return read[0] if read else USUAL


def body_of(options: argparse.Namespace, found: Compilation, config: dict[str, Any]) -> dict[str, Any]:
    """What goes on record beside the move."""
    import getpass

    try:
        actor = options.actor or getpass.getuser()
    except (KeyError, OSError):  # no name for this user id
        actor = "unknown"
    return {"actor": actor, "reason": options.reason, "spec": config["spec"], "spec_digest": found.spec_digest,
            "gates": config["judged_by"], "model": config["model"]}  # fmt: skip


def tell(options: argparse.Namespace, move: Move, why: str) -> int:
    """Print the move."""
    if options.format == "json":
        out(json.dumps(move.to_json(), indent=2) + "\n")
        return exits.OK
    paint = style(options)
    name = f"{clean(move.name)}@{clean(move.alias)}"
    if not move.record:
        out(f"{name} stands for version {move.after} already: package {move.package[:12]}\n")
        return exits.OK
    before = "nothing" if move.before is None else f"version {move.before}"
    out(f"{paint('green', name)} stands for version {move.after}, {before} before: package {move.package[:12]}, {clean(why)}\n")
    if not options.quiet:
        out(f"record {move.record} of `mlspec audit`\n")
    return exits.OK
