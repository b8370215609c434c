"""The check of `compile --verify`: what Airflow would stumble over in the files, found without Airflow."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.backend import Emitted, Finding
from mlspec_airflow.emit import DAG_FILE, dag_file


def verify(emitted: Emitted) -> list[Finding]:
    """MLS701 for each thing that does not hold of the files."""
    return [
        Finding(
            "MLS701", "spec", {"target": "airflow", "what": problem, "wanted": "files that Airflow reads as they are meant"}
        )
        for problem in problems(emitted.files)
    ]


def problems(files: Mapping[str, str]) -> list[str]:
    """What is wrong with the files, each in a sentence."""
    document = json.loads(files["airflow.json"])
    return [*_code(files), *_plan(files, document), *_dags(document)]


def _code(files: Mapping[str, str]) -> Iterator[str]:
    if files[DAG_FILE] != dag_file():
        yield f"{DAG_FILE} is not the file that mlspec writes for every spec"
    try:
        ast.parse(files[DAG_FILE])
    except SyntaxError as error:
        yield f"{DAG_FILE} is no Python: line {error.lineno}"


def _plan(files: Mapping[str, str], document: Mapping[str, Any]) -> Iterator[str]:
    if hashlib.sha256(files["plan.json"].encode()).hexdigest() != document["plan"]:
        yield "airflow.json names another plan"
    stages = json.loads(files["plan.json"])["stages"]
    for name in sorted(set(stages) ^ set(document["tasks"])):
        yield f"`{name}` is a stage or a task, not both"


def _dags(document: Mapping[str, Any]) -> Iterator[str]:
    """Every DAG is closed, and its tasks stand behind what they wait for, so that there is no cycle."""
    pool = json.dumps(document["pool"])
    for dag in document["dags"]:
        seen: set[str] = set()
        for name in dag["stages"]:
            task = document["tasks"].get(name)
            if task is None:
                yield f"DAG `{dag['id']}` names `{name}`, which is no task"
                continue
            for other in task["after"]:
                if other not in seen:
                    yield f"in DAG `{dag['id']}` `{name}` waits for `{other}`, which does not stand before it"
            if task["slots"] < 1:
                yield f"`{name}` takes no slot of the pool {pool}"
            seen.add(name)
