"""The searches of the report: history, parameters and the best trials."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mlspec.runtime.figures import best_so_far
from mlspec.runtime.report.charts import bars
from mlspec.runtime.report.charts.courses import Course, courses
from mlspec.runtime.report.charts.search import history, parameter
from mlspec.runtime.report.charts.study import Line, Point, front, parallel
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.shown import decimal, metric_name, plain

SHOWN = 5
ENDS = {"time_limit": "its time was over", "cpu_time": "its processor time was spent", "fits": "its budget of fits was spent"}


def search_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per study that has a finished trial."""
    return [entry for name, study in evidence.study.items() if (entry := _study(name, study)) is not None]


def _study(name: str, study: Mapping[str, Any]) -> dict[str, Any] | None:
    trials = [trial for trial in study.get("trials", ()) if _value(trial) is not None]
    if not trials:
        return None
    aims = _aims(study)
    metric, upward = aims[0].name, aims[0].upward
    families = list(dict.fromkeys(str(trial.get("family") or "trial") for trial in trials))
    ranked = _ranked(study, trials, upward)
    points = [(int(trial["number"]), str(trial.get("family") or "trial"), float(_value(trial) or 0)) for trial in trials]
    kept = [(int(trial["number"]), float(_value(trial) or 0)) for trial in trials if _feasible(trial)]
    drawn = history(points, families, best_so_far(kept, upward=upward), title=f"search {name}: {metric} by trial",
                    note=f"best {decimal(float(_value(ranked[0]) or 0))} at trial {ranked[0]['number']}", y_name=metric, width=1040)  # fmt: skip
    return {
        "name": name, "metric": metric, "direction": "highest" if upward else "lowest", "history": drawn, "finished": len(trials),
        "total": study.get("requested") or len(study.get("trials", ())), "importance": _importance(study), "other": _other(study),
        "parameters": _parameters(trials, families, metric), "best": [_line(trial, aims) for trial in ranked[:SHOWN]],
        "measures": [aim.name for aim in aims], "front": _front(study, trials, aims, families, ranked[0]),
        "parallel": _parallel(trials, families, metric, ranked[0]), "courses": _courses(study, families, metric, ranked[0]), "sought": " and the ".join(aim.sought for aim in aims),
        "preferred": _preferred(study), "constraints": [str(item["name"]) for item in study.get("constraints") or ()],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Aim:
    """An objective as people read it."""

    key: str
    upward: bool

    @property
    def name(self) -> str:
        return metric_name(self.key).replace("_", " ") if self.key == "learned_numbers" else metric_name(self.key)

    @property
    def sought(self) -> str:
        if self.key == "learned_numbers":
            return "fewest learned numbers"
        return f"{'highest' if self.upward else 'lowest'} {self.name}"

    def of(self, trial: Mapping[str, Any]) -> float:
        values = (trial.get("measured") or {}).get(self.key)
        return math.fsum(values) / len(values) if values else float(_value(trial) or 0)


def _aims(study: Mapping[str, Any]) -> list[_Aim]:
    given = [study.get("objective") or {}, *(study.get("further") or ())]
    return [_Aim(str(item.get("metric", "objective")), item.get("direction", "maximize") == "maximize") for item in given]


def _feasible(trial: Mapping[str, Any]) -> bool:
    return all(violation <= 0 for violation in (trial.get("violations") or {}).values())


def _ranked(study: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], upward: bool) -> list[Mapping[str, Any]]:
    """The best first, then the rest of the front, then the others by the first objective, those that break a constraint last."""
    best, front_of = (study.get("best") or {}).get("number"), set(study.get("front") or ())

    def order(trial: Mapping[str, Any]) -> tuple[Any, ...]:
        value = (-1 if upward else 1) * float(_value(trial) or 0)
        return trial["number"] != best, trial["number"] not in front_of, not _feasible(trial), value, trial["number"]

    return sorted(trials, key=order)


def _front(
    study: Mapping[str, Any],
    trials: Sequence[Mapping[str, Any]],
    aims: Sequence[_Aim],
    families: Sequence[str],
    best: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """A chart of each further objective against the first one."""
    found = []
    for aim in aims[1:]:
        points = [Point(int(trial["number"]), str(trial.get("family") or "trial"), aim.of(trial), aims[0].of(trial), _feasible(trial))
                  for trial in trials]  # fmt: skip
        drawn = front(points, families, int(best["number"]), study.get("front") or (), title=f"{aims[0].name} against {aim.name}",
                      note=f"{len(study.get('front') or ())} trials that no other beats", x_name=aim.name, y_name=aims[0].name)  # fmt: skip
        found.append({"title": f"{aims[0].name} against {aim.name}", "chart": drawn})
    return found


def _courses(study: Mapping[str, Any], families: Sequence[str], metric: str, best: Mapping[str, Any]) -> Markup | None:
    """The trials that found their rounds, pruned ones too, where there are some."""
    own = [trial for trial in study.get("trials", ()) if trial.get("curve")]
    if not own:
        return None
    drawn = [
        Course(
            int(trial["number"]),
            str(trial["family"]),
            trial["curve"],
            trial["state"] == "pruned",
            trial["number"] == best["number"],
        )
        for trial in own
    ]
    known = list(dict.fromkeys((*families, *(trial.family for trial in drawn))))
    return courses(drawn, known, title=f"search: {metric} by rounds", note="a line per trial", y_name=metric)


def _preferred(study: Mapping[str, Any]) -> str:
    """How the best of the front was chosen, in words."""
    prefer = study.get("prefer") or {}
    if prefer.get("name") == "within":
        amount = float(prefer["tolerance"])
        room = f"{amount * 100:g}% of the best" if prefer["relative"] else f"{amount:g} of the best"
        then = f", then the best {_Aim(str(prefer['next']), True).name}" if prefer.get("next") else ""
        return f"within {room} {_Aim(str(prefer['of']), True).name}{then}"
    if prefer.get("name") == "weighted":
        return "the least sum of the objectives, weighted " + " : ".join(f"{weight:g}" for weight in prefer["weights"])
    return "the best first objective" if prefer else ""


def _parallel(
    trials: Sequence[Mapping[str, Any]], families: Sequence[str], metric: str, best: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Parallel coordinates of each family with at least two parameters and three trials."""
    found = []
    for place, family in enumerate(families):
        own = [trial for trial in trials if str(trial.get("family") or "trial") == family]
        names = list(dict.fromkeys(key for trial in own for key in (trial.get("params") or {})))
        if len(names) < 2 or len(own) < 3:
            continue
        best_here = next((trial for trial in own if trial["number"] == best["number"]), None)
        lines = [Line(f"trial {trial['number']}: {metric} {decimal(float(_value(trial) or 0))}",
                      [*(_shown_value(trial["params"], name) for name in names), float(_value(trial) or 0)], trial is best_here)
                 for trial in own]  # fmt: skip
        drawn = parallel(
            [*names, metric], lines, colour=place, title=f"{family}: parameters and {metric}", note="a line per trial"
        )
        found.append({"title": family, "best": best_here is not None, "chart": drawn})
    return found


def _shown_value(params: Mapping[str, Any], name: str) -> Any:
    """The value on an axis: null is a value with a name, a parameter that does not apply is none."""
    return None if name not in params else "null" if params[name] is None else params[name]


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
        parts.append(f"ended early: {ENDS.get(study['ended'], study['ended'])}")
    if study.get("reproducible") is False:
        clock = study.get("ended") in ("time_limit", "cpu_time")
        parts.append(f"not reproducible, since a clock ended {'it' if clock else 'the search that it starts from'}")
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


def _line(trial: Mapping[str, Any], aims: Sequence[_Aim]) -> dict[str, Any]:
    params = ", ".join(f"{key} = {plain(value)}" for key, value in (trial.get("params") or {}).items())
    return {
        "number": trial["number"],
        "family": trial.get("family") or "",
        "values": [decimal(aim.of(trial)) for aim in aims],
        "broken": [str(name) for name, violation in (trial.get("violations") or {}).items() if violation > 0],
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
