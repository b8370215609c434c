"""Answer an editor: the language server, on standard input and output."""

from __future__ import annotations

import argparse

from mlspec.cli import exits
from mlspec.cli.loading import say


def arguments(parser: argparse.ArgumentParser) -> None:
    """`--stdio`, which clients pass."""
    parser.add_argument("--stdio", action="store_true", help="standard input and output, as always: some editors say so")


def run(options: argparse.Namespace) -> int:
    """Serve until the editor ends the session; one that breaks off is a failure, as the protocol has it."""
    try:
        from mlspec.lsp.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mlspec"):
            raise
        from mlspec.diagnostics import Diagnostic, code

        say(options, [Diagnostic(code("MLS812"), None, {"what": "`mlspec lsp`", "extra": "lsp"})], [])
        return exits.FOUND
    return exits.OK if serve() else exits.FOUND
