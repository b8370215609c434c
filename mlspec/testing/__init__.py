"""Tests of specs: which parts they touch, and which changes of a spec they notice. What runs them is given from above."""

from __future__ import annotations

from mlspec.testing.suite import FileTests, Options, run_file

__all__ = ["FileTests", "Options", "run_file"]
