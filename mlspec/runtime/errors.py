"""What a stage raises when the data, the machine or the request is at fault, and not mlspec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FINAL = ("MLS704", "MLS815", "MLS808", "MLS812", "internal")
"""Failures that another attempt cannot mend: no such machine, a failed gate, a corrupt artifact, a missing library, a bug."""


class StageError(Exception):
    """A failure the user can act on.

    `code` is a row of the one table of codes ("MLS211"), `where` a dotted path in the spec ("census.age") from which the
    compiler side finds the line, `examples` a few masked rows or values that show it.
    """

    def __init__(
        self,
        code: str,
        message: str,
        where: str = "",
        *,
        expected: str = "",
        found: str = "",
        help: str = "",
        examples: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.expected = expected
        self.found = found
        self.help = help
        self.examples = tuple(examples)

    def to_json(self) -> dict[str, object]:
        """The error as JSON, as it crosses from the stage's process to the one that reports it."""
        return {
            "code": self.code,
            "message": self.message,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
            "help": self.help,
            "examples": list(self.examples),
        }


class SeveralErrors(StageError):
    """Several failures found at once: the first one's code and place, and the others in its JSON under `also`."""

    def __init__(self, errors: Sequence[StageError]) -> None:
        first, *rest = errors
        lines = [f"also {error.code} {error.where}: {error.message}" for error in rest]
        super().__init__(
            first.code, first.message, first.where, expected=first.expected, found=first.found, help=first.help,
            examples=[*first.examples, *lines],
        )  # fmt: skip
        self.errors = tuple(errors)

    def to_json(self) -> dict[str, object]:
        """The error as JSON, with every further one under `also`."""
        return {**super().to_json(), "also": [error.to_json() for error in self.errors[1:]]}


def error_from_json(value: Mapping[str, Any]) -> StageError:
    """The error that another process told with `to_json`."""
    if value.get("also"):
        first = {**value, "also": (), "examples": value["examples"][: len(value["examples"]) - len(value["also"])]}
        return SeveralErrors([error_from_json(first), *map(error_from_json, value["also"])])
    return StageError(value["code"], value["message"], value["where"], expected=value["expected"], found=value["found"],
                      help=value["help"], examples=value["examples"])  # fmt: skip
