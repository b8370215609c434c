"""Checked spec → graph: the only package that sees both. One module per lifecycle stage."""

from __future__ import annotations

from mlspec.lower.build import LowerError, lower

__all__ = ["LowerError", "lower"]
