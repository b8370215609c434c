"""What the last run found of models and gates, as rows for pages: numbers in their units, groups of few rows withheld."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mlspec.doc.privacy import WITHHELD, groups_hidden, withheld
from mlspec.doc.subject import Subject, expression_text
from mlspec.page.html import Html, drawn
from mlspec.spec.model import Block, Definition

# What an evaluation says of groups without a number: the sentence, then each group with its name and count.
_OF_GROUPS = re.compile(r"(a group of `[^`]*` (?:is smaller than min_group [\d,]+|has no value)): .*", re.DOTALL)


class Judged(NamedTuple):
    """One gate: its condition in the spec, and of the last run its verdict, value, evidence, groups and drawing."""

    block: Block
    gate: Definition
    condition: str
    status: str
    value: str
    evidence: str
    reason: str
    groups: list[str]
    chart: Html | None


def judged_gates(subject: Subject) -> list[Judged]:
    """Every gate of the spec in order of writing."""
    found = _shown(subject)
    rows = []
    for block in subject.blocks("gates"):
        for gate in block.definitions.values():
            shown, raw = found.get((block.name, gate.name), ({}, {}))
            chart = shown.get("chart")
            rows.append(Judged(
                block, gate, expression_text(gate.value), str(raw.get("status") or ""), str(shown.get("value") or ""),
                str(shown.get("evidence") or ""), _reason(raw), list(_groups(subject, gate, raw)),
                None if chart is None else drawn(chart),
            ))  # fmt: skip
    return rows


def _shown(subject: Subject) -> dict[tuple[str, str], tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each judged gate as the report words it, with what the verdict holds of it."""
    if subject.run is None:
        return {}
    from mlspec.runtime.report.gates_part import gates_part

    evidence = subject.run.evidence
    found = {}
    for part in gates_part(evidence):
        for shown, raw in zip(part["gates"], evidence.verdict[part["name"]]["gates"], strict=True):
            found[str(part["name"]), str(shown["name"])] = (shown, raw)
    return found


def _reason(raw: Mapping[str, Any]) -> str:
    """Why a gate did not pass, without the groups that it names: they are listed beside it, those of few rows withheld."""
    return _OF_GROUPS.sub(r"\1", str(raw.get("reason") or ""))


def _groups(subject: Subject, gate: Definition, raw: Mapping[str, Any]) -> Iterator[str]:
    """The groups that a gate compares; those of few rows, and names of persons, are withheld."""
    groups = raw.get("groups") or {}
    if not groups:
        return
    from mlspec.runtime.report.shown import in_unit

    unit = raw.get("unit")
    show = in_unit("ratio" if unit in ("ratio", "points") else unit)
    counts = [int(row.get("n") or 0) for row in groups.values()]
    hidden = withheld(counts, subject.min_cell)
    nameless = groups_hidden(subject, _by(gate))
    for place, (name, row) in enumerate(groups.items()):
        if hidden[place]:
            yield f"a group of few rows: {WITHHELD}"
        else:
            value = "no value" if row.get("value") is None else show(row["value"])
            yield f"{f'group {place + 1}' if nameless else name}: {value} (n = {counts[place]:,})"


def _by(gate: Definition) -> Sequence[object] | None:
    """What a gate groups by: the first column or feature that it names, a period where it names none."""
    for ref in gate.value.refs:
        if ref.kind in ("column", "feature"):
            return (ref.kind, ref.member or "")
    return ("period", "")


class Metric(NamedTuple):
    """A metric of several models: what it is called, which way is better, and per model (value, interval)."""

    name: str
    cells: list[tuple[str, str]]


class Compared(NamedTuple):
    """The models of one evaluation side by side."""

    block: str
    part: str
    rows: int
    confidence: float
    candidate: str
    models: list[str]
    metrics: list[Metric]


def compared_models(subject: Subject) -> list[Compared]:
    """One table a gates block that was evaluated; the candidate stands first."""
    if subject.run is None:
        return []
    from mlspec.runtime.report.shown import metric_name, of_metric

    found = []
    for name, metrics in subject.run.evidence.metrics.items():
        candidate = str(metrics.get("candidate") or "")
        models = sorted(metrics["models"], key=lambda model: (model != candidate, model))
        known = metrics["models"][models[0]] if models else {}
        rows = [Metric(metric_name(metric), [_cell(of_metric, metric, metrics["models"][model].get(metric, {})) for model in models])
                for metric in known]  # fmt: skip
        found.append(
            Compared(name, str(metrics["part"]), int(metrics["n"]), float(metrics["confidence"]), candidate, models, rows)
        )
    return found


def _cell(of_metric: Any, metric: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    low, high = entry.get("low"), entry.get("high")
    span = "" if low is None or high is None else f"{of_metric(metric, low)} to {of_metric(metric, high)}"
    return str(of_metric(metric, entry.get("value"))), span


class Slice(NamedTuple):
    """The candidate's metrics by the values of one column or feature."""

    model: str
    name: str
    metrics: list[str]
    rows: list[tuple[str, str, list[str]]]


def slices(subject: Subject) -> list[Slice]:
    """Every grouping that the run evaluated; groups of few rows show neither their number nor their metrics."""
    if subject.run is None:
        return []
    from mlspec.runtime.report.shown import metric_name, of_metric

    found = []
    for metrics in subject.run.evidence.metrics.values():
        for item in metrics.get("slices", ()):
            model = str(metrics.get("candidate") or next(iter(metrics["models"])))
            counts = [int(value["n"] or 0) for value in item["values"]]
            few = withheld(counts, max(subject.min_cell, 1))
            hidden = [hides or value["n"] is None for hides, value in zip(few, item["values"], strict=True)]
            nameless = groups_hidden(subject, item["by"])
            rows = []
            for place, value in enumerate(item["values"]):
                values = None if hidden[place] else value["models"].get(model)
                name = "a group of few rows" if hidden[place] else f"group {place + 1}" if nameless else str(value["value"])
                cells = [of_metric(metric, values[metric]) if values else "" for metric in item["metrics"]]
                rows.append((name, WITHHELD if hidden[place] else f"{counts[place]:,}", cells))
            found.append(Slice(model, str(item["by"][1]), [metric_name(metric) for metric in item["metrics"]], rows))
    return found


def found_value(check: Mapping[str, Any] | None, definition: Definition | None) -> str:
    """What a check of a source found, as a share where its condition is written in percent."""
    value = None if check is None else check.get("value")
    if isinstance(value, bool) or value is None:
        return "–"
    if isinstance(value, float):
        shares = definition is not None and "%" in definition.value.span.text
        return f"{value:.2%}" if shares else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
