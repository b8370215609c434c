"""Scoring packages on a part: one loop, whether a package was made from today's features or comes from the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.held_out import HeldOut, PartReader, class_places
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, outcomes_of
from mlspec.runtime.evaluate.registered import check_fits, columns_in_order


def score_package(
    context: StageContext, reader: PartReader, held: HeldOut, label: Mapping[str, Any], package: Any, name: str, *, fetched: bool = False
) -> Outcomes:  # fmt: skip
    """The package's scores and decisions on every row of the part, a batch at a time; MLS835 for a `fetched` one that does not fit."""
    if fetched:
        check_fits(reader, label, package, name)
    order = columns_in_order(label, package) if fetched else None
    places = class_places(label) if label["task"] != "regression" else {}
    scores, decisions, done = [], [], 0
    for values in feature_values(reader, package, name, fetched):
        result = package.score_values(values)
        found = finite_scores(result.score, name)
        scores.append(found if order is None else found[:, order])
        decisions.append([places[decision] for decision in result.decision] if places else [])
        done += len(found)
        context.progress(done, len(held), f"scoring {name}")
    return outcomes_of(
        held.y, np.concatenate(scores), np.concatenate(decisions) if places else None, task=label["task"],
        classes=label["classes"] if places else (), favourable=favourable_code(label), query=queries_of(label, held),
    )  # fmt: skip


def queries_of(label: Mapping[str, Any], held: HeldOut) -> NDArray[np.int64] | None:
    """The query of each row where the label is a relevance; the split keeps each whole, so it is the group of the row."""
    return held.groups if "query" in label else None


def registered(context: StageContext, name: str) -> bool:
    """Whether a model comes from the registry: its features are then its own, computed from the source's rows."""
    return name in (context.config.get("if_absent") or {})


def reader_of(context: StageContext, reader: PartReader, name: str) -> PartReader:
    """The reader of the features that a model was fitted on: those of the first model, unless the config names another block."""
    block = (context.config.get("values_of") or {}).get(name)
    return reader if block is None else reader.of_values(str(block))


def feature_values(reader: PartReader, package: Any, name: str, fetched: bool) -> Iterator[Mapping[str, NDArray[Any]]]:
    """What a package reads of the part, a batch at a time: today's values, or of the registry its own features over the rows.

    These come from one query, or are asked for as requests ask where externs compute them.
    """
    if not fetched:
        yield from reader.batches([str(feature["name"]) for feature in package.features])
    elif not package.code:
        yield from reader.computed(package.features, name)
    else:
        try:
            yield from map(package.values, reader.requests([str(column["name"]) for column in package.columns]))
        finally:
            package.close()


def finite_scores(score: Any, name: str) -> Floats:
    """The scores; NaN or an infinity among them would be compared as if it were a score."""
    found = np.asarray(score, dtype=np.float64)
    bad = int((~np.isfinite(found)).sum())
    if bad:
        raise StageError(
            "MLS807", f"the package `{name}` gave {bad} scores that are no numbers", name, expected="finite scores",
            found=f"{bad} of {found.size} NaN or infinite", help="look at the estimator's parameters and at the inputs' ranges",
        )  # fmt: skip
    return found


def favourable_code(label: Mapping[str, Any]) -> int:
    """The number of the favourable class; the positive one where nothing else is said."""
    if label["task"] != "binary":
        return 1
    favourable = label.get("favourable")
    return 1 if favourable is None else int(favourable == label["positive"])
