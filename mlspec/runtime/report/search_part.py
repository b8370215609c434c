"""The searches of the report: history, parameters and the best trials."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.runtime.figures import best_so_far
from mlspec.runtime.report.charts import bars
from mlspec.runtime.report.charts.search import history, parameter
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.shown import decimal, metric_name, plain

SHOWN = 5


def search_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per study that has a finished trial."""
    return [entry for name, study in evidence.study.items() if (entry := _study(name, study)) is not None]


def _study(name: str, study: Mapping[str, Any]) -> dict[str, Any] | None:
    trials = [trial for trial in study.get("trials", ()) if _value(trial) is not None]
    if not trials:
        return None
    objective = study.get("objective") or {}
    upward = objective.get("direction", "maximize") == "maximize"
    families = list(dict.fromkeys(str(trial.get("family") or "trial") for trial in trials))
    metric = metric_name(str(objective.get("metric", "objective")))
    ranked = sorted(trials, key=lambda trial: ((-1 if upward else 1) * float(_value(trial) or 0), trial["number"]))
    points = [(int(trial["number"]), str(trial.get("family") or "trial"), float(_value(trial) or 0)) for trial in trials]
    drawn = history(points, families, best_so_far([(number, value) for number, _, value in points], upward=upward), title=f"search {name}: {metric} by trial",
                    note=f"best {decimal(_best_value(ranked))} at trial {ranked[0]['number']}", y_name=metric, width=1040)  # fmt: skip
    return {
        "name": name, "metric": metric, "direction": "highest" if upward else "lowest", "history": drawn, "finished": len(trials),
        "total": study.get("requested") or len(study.get("trials", ())), "importance": _importance(study), "other": _other(study),
        "parameters": _parameters(trials, families, metric), "best": [_line(trial) for trial in ranked[:SHOWN]],
    }  # fmt: skip


def _best_value(ranked: Sequence[Mapping[str, Any]]) -> float:
    """The value of the best trial."""
    return float(_value(ranked[0]) or 0)


def _value(trial: Mapping[str, Any]) -> float | None:
    """The objective of a trial that ran to its end."""
    value = trial.get("value")
    if isinstance(value, (int, float)) and math.isfinite(value) and trial.get("state", "complete") == "complete":
        return float(value)
    return None


def _other(study: Mapping[str, Any]) -> str:
    """What became of the trials that did not finish, and why the study ended early."""
    states = Counter(str(trial.get("state", "complete")) for trial in study.get("trials", ()))
    parts = [f"{states[state]:,} {state}" for state in ("pruned", "failed") if states[state]]
    if study.get("ended"):
        parts.append(f"ended early: {study['ended']}")
    if study.get("reproducible") is False:
        parts.append("not reproducible, since a time limit ended it")
    return ", ".join(parts)


def _importance(study: Mapping[str, Any]) -> Any:
    """The share of the objective's spread that each parameter explains."""
    rows = study.get("importance") or ()
    names = [f"{row['family']}.{row['parameter']}" if row.get("family") else str(row["parameter"]) for row in rows]
    if not names:
        return None
    return bars(
        names, [row["importance"] for row in rows], title="importance of the parameters", percent=True, width=640, highest=1
    )


def _line(trial: Mapping[str, Any]) -> dict[str, Any]:
    params = ", ".join(f"{key} = {plain(value)}" for key, value in (trial.get("params") or {}).items())
    return {
        "number": trial["number"],
        "family": trial.get("family") or "",
        "value": decimal(float(_value(trial) or 0)),
        "params": params,
    }


def _parameters(trials: Sequence[Mapping[str, Any]], families: Sequence[str], metric: str) -> list[dict[str, Any]]:
    """A chart for each parameter of each family that took at least three values."""
    charts = []
    for place, family in enumerate(families):
        own = [trial for trial in trials if str(trial.get("family") or "trial") == family]
        names = list(dict.fromkeys(key for trial in own for key in (trial.get("params") or {})))
        for name in names:
            points = [
                (trial["params"][name], float(_value(trial) or 0)) for trial in own if name in (trial.get("params") or {})
            ]
            if len({str(value) for value, _ in points}) < 3:
                continue
            drawn = parameter(points, colour=place, title=f"{family}: {metric} by {name}", note="a dot per trial", y_name=name,
                              logarithmic=_spans_magnitudes([value for value, _ in points]))  # fmt: skip
            charts.append({"title": name, "family": family, "chart": drawn})
    return charts


def _spans_magnitudes(values: Sequence[Any]) -> bool:
    """Positive numbers over more than a factor of 20 read better on a logarithmic axis."""
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return len(numbers) == len(values) and min(numbers) > 0 and max(numbers) / min(numbers) > 20
