"""The local target: runs a plan on this machine's cores."""

from mlspec_local.events import Event, RunOptions, RunResult, StageState
from mlspec_local.run import run_plan, stage_states

__all__ = ["Event", "RunOptions", "RunResult", "StageState", "run_plan", "stage_states"]
