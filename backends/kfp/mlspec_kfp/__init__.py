"""The Kubeflow Pipelines v2 target: IR YAML, the image that its tasks run in, submission, and a run under kfp's own local runner."""

from mlspec_kfp.target import backend

__all__ = ["backend"]
