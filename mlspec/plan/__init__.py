"""The plan of a run: for every stage whether it is reused or run, and why. Explaining and applying read the same steps."""

from __future__ import annotations

from mlspec.plan.last_run import LastRun, last_run
from mlspec.plan.steps import Plan, Reason, Step, make_plan

__all__ = ["LastRun", "Plan", "Reason", "Step", "last_run", "make_plan"]
