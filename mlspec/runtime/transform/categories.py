"""Fitted steps on categories: onehot, ordinal, target_rate, hash_bucket.

A category is a text or a number. Null has no column of its own in `onehot` and `hash_bucket`, counts as unknown in
`target_rate` and stays null in `ordinal`.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Column, Floats, numbers_column
from mlspec.runtime.transform.target import Target

State = dict[str, Any]
Key = str | float

NULL, UNKNOWN = -1, -2


def fit_onehot(column: Column, options: Mapping[str, Any]) -> State:
    """The categories that get a column of their own, in order; with `max`, the most frequent ones."""
    counts = Counter(key for key in _keys(column) if key is not None)
    if not counts:
        raise StageError(
            "MLS204", f"feature `{column.names[0]}` is null in every row that it is fitted on", f"features.{column.names[0]}",
            expected="at least one category", found=f"{len(column)} nulls",
            help="leave the feature out, or fill it with a given value",
        )  # fmt: skip
    limit = options.get("max")
    kept = sorted(counts, key=lambda key: (-counts[key], key))[: int(limit)] if limit else list(counts)
    return {"categories": sorted(kept), "rest": sorted(set(counts) - set(kept))}


def apply_onehot(state: State, column: Column, unknown: str) -> list[Column]:
    """One 0/1 column a category; all 0 for null and for a category that has none."""
    categories = state["categories"]
    places = _places(column, categories, unknown, state["rest"])
    spread = np.zeros((len(places), len(categories)))
    held = places >= 0
    spread[np.flatnonzero(held), places[held]] = 1.0
    return [numbers_column([f"{column.names[0]}={category}" for category in categories], spread)]


def fit_ordinal(column: Column, options: Mapping[str, Any]) -> State:
    """The categories in the order of their declaration, in sorted order where none is declared."""
    declared = options.get("values")
    return {"categories": list(declared) if declared else sorted({key for key in _keys(column) if key is not None})}


def apply_ordinal(state: State, column: Column, unknown: str) -> list[Column]:
    """The place of the category, from 0; -1 where it is unknown."""
    places = _places(column, state["categories"], unknown)
    numbers = np.where(places == UNKNOWN, -1.0, places.astype(np.float64))
    return [numbers_column(column.names, np.where(places == NULL, np.nan, numbers))]


def fit_target_rate(column: Column, options: Mapping[str, Any], target: Target) -> State:
    """The smoothed mean label of each category; of each class and category where there are many classes."""
    smoothing = float(options.get("smoothing", 20.0))
    labels = _label_lines(target)
    prior = [math.fsum(line) / len(line) for line in labels]
    rows: dict[Key, list[int]] = {}
    for row, key in enumerate(_keys(column)):
        if key is not None:
            rows.setdefault(key, []).append(row)
    categories = sorted(rows)
    rates = [
        [(math.fsum(line[row] for row in rows[key]) + smoothing * mean) / (len(rows[key]) + smoothing)
         for line, mean in zip(labels, prior, strict=True)]
        for key in categories
    ]  # fmt: skip
    return {"categories": categories, "rates": rates, "prior": prior}


def apply_target_rate(state: State, column: Column, unknown: str) -> list[Column]:
    """The rate of the category, the prior where it is null or unknown."""
    places = _places(column, state["categories"], unknown)
    width = len(state["prior"])
    table = np.array([*state["rates"], state["prior"]], dtype=np.float64)
    picked = np.where(places >= 0, places, len(state["categories"]))
    names = column.names if width == 1 else [f"{column.names[0]}.{place}" for place in range(width)]
    return [numbers_column(names, table[picked])]


def target_rate_of_own_part(state: State, column: Column, options: Mapping[str, Any], target: Target) -> list[Column]:
    """The values for the fitting rows themselves: each row's rate comes from the folds that it is not in.

    A row that helped to make its own rate would tell the estimator its label.
    """
    folds = target.folds(int(options.get("folds", 5)))
    values: Floats = np.empty((len(column), len(state["prior"])))
    for fold in range(int(folds.max(initial=0)) + 1):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if not len(outside):
            raise StageError("MLS309", "target_rate needs rows of at least two groups", expected="two groups", found="one")
        partial = fit_target_rate(column.take(outside), options, target.take(outside))
        (block,) = apply_target_rate(partial, column.take(inside), "encode")
        assert block.numbers is not None
        values[inside] = block.numbers
    (whole,) = apply_target_rate(state, column, "encode")
    return [numbers_column(whole.names, values)]


def fit_hash_bucket(column: Column, options: Mapping[str, Any]) -> State:
    """Nothing is learned: the number of buckets."""
    return {"buckets": int(options["buckets"])}


def apply_hash_bucket(state: State, column: Column) -> list[Column]:
    """One 0/1 column a bucket, by SHA-256 of the category: any category has one; all 0 for null."""
    buckets = int(state["buckets"])
    spread = np.zeros((len(column), buckets))
    cache: dict[Key, int] = {}
    for row, key in enumerate(_keys(column)):
        if key is None:
            continue
        if key not in cache:
            cache[key] = int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:8], "big") % buckets
        spread[row, cache[key]] = 1.0
    return [numbers_column([f"{column.names[0]}#{bucket}" for bucket in range(buckets)], spread)]


def _keys(column: Column) -> list[Key | None]:
    if len(column.names) != 1:
        raise StageError(
            "MLS201", f"`{column.names[0]}` is spread over {len(column.names)} columns already", expected="one category a row",
            found=f"{len(column.names)} columns", help="apply this step before `onehot` or `tfidf`",
        )  # fmt: skip
    if column.texts is not None:
        return list(column.texts)
    return [None if number != number else number for number in column.values.tolist()]


def _places(column: Column, categories: list[Key], unknown: str, rest: list[Key] | None = None) -> NDArray[np.int64]:
    """Each row's place among the categories, NULL or UNKNOWN; StageError for an unknown one if the policy is to reject."""
    table: dict[Key | None, int] = {key: place for place, key in enumerate(categories)}
    table[None] = NULL
    if unknown == "reject":
        known = table | dict.fromkeys(rest or (), UNKNOWN)
        for key in _keys(column):
            if key not in known:
                _reject(column.names[0], key)
    return np.array([table.get(key, UNKNOWN) for key in _keys(column)], dtype=np.int64)


def _reject(name: str, value: Key | None) -> None:
    raise StageError(
        "MLS211", f"feature `{name}` has a value that the model was not fitted on", f"features.{name}",
        expected="a value of the training part", found=repr(value)[:60],
        help="set `unknown = encode` in the features block to accept it as unknown",
    )  # fmt: skip


def _label_lines(target: Target) -> list[list[float]]:
    """The label as lines of numbers to average: itself, or one 0/1 line a class."""
    if target.task != "multiclass":
        return [target.y.tolist()]
    return [(target.y == place).astype(np.float64).tolist() for place in range(target.classes)]
