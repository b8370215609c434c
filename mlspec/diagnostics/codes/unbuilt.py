"""Code 901: what this version of mlspec does not build yet."""

from __future__ import annotations

from mlspec.diagnostics.diagnostic import Code

CODES = (
    Code(
        "MLS901",
        "not-built-yet",
        "error",
        "{what} is not built yet",
        "{wanted}",
        help="{hint}\nthe language has it and this version does not run it: leave it out to go on",
    ),
)
