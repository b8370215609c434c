"""What a run on record found, for people who look back: its main numbers, every metric, the parameters of its models.

The summary of a run names artifacts by digest. One that is no longer in the store, or that another target kept to itself, is left
out: what is shown then are the values of gates, which the summary holds itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.store import Store

MAIN = {
    "binary": ("auc", "log_loss"),
    "multiclass": ("accuracy", "macro_f1"),
    "regression": ("rmse", "r2"),
    "ranking": ("ndcg", "mrr"),
}
"""The metrics that a line of a list has room for, by task."""


def day_of(folder: Path, summary: Mapping[str, Any]) -> str:
    """When a run ended, in UTC; of a summary without it, when its journal begins. "" where neither says."""
    if summary.get("at"):
        return str(summary["at"])
    try:
        with (folder / "journal.jsonl").open("rb") as file:
            return str(json.loads(file.readline().partition(b" ")[2])["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def documents(project_root: Path, summary: Mapping[str, Any], kind: str, output: str, name: str) -> Iterator[tuple[str, Any]]:
    """(block, document) of the stages of a kind whose output is still in the store as it was written."""
    store = Store(project_root)
    for stage in summary.get("stages", {}).values():
        made = (stage.get("outputs") or {}).get(output)
        if stage.get("kind") != kind or made is None or not (store.artifacts / str(made["digest"])).is_dir():
            continue
        try:
            yield str(stage["block"]), files.read_json(store.artifact(str(made["digest"]), made.get("files")) / name)
        except StageError as error:
            if error.code != "MLS808":
                raise


def metrics_of(project_root: Path, summary: Mapping[str, Any]) -> dict[tuple[str, str, str], float]:
    """(gates block, model, metric) → value, of every metric of every model."""
    found = {}
    for block, document in documents(project_root, summary, "evaluate", "metrics", "metrics.json"):
        for model, entries in document.get("models", {}).items():
            for metric, entry in entries.items():
                if isinstance(entry.get("value"), int | float):
                    found[block, model, metric] = float(entry["value"])
    return found


def figures_of(project_root: Path, summary: Mapping[str, Any]) -> dict[tuple[str, str], tuple[float, str]]:
    """(block, figure) → (value, unit): the bytes of every package, and what a clock gave of a model or of each step of a compression."""
    found: dict[tuple[str, str], tuple[float, str]] = {}
    for stage in summary.get("stages", {}).values():
        made = (stage.get("outputs") or {}).get("package") or {}
        if isinstance(made.get("bytes"), int):
            found[str(stage["block"]), "size"] = (float(made["bytes"]), "bytes")
    for kind in ("compress", "measure"):
        for block, document in documents(project_root, summary, kind, "measurements", "measurements.json"):
            for name, entry in (document.get("quantities") or {}).items():
                if isinstance(entry.get("value"), int | float):
                    unit = "rows a second" if str(name).endswith(".rows_per_second") else "seconds"
                    found[block, str(name)] = (float(entry["value"]), unit)
    return found


def main_numbers(project_root: Path, summary: Mapping[str, Any]) -> list[tuple[str, float]]:
    """(name, value) of what a line of a list shows: the candidate's main metrics; of a run under another target, which kept them, the first gates."""
    found: list[tuple[str, float]] = []
    for _, document in documents(project_root, summary, "evaluate", "metrics", "metrics.json"):
        candidate = str(document.get("candidate"))
        entries = document.get("models", {}).get(candidate, {})
        for metric in MAIN.get(str((document.get("label") or {}).get("task")), ()):
            value = entries.get(metric, {}).get("value")
            name = f"{metric}({candidate})"
            if isinstance(value, int | float) and name not in dict(found):
                found.append((name, float(value)))
    if not found and summary.get("target"):
        gates = [gate for verdict in (summary.get("verdicts") or {}).values() for gate in verdict.get("gates", ())]
        found = [(str(gate["name"]), float(gate["value"])) for gate in gates if isinstance(gate.get("value"), int | float)][:2]
    return found


def params_of(project_root: Path, summary: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """(model, parameter) → value, of the estimator of every package that the run made; `estimator` and `threshold` among them."""
    found: dict[tuple[str, str], str] = {}
    kinds = dict.fromkeys(str(stage.get("kind")) for stage in summary.get("stages", {}).values())
    for kind in kinds:
        for block, document in documents(project_root, summary, kind, "package", "package.json") if kind != "fetch" else ():
            estimator = document.get("estimator") or {}
            found[block, "estimator"] = str(estimator.get("name"))
            found[block, "threshold"] = str(document.get("threshold"))
            found |= {(block, str(name)): str(value) for name, value in (estimator.get("params") or {}).items()}
    return found
