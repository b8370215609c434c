"""Tests of a spec: a run's own evaluators on literal rows, and what came out against what was expected."""

from __future__ import annotations

from mlspec.runtime.rehearse.case import Rehearsal, run_case

__all__ = ["Rehearsal", "run_case"]
