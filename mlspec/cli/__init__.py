"""The command line: the only place with argv, standard output and exit codes.

`mlspec check FILE` of files that did not change is answered before the compiler is imported.
"""

from __future__ import annotations

import gc
import sys


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["check"]:
        from mlspec.cli.check_cache import replay

        code = replay(arguments[1:])
        if code is not None:
            return code
    if arguments[:1] in (["check"], ["diff"]):
        # Trees and tables live to the end of a check: to look for garbage among them is a fifth of its time.
        gc.set_threshold(100_000)
    from mlspec.cli.dispatch import dispatch

    code = dispatch(arguments)
    if argv is None and "duckdb" not in sys.modules:
        # The process ends, and what it holds goes with it: to look for garbage once more is a fifth of a check.
        # DuckDB's binding wants that look: without it, it prints a list of what it calls leaks.
        gc.freeze()
    return code
