"""Let an alias of the registry stand again for the version that it stood for before.

Each step back undoes one move. The registry moves the alias in one step, and the audit log has a record of it.
"""

from __future__ import annotations

import argparse
from typing import Any

from mlspec.cli.moving import add_moving, alias_of, body_of, moved, tell

FORMATS = ("text", "json")


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC[#gates], `--alias`, `--actor`, `--reason`, `--to`."""
    add_moving(parser)
    parser.add_argument("--to", metavar="VERSION", help="the version to go back to (default: the one before)")


def run(options: argparse.Namespace) -> int:
    """Move the alias back."""
    return moved(options, lambda found, block, config: _rollback(options, found, config))


def _rollback(options: argparse.Namespace, found: Any, config: dict[str, Any]) -> int:
    from mlspec.runtime.track.promotion import rollback

    move = rollback(found.project.root, config, alias_of(options, found, config), options.to, body_of(options, found, config))
    return tell(options, move, "it stood for it before")
