"""What is Kubernetes' own: secrets as variables, volumes, GPUs of a kind, a bound on a task's time. The second document of pipeline.yaml."""

from __future__ import annotations

import math
from typing import Any

from mlspec.graph import Graph, Stage
from mlspec_kfp.devices import executor_devices
from mlspec_kfp.names import variables
from mlspec_kfp.settings import Settings
from mlspec_kfp.trainer import whoami

Tree = dict[str, Any]


def platforms(graph: Graph, settings: Settings) -> Tree:
    """The executors that ask for something; empty when none does."""
    found = {f"exec-{stage.id}": asked for stage in graph if (asked := _executor(stage, settings))}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": found}}}} if found else {}


def _executor(stage: Stage, settings: Settings) -> Tree:
    found: Tree = {}
    if stage.resources.time_limit is not None:
        found["activeDeadlineSeconds"] = str(max(1, math.ceil(stage.resources.time_limit)))
    if settings.volume:
        found["pvcMount"] = [
            {"constant": settings.volume, "mountPath": settings.root, **_name("pvcNameParameter", settings.volume)}
        ]
    if names := variables(stage):
        keys = [{"envVar": name, "secretKey": name} for name in names]
        found["secretAsEnv"] = [
            {
                "keyToEnv": keys,
                "optional": False,
                "secretName": settings.secret,
                **_name("secretNameParameter", settings.secret),
            }
        ]
    if stage.resources.nodes > 1:
        found["fieldPathAsEnv"] = whoami()
    return found | executor_devices(stage.resources, settings)


def _name(field: str, name: str) -> Tree:
    """The name once more, where newer servers look for it."""
    return {field: {"runtimeValue": {"constant": name}}}
