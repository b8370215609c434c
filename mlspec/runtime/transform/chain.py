"""All fitted steps of all features of a model: fit them, apply them, read and write their state as JSON.

`apply` is the one implementation for the rows of an evaluation and for a single request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.transform import categories, numeric, tokenizer, tokens, words
from mlspec.runtime.transform.columns import Column, Floats, vector_column
from mlspec.runtime.transform.target import Target

State = dict[str, Any]
Step = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One kind of fitted step: what it learns from a column, and how it changes one.

    `label` says that learning reads the label too, `unknown` that changing minds the policy for unknown values; `fitting_rows`
    gives the values of the very rows that were learned from, where these are others. `aside` names texts of the state that are files of
    the package of their own, `ready` makes what a state that was read needs before the first row.
    """

    fit: Callable[..., State]
    apply: Callable[..., list[Column]]
    label: bool = False
    unknown: bool = False
    fitting_rows: Callable[[State, Column, Step, Target], list[Column]] | None = None
    aside: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[State], Any] | None = None

    def learn(self, step: Step, column: Column, target: Target) -> State:
        """The state of the step, learned from these rows."""
        return self.fit(column, step, target) if self.label else self.fit(column, step)

    def change(self, state: State, column: Column, unknown: str) -> list[Column]:
        """The columns that any rows become."""
        return self.apply(state, column, unknown) if self.unknown else self.apply(state, column)

    def change_fitting_rows(self, state: State, column: Column, step: Step, target: Target) -> list[Column]:
        """The columns that the fitting rows become."""
        if self.fitting_rows is not None:
            return self.fitting_rows(state, column, step, target)
        return self.change(state, column, "encode")


OPERATIONS: Mapping[str, Operation] = {
    "fill": Operation(numeric.fit_fill, numeric.apply_fill),
    "scale": Operation(numeric.fit_scale, numeric.apply_scale),
    "quantile_bucket": Operation(numeric.fit_quantile_bucket, numeric.apply_quantile_bucket),
    "onehot": Operation(categories.fit_onehot, categories.apply_onehot, unknown=True),
    "ordinal": Operation(categories.fit_ordinal, categories.apply_ordinal, unknown=True),
    "target_rate": Operation(
        categories.fit_target_rate, categories.apply_target_rate, label=True, unknown=True,
        fitting_rows=categories.target_rate_of_own_part,
    ),
    "hash_bucket": Operation(categories.fit_hash_bucket, categories.apply_hash_bucket),
    "tfidf": Operation(words.fit_tfidf, words.apply_tfidf),
    "tokens": Operation(tokens.fit_tokens, tokens.apply_tokens),
    "tokenizer": Operation(tokenizer.fit_tokenizer, tokenizer.apply_tokenizer, aside=tokenizer.ASIDE, ready=tokenizer.ready),
}  # fmt: skip


@dataclass(frozen=True)
class Matrix:
    """What the estimator sees: `numbers` (n, columns) in C order and the name of each column."""

    names: tuple[str, ...]
    numbers: Floats

    def nulls(self) -> dict[str, int]:
        """How many rows are null, for the columns that have any."""
        counts = np.isnan(self.numbers).sum(axis=0)
        return {name: int(count) for name, count in zip(self.names, counts, strict=True) if count}


@dataclass(frozen=True)
class FittedTransform:
    """The fitted state of every step of every feature, in feature order. Everything in it is plain JSON."""

    features: tuple[Mapping[str, Any], ...]
    states: tuple[tuple[State, ...], ...]
    widths: tuple[int, ...]
    unknown: str = "encode"

    def apply(self, columns: Mapping[str, Column]) -> Matrix:
        """The matrix of rows given by feature; StageError MLS211 for an unknown value under `reject`."""
        blocks: list[Column] = []
        for feature, states, width in zip(self.features, self.states, self.widths, strict=True):
            current = [_widened(columns[str(feature["name"])], width)]
            for step, state in zip(feature["fitted"], states, strict=True):
                current = [*_operation(step, feature).change(state, current[0], self.unknown), *current[1:]]
            blocks += current
        return _matrix(blocks)

    def to_json(self) -> dict[str, Any]:
        """The state as `transform.json` holds it."""
        features = []
        for feature, states, width in zip(self.features, self.states, self.widths, strict=True):
            steps = [
                {
                    "op": step["op"],
                    "state": {name: value for name, value in state.items() if name not in _operation(step, feature).aside},
                }
                for step, state in zip(feature["fitted"], states, strict=True)
            ]
            features.append({"name": feature["name"], "width": width, "steps": steps})
        return {"format": 1, "unknown": self.unknown, "features": features}

    def before_last(self, name: str, columns: Mapping[str, Column]) -> Column:
        """What the last step of a feature is given of rows given by feature."""
        place = next(place for place, feature in enumerate(self.features) if feature["name"] == name)
        feature, current = self.features[place], columns[name]
        for step, state in zip(feature["fitted"][:-1], self.states[place], strict=False):
            current = _operation(step, feature).change(state, current, self.unknown)[0]
        return current

    def files(self) -> dict[str, bytes]:
        """What of the state is a file of the package, by its name."""
        return {
            file: str(state[name]).encode()
            for feature, states in zip(self.features, self.states, strict=True)
            for step, state in zip(feature["fitted"], states, strict=True)
            for name, file in _operation(step, feature).aside.items()
        }


def _no_file(name: str) -> bytes:
    raise KeyError(name)


def read_transform(
    document: Mapping[str, Any], features: Sequence[Mapping[str, Any]], read: Callable[[str], bytes] = _no_file
) -> FittedTransform:
    """The transform of a package, whose files `read` gives by name; StageError MLS808 if it does not fit the package's features."""
    try:
        held = [(item["name"], [step["op"] for step in item["steps"]]) for item in document["features"]]
        expected = [(feature["name"], [step["op"] for step in feature["fitted"]]) for feature in features]
        if document["format"] != 1 or held != expected:
            raise KeyError("features")
        states = tuple(
            tuple(
                step["state"] | {name: read(file).decode() for name, file in OPERATIONS[step["op"]].aside.items()}
                for step in item["steps"]
            )
            for item in document["features"]
        )
        widths = tuple(int(item["width"]) for item in document["features"])
        for item, learned in zip(document["features"], states, strict=True):
            for step, state in zip(item["steps"], learned, strict=True):
                make = OPERATIONS[step["op"]].ready
                if make is not None:
                    make(state)
        return FittedTransform(tuple(features), states, widths, str(document["unknown"]))
    except (KeyError, TypeError) as error:
        raise StageError(
            "MLS808", "the fitted transform does not belong to this package", "package.transform",
            expected="the steps that package.json names", found=str(error), help="package the model again",
        ) from error  # fmt: skip


def fit_transform(
    features: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Column],
    target: Target,
    unknown: str = "encode",
    given: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[FittedTransform, Matrix]:
    """Fit every step on these rows; the matrix holds the values for these very rows (out-of-fold for target_rate).

    `given` is what steps know that no row tells, by step.
    """
    states: list[tuple[State, ...]] = []
    blocks: list[Column] = []
    for feature in features:
        current = [columns[str(feature["name"])]]
        learned: list[State] = []
        for step in feature["fitted"]:
            operation, main = _operation(step, feature), current[0]
            learned.append(operation.learn({**step, **(given or {}).get(step["op"], {})}, main, target))
            current = [*operation.change_fitting_rows(learned[-1], main, step, target), *current[1:]]
        states.append(tuple(learned))
        blocks += current
    widths = tuple(len(columns[str(feature["name"])].names) for feature in features)
    return FittedTransform(tuple(features), tuple(states), widths, unknown), _matrix(blocks)


def _widened(column: Column, width: int) -> Column:
    """A column of k numbers in which every row is null does not know its k."""
    if column.numbers is None or column.numbers.shape[1] == width:
        return column
    return vector_column(column.names[0], np.full((len(column), width), np.nan))


def _operation(step: Step, feature: Mapping[str, Any]) -> Operation:
    """The row of a step; StageError MLS901 where there is none.

    A step changes the main column (the first); flags stay, and move behind what it adds.
    """
    if step["op"] not in OPERATIONS:
        raise StageError(
            "MLS901", f"the fitted step `{step['op']}` is not built yet", f"features.{feature['name']}",
            expected=", ".join(OPERATIONS), found=str(step["op"]), help="leave the step out",
        )  # fmt: skip
    return OPERATIONS[step["op"]]


def _matrix(blocks: Sequence[Column]) -> Matrix:
    """All columns side by side; StageError for a feature that is still text."""
    for block in blocks:
        if block.texts is not None:
            raise StageError(
                "MLS201", f"feature `{block.names[0]}` is text, and an estimator takes numbers", f"features.{block.names[0]}",
                expected="a number", found="text", help=f"use `{block.names[0]} := onehot(…)`",
            )  # fmt: skip
    names = tuple(name for block in blocks for name in block.names)
    parts = [block.spread_out() for block in blocks]
    matrix = Matrix(names, np.ascontiguousarray(np.concatenate(parts, axis=1)))
    infinite = np.flatnonzero(np.isinf(matrix.numbers).any(axis=0))
    if len(infinite):
        name = names[int(infinite[0])]
        raise StageError(
            "MLS209", f"feature `{name}` becomes infinite in its fitted steps", f"features.{name.partition('.')[0]}",
            expected="a finite number", found="infinity", help="bound its expression with `clip(…, low..high)`",
        )  # fmt: skip
    return matrix
