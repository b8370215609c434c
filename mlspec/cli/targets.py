"""The targets that are installed."""

from __future__ import annotations

import argparse
import json

from mlspec.cli import exits
from mlspec.cli.terminal import out


def arguments(parser: argparse.ArgumentParser) -> None:
    """TARGET, to say more about one."""
    parser.add_argument("target", nargs="?", help="say more about this one: its options and what it can do")


def run(options: argparse.Namespace) -> int:
    """List them, without importing any; or describe one."""
    from mlspec.registry import entries

    if options.target:
        return _describe(options)
    found = entries()
    if options.format == "json":
        rows = [{"name": entry.name, "entry": entry.target, "distribution": entry.distribution} for entry in found]
        out(json.dumps({"format": 1, "targets": rows}, indent=2) + "\n")
    else:
        for entry in found:
            out(f"{entry.name.ljust(12)} {entry.distribution} ({entry.target})\n")
    return exits.OK


def _describe(options: argparse.Namespace) -> int:
    from mlspec.backend import NEEDS
    from mlspec.cli.backends import find_backend

    backend = find_backend(options.target)
    support = {need: backend.capabilities.get(need, "none") for need in NEEDS}
    if options.format == "json":
        given = [
            {"name": item.name, "type": item.type.__name__, "default": item.default, "doc": item.doc}
            for item in backend.options
        ]
        body = {"format": 1, "name": backend.name, "summary": backend.summary, "capabilities": support, "options": given,
                "runs": backend.run is not None}  # fmt: skip
        out(json.dumps(body, indent=2) + "\n")
        return exits.OK
    out(f"{backend.name}: {backend.summary}\n")
    for need, how in support.items():
        out(f"  {need.ljust(12)} {how}\n")
    for item in backend.options:
        out(f"  --option {item.name}={item.default}  {item.doc}\n")
    return exits.OK
