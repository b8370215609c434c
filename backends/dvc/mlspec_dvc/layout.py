"""Where things lie beside `dvc.yaml`. Every path is made of ids of the plan, so none holds text of the spec."""

from __future__ import annotations

PLAN = "plan.json"
PIPELINE = "dvc.yaml"
KINDS_FILE = "kinds.json"
"""The version of every stage kind: an mlspec whose stages give other results runs them again."""

LIBRARIES_FILE = "libraries.json"
"""The versions of the libraries that results depend on, as installed where this was compiled; each stage tracks those that it uses."""

STORE = ".mlspec/dvc/store"
"""From the project root: packages by the key of their stage, so that a model whose own features did not change is not fitted again."""

ARTIFACTS, FIGURES, RESUME, DONE = "artifacts", "figures", "resume", "done"
OWN = (ARTIFACTS, FIGURES, RESUME, DONE)


def artifact(stage: str, output: str) -> str:
    """The folder of a stage's output."""
    return f"{ARTIFACTS}/{stage}/{output}"


def metrics(stage: str) -> str:
    """The flat numbers of a stage."""
    return f"{FIGURES}/{stage}/metrics.json"


def curves(stage: str) -> str:
    """The folder of a stage's curves."""
    return f"{FIGURES}/{stage}/curves"


def resume(stage: str) -> str:
    """Where a killed attempt of a stage is gone on from."""
    return f"{RESUME}/{stage}"


def marker(stage: str) -> str:
    """The file that says that a stage is done, and nothing else."""
    return f"{DONE}/{stage}"
