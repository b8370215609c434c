"""What changed between two versions of a spec, and what it means: the effect of every change and what runs again because of it."""

from __future__ import annotations

from mlspec.diff.change import EFFECTS, Change, Comparison, Fault, Version
from mlspec.diff.compare import compare

__all__ = ["EFFECTS", "Change", "Comparison", "Fault", "Version", "compare"]
