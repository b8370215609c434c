"""Trainings on several machines: the task creates a `TrainJob` of Kubeflow Trainer v2 and waits, and its pods are what is written here.

A `TrainingRuntime` of our own holds image, devices, volume and restarts; it is applied once, with the right of the tasks to create
TrainJobs of it. Its name ends in a digest of what it says: a pipeline never meets the runtime of another compilation.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.backend import At, Finding, Text, to_yaml
from mlspec.graph import Graph, Stage
from mlspec_kfp.devices import MOUNT, SHARED, terms, toleration
from mlspec_kfp.settings import Settings

Tree = dict[str, Any]

FILE = "trainer.yaml"
GROUP = "trainer.kubeflow.org"
API = f"{GROUP}/v1alpha1"
RESTARTS = 10
"""How often Kubernetes starts lost pods of a training again; all begin from the newest whole state."""

_PROJECT = "project"


def spread(graph: Graph) -> list[Stage]:
    """The stages that several machines work at."""
    return [stage for stage in graph if stage.resources.nodes > 1]


def check_machines(graph: Graph, settings: Settings) -> list[Finding]:
    """MLS701 where the machines of a training have no volume in common."""
    data = {"target": "kfp", "what": "a training on several machines without a volume that they share",
            "known": "`--option volume=CLAIM` (its access mode ReadWriteMany)", "wanted": "a folder that all of them see"}  # fmt: skip
    asking = [] if settings.volume else [stage for stage in graph if stage.resources.nodes > 1 or _by_ray(stage)]
    return [Finding("MLS701", f"{stage.block}.strategy", data) for stage in asking]


def _by_ray(stage: Stage) -> bool:
    """Whether it is trained on a Ray cluster, whose nodes read and write beside the task."""
    strategy = stage.config.get("strategy")
    return isinstance(strategy, Mapping) and strategy.get("name") == "ray"


def environment(stage: Stage, settings: Settings) -> list[Tree]:
    """The variables by which the command of a stage creates a TrainJob instead of starting processes itself."""
    if stage.resources.nodes < 2:
        return []
    return [
        {"name": "MLSPEC_TRAINING_STARTER", "value": "trainjob"},
        {"name": "MLSPEC_TRAINJOB_RUNTIME", "value": runtime_name(stage, settings)},
    ]


def whoami() -> list[Tree]:
    """The fields of a pod that it must know so that its TrainJob goes with it."""
    return [
        {"fieldPath": "metadata.name", "name": "MLSPEC_POD_NAME"},
        {"fieldPath": "metadata.uid", "name": "MLSPEC_POD_UID"},
    ]


def runtime_name(stage: Stage, settings: Settings) -> str:
    """A name by what the runtime is."""
    digest = hashlib.sha256(json.dumps(_specification(stage, settings), sort_keys=True).encode()).hexdigest()
    return f"mlspec-{stage.id[:44].rstrip('-')}-{digest[:8]}"


def manifests(graph: Graph, settings: Settings) -> Text | None:
    """The file to apply, None where every stage is one machine's."""
    stages = spread(graph)
    if not stages:
        return None
    text, origins = "", []
    for document in (*(_runtime(stage, settings) for stage in stages), *_rights(graph, settings)):
        written = to_yaml(document)
        text += "---\n" if text else ""
        lines = text.count("\n")
        origins += [_moved(found, lines) for found in written.origins]
        text += written.text
    return Text(text, tuple(origins))


def _moved(origin: Any, lines: int) -> Any:
    return type(origin)(origin.first + lines, origin.last + lines, origin.where)


def _runtime(stage: Stage, settings: Settings) -> At:
    name = runtime_name(stage, settings)
    tree = {"apiVersion": API, "kind": "TrainingRuntime", "metadata": {"name": name}, "spec": _specification(stage, settings)}
    return At(tree, stage.block)


def _specification(stage: Stage, settings: Settings) -> Tree:
    pod = {"metadata": {"labels": {f"{GROUP}/trainjob-ancestor-step": "trainer"}},
           "spec": {**_bound(stage), "backoffLimit": RESTARTS, "template": {"spec": _pod(stage, settings)}}}  # fmt: skip
    return {
        "mlPolicy": {"numNodes": stage.resources.nodes, "torch": {}},
        "template": {"spec": {"replicatedJobs": [{"name": "node", "replicas": 1, "template": pod}]}},
    }


def _bound(stage: Stage) -> Tree:
    """The bound on the task's time holds for its machines too: a task that ran out of it no longer looks after them."""
    limit = stage.resources.time_limit
    return {} if limit is None else {"activeDeadlineSeconds": max(1, math.ceil(limit))}


def _pod(stage: Stage, settings: Settings) -> Tree:
    """One machine: without the right to anything of the cluster, and started again where it is lost."""
    asked = stage.resources
    found: Tree = {"automountServiceAccountToken": False, "restartPolicy": "OnFailure"}
    if asked.gpus_a_node:
        if kinds := terms(asked.gpu, settings.gpu_label):
            required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": kinds}}
            found["affinity"] = {"nodeAffinity": required}
        found["tolerations"] = [toleration(settings)]
    volumes: list[Tree] = [{"name": _PROJECT, "persistentVolumeClaim": {"claimName": settings.volume}}]
    if asked.shared_memory is not None:
        volumes.append({"emptyDir": {"medium": "Memory", "sizeLimit": str(asked.shared_memory)}, "name": SHARED})
    return {**found, "containers": [_container(stage, settings)], "volumes": volumes}


def _container(stage: Stage, settings: Settings) -> Tree:
    mounts = [{"mountPath": settings.root, "name": _PROJECT}]
    if stage.resources.shared_memory is not None:
        mounts.append({"mountPath": MOUNT, "name": SHARED})
    amounts = _amounts(stage, settings)
    return {
        "name": "node", "image": settings.image, "command": ["python3", "-P", "-m", "mlspec.runtime.deep.spread.node"],
        "resources": {"limits": amounts, "requests": amounts}, "volumeMounts": mounts,
    }  # fmt: skip


def _amounts(stage: Stage, settings: Settings) -> Tree:
    asked = stage.resources
    found = {"cpu": str(asked.cpu)}
    if asked.memory is not None:
        found["memory"] = str(asked.memory)
    if asked.gpus_a_node:
        found[settings.accelerator] = str(asked.gpus_a_node)
    return found


def _rights(graph: Graph, settings: Settings) -> Sequence[At]:
    """What the tasks' service account may do, and no more: TrainJobs of its namespace."""
    name = {"name": f"mlspec-{settings.pipeline}-trainjobs"}
    rbac = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": name,
            "rules": [{"apiGroups": [GROUP], "resources": ["trainjobs"], "verbs": ["create", "delete", "get"]}]}  # fmt: skip
    binding = {
        "apiVersion": f"{rbac}/v1", "kind": "RoleBinding", "metadata": name, "roleRef": {"apiGroup": rbac, "kind": "Role", **name},
        "subjects": [{"kind": "ServiceAccount", "name": settings.account}],
    }  # fmt: skip
    return [At(role, graph.spec), At(binding, graph.spec)]
