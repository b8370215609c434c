"""Let an alias of the registry stand for the released package: what reads the alias gets it from now on.

Only what passed its gates, or was released by an override, is promoted. The registry moves the alias in one step, and the audit log has a record of it.
"""

from __future__ import annotations

import argparse
from typing import Any

from mlspec.cli.moving import add_moving, alias_of, body_of, moved, tell
from mlspec.cli.releases import add_from, release_of

FORMATS = ("text", "json")


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC[#gates], `--alias`, `--actor`, `--reason`, `--from`."""
    add_moving(parser)
    add_from(parser)


def run(options: argparse.Namespace) -> int:
    """Find the release, register it where it is not, move the alias."""
    return moved(options, lambda found, block, config: _promote(options, found, block, config))


def _promote(options: argparse.Namespace, found: Any, block: Any, config: dict[str, Any]) -> int:
    from mlspec.runtime.track.promotion import promote
    from mlspec.runtime.track.registration import Released

    options.unreleased = False
    wanted = {"name": block.name, "gates": block.name, "model": config["model"]}
    release = release_of(options, found, wanted)
    body = body_of(options, found, config) | {
        "run": release.run,
        "override": None if release.override is None else release.override["n"],
    }
    released = Released(release.package, release.digest, config, found.project.root, found.spec_digest)
    return tell(options, promote(released, alias_of(options, found, config), body), f"run {release.run}")
