"""What a project holds its specs to: the levels of codes and effects, who signs, and what was waived for a time."""

from __future__ import annotations

from mlspec.policy.settings import Policy, load_policy, read_policy

__all__ = ["Policy", "load_policy", "read_policy"]
