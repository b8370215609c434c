"""A graph as the files of a DAG folder: the constant Python file, the plan, its identifiers, the pool."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.backend import Emitted, Finding
from mlspec.graph import Graph
from mlspec_airflow.document import airflow_json, dag_ids, plan_for
from mlspec_airflow.settings import Settings, check_settings

DAG_FILE = "mlspec_dag.py"
_DAG_ID = re.compile(r"[A-Za-z0-9_.-]{1,250}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,249}\Z")


def emit(graph: Graph, options: Mapping[str, Any]) -> Emitted:
    """The files and what there is to say about the spec. Airflow is not imported."""
    settings = Settings.of(options)
    findings = [*check_settings(settings, graph.spec), *check_names(graph)]
    files, origins = files_of(graph, settings)
    return Emitted(files, findings, origins)


def files_of(graph: Graph, settings: Settings) -> tuple[dict[str, str], dict[str, Any]]:
    """The files by name, and where the lines of `airflow.json` come from."""
    plan = plan_for(graph)
    document = airflow_json(graph, settings, plan)
    pool = {settings.pool: {"slots": settings.slots, "description": "stages of mlspec", "include_deferred": False}}
    files = {
        DAG_FILE: dag_file(),
        "airflow.json": document.text,
        "plan.json": plan,
        "pools.json": json.dumps(pool, indent=2) + "\n",
    }
    return files, {"airflow.json": document.origins}


def dag_file() -> str:
    """The Python file: the same bytes for every spec."""
    return Path(__file__).with_name(DAG_FILE).read_text(encoding="utf-8")


def check_names(graph: Graph) -> list[Finding]:
    """MLS706 for a name that Airflow refuses, MLS707 for a secret that no worker's environment can hold."""
    return [*_dags(graph), *_handles(graph)]


def _dags(graph: Graph) -> Iterator[Finding]:
    for name in dag_ids(graph):
        if not _DAG_ID.match(name):
            yield Finding("MLS706", name.partition(".")[2] or name, {
                "target": "airflow", "name": ascii(name)[1:-1][:80], "why": "it would be the id of a DAG",
                "wanted": "letters, digits, `_`, `-` and points, at most 250",
            })  # fmt: skip


def _handles(graph: Graph) -> Iterator[Finding]:
    handles = [(stage.block, handle) for stage in graph for handle in dict(stage.config.get("secrets") or {}).values()]
    handles += [(schedule.name, schedule.on_failure["url"]) for schedule in graph.schedules
                if schedule.on_failure and schedule.on_failure.get("kind") == "webhook"]  # fmt: skip
    for where, handle in handles:
        kind, variable = (handle.get("kind"), str(handle.get("variable"))) if isinstance(handle, Mapping) else ("text", "")
        if kind != "env":
            yield Finding("MLS707", where, {"target": "airflow", "got": str(kind), "known": "`env`"})
        elif not _VARIABLE.match(variable):
            yield Finding("MLS706", where, {
                "target": "airflow", "name": ascii(variable)[1:-1][:80], "why": "it would be the name of a variable",
                "wanted": "letters, digits and `_`",
            })  # fmt: skip
