"""From the syntax tree to the checked spec: names resolved, types, levels and taint known, every default filled in."""

from __future__ import annotations

from mlspec.spec.check import check_spec
from mlspec.spec.model import Block, Spec

__all__ = ["Block", "Spec", "check_spec"]
