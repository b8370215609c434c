"""How a model behaves on rows that were changed: `robustness`, `invariant` and `monotone`.

The source columns are changed, and features are computed of them as for a request, so that fills, unknown categories and
expressions over several columns take part. Each question is answered with outcomes of the same rows, which the evaluator
compares, groups and bounds as any others: of `robustness(…, of: metric)` the true labels beside the new scores, of all others
"it holds" or not, of which the accuracy is the share.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.context import StageContext
from mlspec.runtime.evaluate import perturb
from mlspec.runtime.evaluate.held_out import BATCH, PartReader, class_places
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric
from mlspec.runtime.evaluate.scoring import finite_scores
from mlspec.runtime.extern.declaration import declared

ROBUSTNESS, INVARIANT, MONOTONE = "robustness", "invariant", "monotone"
QUESTIONS = (ROBUSTNESS, INVARIANT, MONOTONE)
CHANGES = ("shift", "noise", "missing", "unseen")
NUMBERS = ("regression", "ranking")
# A column with more different values than this is given one other value a row instead of all of them.
MOST_VALUES = 24
STEPS = 11
# A score that falls by less than its own rounding does not fall.
ROUNDING = 1e-9


def plain_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Named arguments as plain values, those that are absent left out."""
    found = {key: value[1] if isinstance(value, list) and value[:1] == ["lit"] else value for key, value in given.items()}
    return {key: value for key, value in found.items() if value is not None}


def name_of(node: Any) -> str:
    """The name under which the outcomes of a question are kept."""
    return f"{node[2]}~{node[1]}~{json.dumps(plain_arguments(node[3]), sort_keys=True)}"


def questions_in(node: Any) -> list[Any]:
    """The metric nodes of an expression that are questions of behaviour."""
    if node[0] == "metric":
        return [node] if node[1] in QUESTIONS else []
    return [found for part in node[2] for found in questions_in(part)] if node[0] == "call" else []


def compared_metric(node: Any) -> Any:
    """The question as a metric of its outcomes: the one named with `of:`, else the share of rows where it holds."""
    return ["metric", plain_arguments(node[3]).get("of", "accuracy"), name_of(node), {}]


@dataclass(frozen=True)
class Asked:
    """The outcomes of questions of behaviour by name, and why there are none."""

    outcomes: dict[str, Outcomes] = field(default_factory=dict)
    void: dict[str, str] = field(default_factory=dict)


def answers(context: StageContext, reader: PartReader, models: Mapping[str, Outcomes], packages: Mapping[str, Any]) -> Asked:
    """The outcomes that `robustness`, `invariant` and `monotone` ask for."""
    nodes = [node for item in context.config["quantities"] for node in questions_in(item["expression"]) if node[2] in models]
    fitted, found = context.config.get("fitted") or {}, Asked()
    subjects: dict[str, Subject] = {}
    for done, node in enumerate(nodes):
        model, name = node[2], name_of(node)
        if model not in subjects:
            fitted_on = reader.of_part(str(fitted.get(model, reader.part)))
            subjects[model] = Subject(context, reader, packages[model], models[model], fitted_on)
        if name not in found.outcomes and name not in found.void:
            try:
                found.outcomes[name] = outcomes_of_question(subjects[model], node)
            except UndefinedMetric as error:
                found.void[name] = str(error)
            context.progress(done + 1, len(nodes), f"asking {model} on changed rows")
    return found


def scores_of(package: Any, reader: PartReader, rows: Any) -> Any:
    """A package's answers to an Arrow table of source rows: in one query, or as requests where externs compute its features."""
    if not declared(package.features):
        return package.score_values(reader.computed_over(package.features, rows))
    try:
        return package.score(rows.drop_columns(["__row"]).to_pylist())
    finally:
        package.close()


@dataclass
class Subject:
    """One model on the held-out rows: what it reads, what it answered, and how it is asked again."""

    context: StageContext
    reader: PartReader
    package: Any
    base: Outcomes
    fitted_on: PartReader

    @cached_property
    def columns(self) -> dict[str, Mapping[str, Any]]:
        """The source columns that the model reads."""
        return {str(column["name"]): column for column in self.package.columns}

    @cached_property
    def rows(self) -> Any:
        """These columns of the part, as an Arrow table with `__row` first."""
        table = self.reader.select([("rows", name) for name in self.columns])
        return table.rename_columns(["__row", *self.columns]).combine_chunks()

    def random(self, purpose: str, column: str) -> np.random.Generator:
        """The draws for one purpose on one column."""
        return np.random.Generator(np.random.PCG64(self.context.seed(f"{purpose}.{column}")))

    def column(self, name: str) -> Any:
        """The values of a column in the part."""
        return self.rows.column(name).combine_chunks()

    def fitted_spread(self, name: str) -> float:
        """The standard deviation of a column over the rows that the model was fitted on."""
        return perturb.spread(self.fitted_on.select([("rows", name)]).column("c0"))

    def answers(self, changed: Mapping[str, Any]) -> tuple[Floats, NDArray[Any]]:
        """Scores and encoded decisions with these columns in place of the true ones."""
        table = self.rows
        for name, values in changed.items():
            table = table.set_column(table.schema.get_field_index(name), name, values)
        scores, decisions = [], []
        for start in range(0, len(table), BATCH):
            found = scores_of(self.package, self.reader, table.slice(start, BATCH))
            scores.append(finite_scores(found.score, self.package.name))
            decisions.extend(found.decision)
        return np.concatenate(scores), self._encoded(decisions)

    def _encoded(self, decisions: Sequence[Any]) -> NDArray[Any]:
        if self.base.task in NUMBERS:
            return np.array(decisions, dtype=np.float64)
        label = {"task": self.base.task, "positive": self.package.positive, "classes": list(self.package.classes)}
        places = class_places(label)
        return np.array([places[value] for value in decisions], dtype=np.int64)

    def holds(self, rows: NDArray[np.bool_]) -> Outcomes:
        """Outcomes whose accuracy is the share of rows for which something holds."""
        ones = np.ones(len(rows), dtype=np.int64)
        return Outcomes("binary", ones, rows.astype(np.float64), rows.astype(np.int64))


def outcomes_of_question(subject: Subject, node: Any) -> Outcomes:
    """The outcomes of one question; UndefinedMetric where it cannot be asked of this model."""
    answer: dict[str, Callable[[Subject, Mapping[str, Any]], Outcomes]] = {
        ROBUSTNESS: _robustness, INVARIANT: _invariant, MONOTONE: _monotone,
    }  # fmt: skip
    return answer[node[1]](subject, plain_arguments(node[3]))


def _robustness(subject: Subject, given: Mapping[str, Any]) -> Outcomes:
    if subject.base.task in NUMBERS and "of" not in given:
        raise UndefinedMetric("a number decides nothing: say which metric, as in `robustness(…, of: mae)`")
    score, decision = subject.answers(_changed(subject, given))
    if "of" in given:
        return replace(subject.base, score=score, decision=decision)
    return subject.holds(decision == subject.base.decision)


def _changed(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """The changed columns: shifted, then with noise, then with values lost, then with values that nobody has seen."""
    changed: dict[str, Any] = {}

    def current(name: str) -> Any:
        return changed.get(name, subject.column(name))

    for change in CHANGES:
        if change in given:
            found = _CHANGE[change](subject, float(given[change]), current)
            if all(values.equals(current(name)) for name, values in found.items()):
                raise UndefinedMetric(_NOTHING[change])
            changed.update(found)
    return changed


_NOTHING = {
    "shift": "the shift moves no value: the model reads no number that a step of this size changes",
    "noise": "the noise moves no value: the model reads no number that a step of this size changes",
    "missing": "no value is lost: no column that the model reads may be null",
    "unseen": "no value is new: the model reads no open category",
}
Current = Callable[[str], Any]


def _shifted(subject: Subject, size: float, current: Current) -> dict[str, Any]:
    return {
        name: perturb.moved(current(name), column, size * subject.fitted_spread(name))
        for name, column in subject.columns.items()
        if perturb.is_number(column)
    }


def _noisy(subject: Subject, size: float, current: Current) -> dict[str, Any]:
    return {
        name: perturb.moved(
            current(name), column,
            subject.random("robustness.noise", name).standard_normal(len(subject.rows)) * size * subject.fitted_spread(name),
        )
        for name, column in subject.columns.items()
        if perturb.is_number(column)
    }  # fmt: skip


def _lossy(subject: Subject, share: float, current: Current) -> dict[str, Any]:
    return {
        name: perturb.replaced(current(name), _chosen(subject, "missing", name, share), None)
        for name, column in subject.columns.items()
        if perturb.may_be_null(column)
    }


def _unseen(subject: Subject, share: float, current: Current) -> dict[str, Any]:
    if subject.package.manifest.unknown == "reject":
        raise UndefinedMetric("the model refuses values that it has not seen (`unknown = reject`)")
    found = {}
    for name, column in subject.columns.items():
        if perturb.may_be_new(column):
            known = set(subject.column(name).to_pylist()) | set(subject.fitted_on.select([("rows", name)])["c0"].to_pylist())
            chosen = _chosen(subject, "unseen", name, share)
            found[name] = perturb.replaced(current(name), chosen, perturb.unseen_value(known))
    return found


_CHANGE: dict[str, Callable[[Subject, float, Current], dict[str, Any]]] = {
    "shift": _shifted, "noise": _noisy, "missing": _lossy, "unseen": _unseen,
}  # fmt: skip


def _chosen(subject: Subject, change: str, name: str, share: float) -> NDArray[np.bool_]:
    """Each row with this chance, drawn for the column alone."""
    return np.asarray(subject.random(f"robustness.{change}", name).random(len(subject.rows)) < share)


def _invariant(subject: Subject, given: Mapping[str, Any]) -> Outcomes:
    """Whether the answer stays the same whatever the column holds: each of its values, or where they are many that of another row."""
    name = str(given["to"])
    if name not in subject.columns:
        raise UndefinedMetric(f"the model does not read `{name}`, so that nothing is shown")
    held, stays = subject.column(name), np.ones(len(subject.rows), dtype=bool)
    declared = subject.columns[name].get("values")
    values = list(declared) if declared else sorted({value for value in held.to_pylist() if value is not None})
    if len(values) > MOST_VALUES:
        order = subject.random("invariant", name).permutation(len(held))
        tries = [held.take(_integers(order))]
    else:
        tries = [perturb.constant(held, value) for value in values]
    for tried in tries:
        score, decision = subject.answers({name: tried})
        stays &= _same(subject, score, decision)
    return subject.holds(stays)


def _integers(order: NDArray[np.int64]) -> Any:
    import pyarrow as pa

    return pa.array(order, pa.int64())


def _same(subject: Subject, score: Floats, decision: NDArray[Any]) -> NDArray[np.bool_]:
    if subject.base.task not in NUMBERS:
        return np.asarray(decision == subject.base.decision)
    return np.asarray(np.abs(score - subject.base.score) <= ROUNDING * np.maximum(1.0, np.abs(subject.base.score)))


def _monotone(subject: Subject, given: Mapping[str, Any]) -> Outcomes:
    """Whether a row's score only goes one way while the column walks up its deciles."""
    name, sign = str(given["along"]), 1.0 if given.get("direction", "up") == "up" else -1.0
    if name not in subject.columns:
        raise UndefinedMetric(f"the model does not read `{name}`, so that nothing is shown")
    if subject.base.score.ndim > 1:
        raise UndefinedMetric("a model of many classes has no single score to go up or down")
    held = subject.column(name)
    known = perturb.floats(held)
    steps = np.unique(np.quantile(known[~np.isnan(known)], np.linspace(0, 1, STEPS), method="nearest")) if len(known) else known
    if len(steps) < 2:
        raise UndefinedMetric(f"`{name}` has one value in the part: nothing goes up or down with it")
    before, goes = None, np.ones(len(subject.rows), dtype=bool)
    for step in steps:
        score, _ = subject.answers({name: perturb.numbers_as(held.type, np.full(len(held), step))})
        if before is not None:
            goes &= sign * (score - before) >= -ROUNDING * np.maximum(1.0, np.abs(before))
        before = score
    return subject.holds(goes)
