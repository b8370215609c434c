"""Exit codes, and the failure that ends a command with one."""

from __future__ import annotations

OK = 0
FOUND = 1
USAGE = 2
NOT_COMPARED = 3
INTERNAL = 70
INPUT_OUTPUT = 74
LOCKED = 75
INTERRUPTED = 130

ISSUES = "https://github.com/mlspec/mlspec/issues"


class CommandError(Exception):
    """A command cannot go on; printed as one message with a way out, then `code` is the exit code."""

    def __init__(self, message: str, code: int = USAGE, *, expected: str = "", found: str = "", help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.expected = expected
        self.found = found
        self.help = help
