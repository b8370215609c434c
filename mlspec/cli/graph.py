"""The stages of a spec and how they hang together."""

from __future__ import annotations

import argparse

from mlspec.cli import exits
from mlspec.cli.loading import checked
from mlspec.cli.options import add_spec
from mlspec.cli.terminal import out


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC and `--as`."""
    add_spec(parser)
    parser.add_argument("--as", dest="shape", choices=("mermaid", "dot", "json"), default="mermaid",
                        help="Mermaid (default), Graphviz DOT, or the plan as JSON")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Print the graph."""
    from mlspec.graph import dump

    found = checked(options)
    if found is None:
        return exits.FOUND
    shape = "json" if options.format == "json" else options.shape
    writers = {"mermaid": dump.to_mermaid, "dot": dump.to_dot, "json": dump.to_json}
    out(writers[shape](found.graph))
    return exits.OK
