"""The backend row of the KFP target."""

from __future__ import annotations

from mlspec.backend import Backend, Capability, later
from mlspec_kfp.emit import emit
from mlspec_kfp.settings import OPTIONS

backend = Backend(
    name="kfp",
    summary="a Kubeflow Pipelines v2 pipeline, with the image that its tasks run in",
    emit=emit,
    options=OPTIONS,
    capabilities={
        "cpu": Capability("native", "requests and limits of the task's pod"),
        "memory": Capability("native", "request and limit of the task's pod; past it the pod is killed"),
        "gpu": Capability(
            "native", "units of the resource that the option `accelerator` names, on nodes whose labels say the kind of `gpu`"
        ),
        "shared_memory": Capability("native", "an `emptyDir` in memory at `/dev/shm`, with this size as its limit"),
        "nodes": Capability(
            "native", "the task creates a `TrainJob` of Kubeflow Trainer v2 and waits; the machines share the option `volume`"
        ),
        "time_limit": Capability("native", "`activeDeadlineSeconds` of the task's pod"),
        "retry": Capability("native", "`retryPolicy` of the task, waiting 10 s and then twice as long"),
        "exclusive": Capability("emulated", "a pod of its own, with the cores that it asks for, on a node that others may use"),
        "secrets": Capability("native", "keys of one Kubernetes secret as variables"),
        "parallel": Capability("native", "a task starts when all that it waits for have ended"),
        "cache": Capability(
            "emulated",
            "KFP's cache, by key, for what `mlspec lock --data` pins; of all else the stage command looks in the store on the volume",
        ),
        "schedule": Capability("native", "a recurring run beside the pipeline, its times said in the zone of the server"),
        "wait": Capability("native", "under kfp's local runner, a lock of the project; a server takes every run"),
        "gate": Capability("native", "a task that fails; what it guards depends on it"),
    },
    run=later("mlspec_kfp.run:run"),
    verify=later("mlspec_kfp.strict:verify"),
    versions=("2.17",),
    extra="kfp",
)
