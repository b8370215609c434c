"""The stages of a spec and how they hang together."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.loading import checked
from mlspec.cli.options import FORMATS as COMMON
from mlspec.cli.options import add_spec
from mlspec.cli.terminal import out

if TYPE_CHECKING:
    from mlspec.driver import Compilation

FORMATS = (*COMMON, "html")


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC and `--as`."""
    add_spec(parser)
    parser.add_argument("--as", dest="shape", choices=("mermaid", "dot", "json", "html"), default="mermaid",
                        help="Mermaid (default), Graphviz DOT, the plan as JSON, or a page to look at, with what a run would do")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Print the graph."""
    from mlspec.graph import dump

    shape = options.format if options.format in ("json", "html") else options.shape
    # Findings of a spec with errors are no page: they are told as text.
    options.format = "text" if options.format == "html" else options.format
    found = checked(options)
    if found is None:
        return exits.FOUND
    if shape == "html":
        out(_page(found))
        return exits.OK
    writers = {"mermaid": dump.to_mermaid, "dot": dump.to_dot, "json": dump.to_json}
    out(writers[shape](found.graph))
    return exits.OK


def _page(found: Compilation) -> str:
    """The drawing; without the source files nothing is known of the store, and the page says so."""
    from mlspec.doc.stage_graph import graph_page
    from mlspec.graph import GraphError

    try:
        plan, problem = found.plan, ""
    except GraphError as error:
        plan, problem = None, error.message
    return graph_page(found.graph, plan, problem).render()
