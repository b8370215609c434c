"""The `track` stage: params, metrics, trials, lineage and documents of a run in MLflow, once for the same findings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import canonical_text, digest_of
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.folder import content_of
from mlspec.runtime.track.findings import documents_of, epochs_of, metrics_of, params_of, trials_of
from mlspec.runtime.track.lineage import data_of, lineage_tags
from mlspec.runtime.track.mlflow_store import artifact_location, experiment_id, mlflow_at, store_uri
from mlspec.runtime.track.trials import PARENT, log_trials

TAG = "mlspec.findings"
BATCH = 90


def run(context: StageContext) -> None:
    """Log everything, or find that it is logged already, and write tracking.json.

    The file names no run id: MLflow draws it, and a digest must not depend on it. The tag finds the run.
    """
    config, inputs = context.config, context.inputs()
    findings = digest_of({name: content_of(folder) for name, folder in inputs.items()})
    experiment = config.get("experiment") or config["spec"]
    with mlflow_at(context.project_root, config.get("uri"), "spec.tracking") as (_, client):
        uri = store_uri(context.project_root, config.get("uri"))
        identity = experiment_id(client, experiment, artifact_location(context.project_root, uri))
        if not already(client, identity, findings):
            end_cut_off(client, identity, findings)
            log_run(context, client, identity, findings)
    record = {"experiment": experiment, "uri": config.get("uri"), "tag": TAG, "findings": findings}
    files.write_json(context.output("tracking") / "tracking.json", record)


def already(client: Any, experiment: str, findings: str) -> bool:
    """Whether a finished run holds exactly these findings."""
    query = f"tags.`{TAG}` = '{findings}' and attributes.status = 'FINISHED'"
    return bool(client.search_runs([experiment], query, max_results=1))


def end_cut_off(client: Any, experiment: str, findings: str) -> None:
    """Runs of the same findings that a killed process left running are over, their trials too; the run lock says that none is at work."""
    for run in client.search_runs([experiment], f"tags.`{TAG}` = '{findings}' and attributes.status = 'RUNNING'"):
        for trial in client.search_runs(
            [experiment], f"tags.`{PARENT}` = '{run.info.run_id}' and attributes.status = 'RUNNING'"
        ):
            client.set_terminated(trial.info.run_id, "KILLED")
        client.set_terminated(run.info.run_id, "KILLED")


def log_run(context: StageContext, client: Any, experiment: str, findings: str) -> None:
    """One MLflow run; it counts as finished only when everything is in it."""
    inputs = context.inputs()
    spec = str(context.config["spec"])
    tags = {TAG: findings, **lineage_tags(context)}
    logged = client.create_run(experiment, tags=tags, run_name=f"{spec}-{findings[:8]}").info.run_id
    try:
        log_numbers(client, logged, inputs)
        log_data(client, logged, inputs)
        log_trials(client, experiment, logged, inputs, context.progress)
        for folder, path in documents_of(inputs):
            client.log_artifact(logged, str(path), folder)
        client.log_text(logged, report_page(context), "report/index.html")
    except BaseException:
        end_failed(client, logged)
        raise
    client.set_terminated(logged, "FINISHED")


def end_failed(client: Any, logged: str) -> None:
    """Mark a run as failed where the store still answers; a store that does not is said by what is raised already."""
    from mlflow.exceptions import MlflowException

    try:
        client.set_terminated(logged, "FAILED")
    except MlflowException:
        return  # the run stays RUNNING there, and the next attempt ends it: end_cut_off


def report_page(context: StageContext) -> str:
    """The evaluation report of the same findings."""
    from mlspec.runtime.report.evaluation import evaluation_page

    return evaluation_page(context.config, context.inputs())


def log_numbers(client: Any, logged: str, inputs: Mapping[str, Path]) -> None:
    """Params and metrics in as few requests as MLflow allows."""
    from mlflow.entities import Metric, Param

    params = [Param(key, value) for key, value in params_of(inputs).items()]
    metrics = [Metric(key, value, 0, 0) for key, value in metrics_of(inputs).items()]
    metrics += [Metric(key, value, 0, trial) for key, trial, value in trials_of(inputs)]
    metrics += [Metric(key, value, 0, epoch) for key, epoch, value in epochs_of(inputs)]
    for start in range(0, max(len(params), len(metrics)), BATCH):
        client.log_batch(logged, metrics=metrics[start : start + BATCH], params=params[start : start + BATCH])


def log_data(client: Any, logged: str, inputs: Mapping[str, Path]) -> None:
    """Each source as a data set of the run: its name, the digest over its files, and which files they were."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    found = []
    for source, kept in data_of(inputs):
        named = {str(file["path"]): str(file["digest"]) for file in kept}
        # MLflow has room for 36 characters; the tag of the run holds the whole digest.
        entry = Dataset(source, digest_of(named)[:36], "local", canonical_text({"files": named})[:50_000])
        found.append(DatasetInput(entry, [InputTag("mlflow.data.context", "source")]))
    if found:
        client.log_inputs(logged, found)
