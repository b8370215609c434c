"""Scoring a package of the registry: from the source's rows, by the feature expressions that it carries.

It was made by an earlier text of the spec, whose features may be other ones than those that are computed now. So it reads the rows
as a request would bring them, and no value of the current features block. What it cannot read is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.held_out import HeldOut, PartReader, class_places
from mlspec.runtime.evaluate.outcomes import Outcomes, outcomes_of
from mlspec.runtime.evaluate.predictions import favourable_code, finite_scores


def score_registered(
    context: StageContext, reader: PartReader, held: HeldOut, label: Mapping[str, Any], package: Any, name: str
) -> Outcomes:
    """The package's scores and decisions on every row of the part, a batch at a time; MLS835 where it does not fit."""
    check_fits(reader, label, package, name)
    places = class_places(label) if label["task"] != "regression" else {}
    order = _columns_in_order(label, package)
    scores, decisions, done = [], [], 0
    for result in _answers(reader, package, name):
        found = finite_scores(result.score, name)
        scores.append(found if order is None else found[:, order])
        decisions.append([places[decision] for decision in result.decision] if places else [])
        done += len(result.score)
        context.progress(done, len(held), f"scoring {name}")
    return outcomes_of(
        held.y, np.concatenate(scores), np.concatenate(decisions) if places else None, task=label["task"],
        classes=label["classes"] if places else (), favourable=favourable_code(label),
    )  # fmt: skip


def _answers(reader: PartReader, package: Any, name: str) -> Iterator[Any]:
    """The package's answers to the part: from one query, or as requests where externs compute its features."""
    if not package.code:
        yield from (package.score_values(values) for values in reader.computed(package.features, name))
        return
    try:
        yield from map(package.score, reader.requests([str(column["name"]) for column in package.columns]))
    finally:
        package.close()


def check_fits(reader: PartReader, label: Mapping[str, Any], package: Any, name: str) -> None:
    """MLS835 where the package predicts something else than the label, or reads columns that the rows lack."""
    if package.task != label["task"]:
        raise _refused(name, "it was made for another label", f"a {label['task']} model", f"a {package.task} model")
    if label["task"] != "regression" and {*package.classes} != {*label["classes"]}:
        raise _refused(name, "it knows other classes", _listed(label["classes"]), _listed(package.classes))
    if label["task"] == "binary" and package.positive != label["positive"]:
        raise _refused(name, "it finds another class", f"positive {label['positive']!r}", f"positive {package.positive!r}")
    faults = [fault for column in package.columns if (fault := _fault(reader, column))]
    if faults:
        raise _refused(name, f"it reads {len(faults)} column{'s' * (len(faults) > 1)} that the rows do not have as it needs them",
                       "the columns of its request", "; ".join(faults[:5]))  # fmt: skip


def _fault(reader: PartReader, column: Mapping[str, Any]) -> str:
    """Why a column of the package's request cannot be read from the rows, "" where it can."""
    name, wanted = str(column["name"]), str(column["type"]).removesuffix("?")
    there = reader.row_column(name)
    if there is None:
        return f"no column `{name}`"
    if str(there["type"]).removesuffix("?") != wanted:
        return f"`{name}` is {there['type']}, it was {wanted}"
    if not _nullable(column) and _nullable(there) and (missing := reader.nulls(name)):
        return f"{missing:,} rows have no `{name}`, which was in every row"
    return ""


def _nullable(column: Mapping[str, Any]) -> bool:
    return bool(column.get("optional")) or str(column["type"]).endswith("?")


def _columns_in_order(label: Mapping[str, Any], package: Any) -> list[int] | None:
    """Where the package has the label's classes among its scores, None where the order is the same or there is one score."""
    if label["task"] != "multiclass" or list(package.classes) == list(label["classes"]):
        return None
    return [list(package.classes).index(value) for value in label["classes"]]


def _listed(values: Any) -> str:
    return ", ".join(map(str, values))


def _refused(name: str, why: str, expected: str, found: str) -> StageError:
    return StageError(
        "MLS835", f"the registered model `{name}` cannot be judged here: {why}", name, expected=expected, found=found,
        help="compare with a version that this spec's rows can feed, or leave its gates out until one is promoted",
    )  # fmt: skip
