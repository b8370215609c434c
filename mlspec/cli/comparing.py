"""Two runs side by side: metrics with differences, gates, what models weigh and how fast they answer, parameters, and what changed in the spec, the data and the libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.cli.terminal import clean

FIELDS = ("run", "at", "spec", "spec_digest", "target", "env", "passed")


def comparison(root: Path, old: tuple[Path, Mapping[str, Any]], new: tuple[Path, Mapping[str, Any]]) -> dict[str, Any]:
    """The comparison of two runs, each a folder and its summary, for programs."""
    from mlspec.runtime.history import figures_of, metrics_of, params_of

    (_, before), (_, after) = old, new
    return {
        "format": 1, "old": _head(*old), "new": _head(*new),
        "metrics": list(_metrics(metrics_of(root, before), metrics_of(root, after))), "gates": list(_gates(before, after)),
        "figures": list(_figures(figures_of(root, before), figures_of(root, after))),
        "params": [{"model": key[0], "name": key[1], "old": one, "new": two}
                   for key, one, two in _unlike(params_of(root, before), params_of(root, after))],
        "spec": _spec(old[0], new[0]),
        "data": [{"stage": key[0], "name": key[1], "old": one, "new": two}
                 for key, one, two in _unlike(_leaves(before), _leaves(after))],
        "libraries": [{"name": key, "old": one, "new": two}
                      for key, one, two in _unlike(before.get("versions") or {}, after.get("versions") or {})],
    }  # fmt: skip


def _head(folder: Path, summary: Mapping[str, Any]) -> dict[str, Any]:
    from mlspec.runtime.history import day_of

    return {name: summary.get(name) for name in FIELDS} | {"at": day_of(folder, summary) or None}


def _unlike(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """(key, old value, new value) of what is not the same on both sides; None where one side has it not."""
    for key in [*new, *(key for key in old if key not in new)]:
        if old.get(key) != new.get(key):
            yield key, old.get(key), new.get(key)


def _metrics(old: Mapping[Any, float], new: Mapping[Any, float]) -> Iterator[dict[str, Any]]:
    """Every metric of either run, in the order of the newer one."""
    from mlspec.catalogue import metric

    for key in [*new, *(key for key in old if key not in new)]:
        one, two = old.get(key), new.get(key)
        difference = None if one is None or two is None else two - one
        row = metric(key[2])
        direction = None if row is None else {"higher": 1, "lower": -1}.get(row.direction)
        better = None if not difference or direction is None else difference * direction > 0
        yield {
            "gates": key[0],
            "model": key[1],
            "metric": key[2],
            "old": one,
            "new": two,
            "difference": difference,
            "better": better,
        }


def _figures(old: Mapping[Any, tuple[float, str]], new: Mapping[Any, tuple[float, str]]) -> Iterator[dict[str, Any]]:
    """What the models of either run weigh and how fast they answered, in the order of the newer one."""
    for key in [*new, *(key for key in old if key not in new)]:
        (one, unit), (two, other) = old.get(key, (None, "")), new.get(key, (None, ""))
        yield {"block": key[0], "figure": key[1], "unit": other or unit, "old": one, "new": two,
               "ratio": None if not one or two is None else two / one}  # fmt: skip


def _gates(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    before, after = _by_gate(old), _by_gate(new)
    for key in [*after, *(key for key in before if key not in after)]:
        one, two = before.get(key), after.get(key)
        unit = (two or one or {}).get("unit")
        yield {"gates": key[0], "gate": key[1], "unit": unit, "old": _judged(one), "new": _judged(two)}


def _by_gate(summary: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    verdicts = summary.get("verdicts") or {}
    return {(block, str(gate["name"])): gate for block, verdict in verdicts.items() for gate in verdict.get("gates", ())}


def _judged(gate: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if gate is None:
        return None
    status = str(gate.get("status") or ("passed" if gate.get("passed") else "failed"))
    return {"status": status, **{name: gate.get(name) for name in ("value", "low", "high", "text")}}


def _leaves(summary: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (stage, str(name)): str(digest)
        for stage, kept in (summary.get("leaves") or {}).items()
        for name, digest in kept.items()
    }


def _spec(old: Path, new: Path) -> list[dict[str, Any]] | None:
    """What the plans of the runs differ in, by the place in the spec that it comes from; None where one cannot be read."""
    from mlspec.graph.differences import differences
    from mlspec.graph.errors import GraphError
    from mlspec.graph.plan_format import read_plan

    try:
        before, after = (read_plan((folder / "plan.json").read_bytes()) for folder in (old, new))
    except (OSError, GraphError):
        return None
    blocks = {stage.id: stage.block for stage in (*before, *after)}
    found: dict[str, dict[str, Any]] = {}
    for stage in after:
        if stage.id in before.stages:
            for item in differences(after.spec, before[stage.id], stage, blocks):
                found.setdefault(item.where, {"where": item.where, "old": item.old, "new": item.new})
        else:
            found.setdefault(stage.id, {"where": stage.id, "old": None, "new": f"a `{stage.kind}` stage"})
    for stage in before:
        if stage.id not in after.stages:
            found.setdefault(stage.id, {"where": stage.id, "old": f"a `{stage.kind}` stage", "new": None})
    return list(found.values())


def as_text(value: Mapping[str, Any], paint: Callable[[str, str], str]) -> str:
    """The comparison for people."""
    lines = [f"{paint('bold', clean(str(value['new']['spec'])))} run {value['old']['run']} → {value['new']['run']}"]
    for title, rows in (
        ("metrics", _metric_rows(value, paint)),
        ("gates", _gate_rows(value, paint)),
        ("figures", _figure_rows(value)),
    ):
        lines += _table(title, rows, paint)
    for title, name, key in (("parameters", "params", ("model", "name")), ("spec", "spec", ("where",)),
                             ("data", "data", ("stage", "name")), ("libraries", "libraries", ("name",))):  # fmt: skip
        found = value[name]
        if found is None:
            lines += [paint("bold", title), "  one of the runs has no plan that can be read"]
        else:
            lines += _table(title, [[".".join(clean(str(row[part])) for part in key), _short(row["old"]), "→", _short(row["new"])]
                                    for row in found], paint)  # fmt: skip
    return "\n".join(lines) + "\n"


def _table(title: str, rows: list[list[str]], paint: Callable[[str, str], str]) -> list[str]:
    if not rows:
        return []
    widths = [max(_width(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        paint("bold", title),
        *("  " + "  ".join(_padded(cell, widths[at]) for at, cell in enumerate(row)).rstrip() for row in rows),
    ]


def _width(cell: str) -> int:
    import re

    return len(re.sub(r"\x1b\[[0-9;]*m", "", cell))


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _metric_rows(value: Mapping[str, Any], paint: Callable[[str, str], str]) -> list[list[str]]:
    """The metrics that differ, or are on one side alone; of those that are equal the number is enough."""
    rows, equal = [], 0
    for row in value["metrics"]:
        if row["difference"] == 0:
            equal += 1
            continue
        colour = {True: "green", False: "red", None: "bold"}[row["better"]]
        change = "" if row["difference"] is None else paint(colour, f"{row['difference']:+.4f}")
        rows.append([clean(f"{row['metric']}({row['model']})"), _number(row["old"]), "→", _number(row["new"]), change])
    if equal:
        rows.append([f"{equal} others are equal", "", "", "", ""])
    return rows


def _gate_rows(value: Mapping[str, Any], paint: Callable[[str, str], str]) -> list[list[str]]:
    return [[clean(f"{row['gates']}.{row['gate']}"), _gate(row["old"], paint), "→", _gate(row["new"], paint)]
            for row in value["gates"] if row["old"] != row["new"]]  # fmt: skip


_LIKE = 0.05
"""Readings of a clock that are nearer than this say nothing."""


def _figure_rows(value: Mapping[str, Any]) -> list[list[str]]:
    """What differs: sizes in any byte, readings by more than a clock does."""
    return [[clean(f"{row['block']}.{row['figure']}"), _amount(row["old"], row["unit"]), "→", _amount(row["new"], row["unit"]),
             "" if row["ratio"] is None else f"× {row['ratio']:.2f}"]
            for row in value["figures"]
            if row["old"] != row["new"] and (row["unit"] == "bytes" or row["ratio"] is None or abs(row["ratio"] - 1) > _LIKE)]  # fmt: skip


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    if unit == "bytes":
        return f"{value / 1024:,.1f} KiB"
    return f"{value * 1000:.3g} ms" if unit == "seconds" else f"{value:,.0f} {unit}"


def _gate(found: Mapping[str, Any] | None, paint: Callable[[str, str], str]) -> str:
    if found is None:
        return "none"
    colour = {"passed": "green", "failed": "red"}.get(found["status"], "bold")
    return paint(colour, found["status"]) + ("" if found["value"] is None else f" {_number(found['value'])}")


def _number(value: Any) -> str:
    return "none" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _short(value: Any) -> str:
    text = "nothing" if value is None else clean(str(value))
    return text if len(text) <= 40 else text[:39] + "…"
