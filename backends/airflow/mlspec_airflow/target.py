"""The backend row of the Airflow target."""

from __future__ import annotations

from mlspec.backend import Backend, Capability, later
from mlspec_airflow.emit import emit
from mlspec_airflow.settings import OPTIONS

backend = Backend(
    name="airflow",
    summary="DAGs for Airflow 3: one constant Python file, with the plan beside it",
    emit=emit,
    options=OPTIONS,
    capabilities={
        "cpu": Capability("emulated", "a task takes a slot of the pool for each core; Airflow holds no process to its cores"),
        "memory": Capability("emulated", "the stage command bounds its own memory on the worker that Airflow chose"),
        "gpu": Capability("emulated", "the task goes to the queue of the option `gpu_queue`, and fails where there is no such GPU"),
        "shared_memory": Capability("emulated", "the stage command looks how much the worker has, and fails where it is less"),
        "nodes": Capability("none", "all processes of a stage are on one host"),
        "time_limit": Capability("native", "`execution_timeout` of the task"),
        "retry": Capability("native", "`retries` of the task, `retry_delay` apart; a failed gate is not tried again"),
        "exclusive": Capability("native", "the task takes all slots of the pool"),
        "secrets": Capability("native", "variables of the worker, Airflow variables, or passwords of connections"),
        "parallel": Capability("native", "a task starts when all that it waits for have ended and the pool has slots"),
        "cache": Capability("native", "the stage command looks in its own store on the shared folder"),
        "gate": Capability("native", "a task that fails; what it guards ends `upstream_failed`"),
        "schedule": Capability("native", "a DAG for each schedule; deadlines are deadline alerts"),
        "wait": Capability("native", "of `mlspec run`, a lock of the project; Airflow's own runs of a DAG come one after another"),
    },
    run=later("mlspec_airflow.run:run_here"),
    verify=later("mlspec_airflow.verify:verify"),
    versions=("3.3",),
)  # fmt: skip
