"""The processes of a training on several machines of a Kubernetes cluster, as a `TrainJob` that the stage creates and waits for.

The stage and the pods share a volume: on it lie the inputs, the states and what the processes tell. So a `TrainJob` says only how many
machines there are and where the job's file is; image, devices and volumes are its `TrainingRuntime`'s, which `mlspec compile` writes.

Its name is that of the training: whoever finds one at work waits for it, as its states are the ones that are wanted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.spread.failures import first_of
from mlspec.runtime.deep.spread.job import job_of, write_job
from mlspec.runtime.deep.spread.plan import Spread
from mlspec.runtime.deep.spread.shared import shared_inputs
from mlspec.runtime.deep.spread.told import told_errors
from mlspec.runtime.deep.spread.trainjobs import GROUP, VERSION, TrainJobs, at_work, ended, leaves
from mlspec.runtime.errors import StageError

LOOK_EVERY = 2.0
MEET = 3600.0
"""Seconds in which all machines must be there: a cluster may have to wait for some of them."""

_FORGIVEN = 30  # looks in a row that an API server may leave without answer
_LEAVING = 300.0  # seconds that an ended TrainJob of this name may take to go
RUNTIME, POD, POD_UID = "MLSPEC_TRAINJOB_RUNTIME", "MLSPEC_POD_NAME", "MLSPEC_POD_UID"


def start(context: StageContext, spread: Spread, key: str) -> None:
    """Train on the machines of a cluster; StageError where that ends badly."""
    where = f"{context.block}.strategy"
    jobs, name = TrainJobs(where), name_of(context.stage_id, key)
    folder = files.make_folder(context.resume_root / f"job-{key[:16]}")
    told = folder / "told"
    body = manifest(name, folder / "job.json", spread, where)
    if (at := jobs.find(name)) is None or ended(at) or leaves(at):
        if at is not None:
            _away(jobs, name, where)
        files.remove_tree(told)
        job = job_of(context, key, told=str(files.make_folder(told)), meet=MEET)
        write_job(replace(job, inputs=shared_inputs(context, folder / "inputs")), folder / "job.json")
        jobs.create(body)  # where somebody was faster, it is the same training
    kind, said = _wait(context, jobs, name, spread)
    errors = told_errors(told)
    if errors:
        raise first_of(errors)
    if kind == "Failed":
        raise StageError(
            "MLS810", f"the TrainJob `{name}` of `{context.block}` failed", where, expected="pods that end by themselves", found=said[:300] or kind,
            help=f"kubectl logs -n {jobs.namespace} -l jobset.sigs.k8s.io/jobset-name={name}; then run again: it goes on from the newest state",
        )  # fmt: skip
    files.remove_tree(folder)


def name_of(stage: str, key: str) -> str:
    """The name of the TrainJob of a training: that of its stage, and what its states are kept under."""
    return f"{stage[:36].rstrip('-')}-{key[:12]}"


def manifest(name: str, job: Path, spread: Spread, where: str) -> dict[str, Any]:
    """The TrainJob. It goes with the pod that waits for it, where the pod knows its own name."""
    runtime = os.environ.get(RUNTIME, "")
    if not runtime:
        raise StageError(
            "MLS704", "no TrainingRuntime is named that says what the pods of a training are", where, expected=f"the variable {RUNTIME}", found="none",
            help="`mlspec compile --target kfp` sets it, and writes the runtime to trainer.yaml",
        )  # fmt: skip
    owner = {"apiVersion": "v1", "kind": "Pod", "name": os.environ.get(POD, ""), "uid": os.environ.get(POD_UID, "")}
    owners = {"ownerReferences": [owner]} if owner["name"] and owner["uid"] else {}
    return {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "TrainJob", "metadata": {"name": name, **owners},
        "spec": {
            "runtimeRef": {"apiGroup": GROUP, "kind": "TrainingRuntime", "name": runtime},
            "trainer": {"args": [str(job)], "numNodes": spread.nodes, "numProcPerNode": spread.processes},
        },
    }  # fmt: skip


def _away(jobs: TrainJobs, name: str, where: str) -> None:
    """Take a TrainJob that ended, or is being taken away, and wait until its name is free."""
    jobs.remove(name)
    end = time.monotonic() + _LEAVING
    while jobs.find(name) is not None:
        if time.monotonic() > end:
            raise StageError(
                "MLS810", f"the ended TrainJob `{name}` does not go away", where, expected=f"that it is gone within {_LEAVING:g} s", found="it is still there",
                help=f"kubectl delete -n {jobs.namespace} trainjob {name}",
            )  # fmt: skip
        time.sleep(LOOK_EVERY)


def _wait(context: StageContext, jobs: TrainJobs, name: str, spread: Spread) -> tuple[str, str]:
    """How it ended. A server that is away for a while is asked again."""
    unanswered, said = 0, ""
    while True:
        try:
            job = jobs.find(name)
        except StageError as error:
            unanswered += 1
            if unanswered > _FORGIVEN:
                raise
            note = f"the cluster does not answer: {error.found}"
        else:
            unanswered = 0
            if job is None:
                raise _taken(context, name)
            if (found := ended(job)) is not None:
                return found
            note = _note(job, name, spread)
        if note != said:
            context.progress(0, float(context.config["epochs"]), said := note)
        time.sleep(LOOK_EVERY)


def _note(job: Mapping[str, Any], name: str, spread: Spread) -> str:
    return f"TrainJob {name}: {spread.nodes} machines {'at work' if at_work(job) else 'asked for'}"


def _taken(context: StageContext, name: str) -> StageError:
    return StageError(
        "MLS810", f"somebody took the TrainJob `{name}` of `{context.block}` away", f"{context.block}.strategy", expected="that it stays until it ends",
        found="no TrainJob of this name", help="run again: it goes on from the newest state",
    )  # fmt: skip
