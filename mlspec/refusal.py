"""What cannot be done because of what was asked for: an error in the parts of which every message is made."""

from __future__ import annotations


class Refusal(Exception):
    """`message` says what cannot be done, `expected` and `found` why, `help` the way out; empty where there is nothing to say."""

    def __init__(self, message: str, *, expected: str = "", found: str = "", help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.found = found
        self.help = help
