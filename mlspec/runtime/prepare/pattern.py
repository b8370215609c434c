"""Patterns of `matches` in a stage: the catalogue's, with the feature that a faulty one belongs to."""

from __future__ import annotations

from mlspec.catalogue import pattern
from mlspec.catalogue.pattern import Pattern
from mlspec.runtime.errors import StageError


def parse(text: str, where: str = "") -> Pattern:
    """The pattern, or MLS209 with the place at which it cannot be read."""
    try:
        return pattern.parse(text)
    except pattern.PatternError as error:
        raise StageError(
            "MLS209", f"the pattern `{text[:60]}` cannot be read", where, expected=error.expected, found=error.found, help=pattern.HELP,
        ) from error  # fmt: skip
