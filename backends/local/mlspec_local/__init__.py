"""The local target: runs a plan on this machine's cores."""

from mlspec_local.events import Event, Outcome, StageState
from mlspec_local.run import run_plan
from mlspec_local.target import backend

__all__ = ["Event", "Outcome", "StageState", "backend", "run_plan"]
