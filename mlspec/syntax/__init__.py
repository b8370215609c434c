"""Text to a syntax tree with a span on every node, and back."""

from __future__ import annotations

from mlspec.syntax.parse import parse
from mlspec.syntax.read import read_source

__all__ = ["parse", "read_source"]
