"""The DVC target: `dvc.yaml` and `plan.json`, and `dvc repro` for `mlspec run`."""

from mlspec_dvc.target import backend

__all__ = ["backend"]
