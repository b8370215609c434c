"""The targets that are installed, and what each can do."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.loading import style
from mlspec.cli.terminal import out

if TYPE_CHECKING:
    from mlspec.backend import Backend


def arguments(parser: argparse.ArgumentParser) -> None:
    """TARGET, to say more about one."""
    parser.add_argument("target", nargs="?", help="say more about this one: its options, versions, and how it meets each need")


def run(options: argparse.Namespace) -> int:
    """Print the table of needs and targets, or describe one target."""
    return _describe(options) if options.target else _table(options)


def _table(options: argparse.Namespace) -> int:
    from mlspec.cli.backends import all_backends
    from mlspec.registry import entries

    found = all_backends()
    if options.format == "json":
        rows = [{"name": entry.name, "entry": entry.target, "distribution": entry.distribution, **_facts(found[entry.name])}
                for entry in entries()]  # fmt: skip
        out(json.dumps({"format": 1, "targets": rows}, indent=2) + "\n")
        return exits.OK
    loaded = {name: backend for name, backend in found.items() if not isinstance(backend, str)}
    for name, backend in found.items():
        out(f"{name.ljust(10)} {backend if isinstance(backend, str) else backend.summary}\n")
    out("\n" + capability_table(list(loaded.values()), style(options)))
    return exits.OK


def capability_table(backends: list[Backend], paint: Any) -> str:
    """One row a need, one column a target."""
    from mlspec.backend import NEEDS, capability

    colour = {"native": "green", "emulated": "yellow", "none": "dim"}
    wide = max(map(len, NEEDS)) + 2
    columns = [max(len(backend.name), len("emulated")) + 2 for backend in backends]
    head = "".ljust(wide) + "".join(backend.name.ljust(width) for backend, width in zip(backends, columns, strict=True))
    lines = [paint("bold", head.rstrip())]
    for need, words in NEEDS.items():
        cells = [capability(backend, need).support for backend in backends]
        row = "".join(paint(colour[cell], cell.ljust(width)) for cell, width in zip(cells, columns, strict=True))
        lines.append(f"{need.ljust(wide)}{row}{words}")
    return "\n".join(lines) + "\n"


def _facts(backend: Backend | str) -> dict[str, Any]:
    """What is known of a backend, or why it could not be loaded."""
    from mlspec.backend import NEEDS, capability

    if isinstance(backend, str):
        return {"error": backend}
    met = {need: capability(backend, need) for need in NEEDS}
    return {
        "summary": backend.summary, "runs": backend.run is not None, "versions": list(backend.versions),
        "capabilities": {need: {"support": has.support, "how": has.how, "since": has.since} for need, has in met.items()},
        "options": [{"name": item.name, "type": item.type.__name__, "default": item.default, "doc": item.doc}
                    for item in backend.options],
    }  # fmt: skip


def _describe(options: argparse.Namespace) -> int:
    from mlspec.cli.backends import find_backend

    backend = find_backend(options.target)
    facts = _facts(backend)
    if options.format == "json":
        out(json.dumps({"format": 1, "name": backend.name, **facts}, indent=2) + "\n")
        return exits.OK
    out(f"{backend.name}: {backend.summary}\n")
    if backend.versions:
        out(f"  written for {', '.join(backend.versions)}\n")
    for need, has in facts["capabilities"].items():
        since = f" (since {has['since']})" if has["since"] else ""
        out(f"  {need.ljust(12)} {has['support'].ljust(10)}{has['how']}{since}".rstrip() + "\n")
    for item in backend.options:
        out(f"  --option {item.name}={item.default}  {item.doc}\n")
    return exits.OK
