"""Every trial of a study as a run of its own, nested below the run that it belongs to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.figures import is_number
from mlspec.runtime.track.findings import PARAM_LENGTH, named

PARENT = "mlflow.parentRunId"
TRIAL = "mlspec.trial"
STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
"""How MLflow calls the end of a trial: a pruned one was ended on purpose, before its last fold."""


def studies(inputs: Mapping[str, Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(block, study) of every search of the run."""
    for block, folder in named(inputs, "study").items():
        for path in sorted(folder.glob("*.json")):
            study = files.read_json(path)
            if isinstance(study, dict) and "trials" in study:
                yield block, study


def log_trials(client: Any, experiment: str, parent: str, inputs: Mapping[str, Path], tell: Any) -> None:
    """Three requests a trial, whatever it tried: one makes the run, one holds all params and metrics, one ends it."""
    found = [(block, study, trial) for block, study in studies(inputs) for trial in study["trials"]]
    for done, (block, study, trial) in enumerate(found, 1):
        _log_trial(client, experiment, parent, block, study, trial)
        tell(done, len(found), f"trials of {block}")


def _log_trial(
    client: Any, experiment: str, parent: str, block: str, study: Mapping[str, Any], trial: Mapping[str, Any]
) -> None:  # fmt: skip
    from mlflow.entities import Metric, Param

    best = (study.get("best") or {}).get("number") == trial["number"]
    tags = {PARENT: parent, TRIAL: str(trial["number"]), "mlspec.search": block, "mlspec.best": str(best).lower()}
    if trial.get("reason"):
        tags["mlspec.reason"] = str(trial["reason"])[:PARAM_LENGTH]
    run = client.create_run(experiment, tags=tags, run_name=f"{block} {trial['number']}").info.run_id
    params = {"family": trial["family"], **trial["params"]}
    client.log_batch(
        run, metrics=[Metric(name, value, 0, step) for name, value, step in numbers_of(trial)],
        params=[Param(name, str(value)[:PARAM_LENGTH]) for name, value in params.items()],
    )  # fmt: skip
    client.set_terminated(run, STATUS.get(str(trial["state"]), "FINISHED"))


def numbers_of(trial: Mapping[str, Any]) -> Iterator[tuple[str, float, int]]:
    """(metric, value, step) of a trial: its objective, the objective of each fold, and what else was measured, by fold."""
    if is_number(trial.get("value")):
        yield "objective", float(trial["value"]), 0
    for name, values in {"objective.fold": trial.get("folds") or (), **(trial.get("measured") or {})}.items():
        for step, value in enumerate(values):
            if is_number(value):
                yield name, float(value), step
    for name, value in (trial.get("violations") or {}).items():
        if is_number(value) and math.isfinite(value):
            yield f"violation.{name}", float(value), 0
