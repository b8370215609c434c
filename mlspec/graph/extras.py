"""Which extra of the distribution brings a package: one table for whoever says what to install."""

from __future__ import annotations

from collections.abc import Iterable

EXTRA_OF = {
    "cmaes": "hpo",
    "hyperopt": "hpo",
    "keras": "tensorflow",
    "kubernetes": "trainer",
    "lightgbm": "boost",
    "mlflow": "track",
    "onnxscript": "torch",
    "optuna": "hpo",
    "pillow": "images",
    "ray": "ray",
    "safetensors": "torch",
    "tensorflow": "tensorflow",
    "timm": "timm",
    "tokenizers": "text",
    "torch": "torch",
    "transformers": "transformers",
    "xgboost": "boost",
}
"""The extra of a package as keys name it. What has no line here comes with `local`; a test holds it to the project's table."""


def extras_of(packages: Iterable[str]) -> list[str]:
    """The extras that bring `packages`, in order, each once; `local` where nothing is asked for."""
    return sorted({EXTRA_OF.get(package, "local") for package in packages}) or ["local"]
