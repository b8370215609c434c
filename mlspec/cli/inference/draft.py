"""The text of a first spec: every guess is a line to correct, and a comment says where one was made."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from mlspec.cli.inference.guess import Guess, Guesses, is_personal, is_protected, widened
from mlspec.cli.inference.profile import Data

EDITION = "2026.1"
_BLOCKS = (
    "console",
    "by_chance",
    "inputs",
    "eda",
    "baseline",
    "tune",
    "release",
    "api",
    "decisions",
    "watch",
    "linear",
    "boost",
)


def draft(data: Data, guesses: Guesses, path: str, name: str) -> str:
    """A spec over the file at `path` (relative to the spec), named `name`; it checks and runs as it is."""
    writer = _Draft(data, guesses, path, name)
    return "\n".join(writer.lines()) + "\n"


def identifier(text: str) -> str:
    """A name of the language that is near `text`."""
    found = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")[:40] or "data"
    return found if found[0].isalpha() else f"data_{found}"


class _Draft:
    """One spec being written. Names of blocks step aside for names of columns: neither may hide the other."""

    def __init__(self, data: Data, guesses: Guesses, path: str, name: str) -> None:
        self.data = data
        self.guesses = guesses
        self.path = path
        self.name = name
        taken = {column.profile.name.lower() for column in guesses.columns}
        self.source = self._free(name, taken | set(_BLOCKS))
        self.names = {block: self._free(block, taken) for block in _BLOCKS}
        self.target = f"{self.source}.{guesses.label.profile.name}"

    @staticmethod
    def _free(name: str, taken: set[str]) -> str:
        return name if name not in taken else f"{name}_1"

    def lines(self) -> Iterator[str]:
        """The whole text."""
        yield f"mlspec {EDITION}"
        yield ""
        yield f"## A first spec of {self.data.rows:,} rows, inferred from the file: read every line before you trust it."
        yield from (f"spec {self.name} {{", '  owner = "nobody yet"', "}", "")
        yield from (f"channel {self.names['console']} = log()", "")
        yield from self._source()
        yield from self._split()
        yield from self._features()
        minimum = 20 if self.data.rows >= 1000 else 10
        yield f"explore {self.names['eda']} = report({self.names['by_chance']}.train, min_cell: {minimum})"
        yield ""
        yield from self._models()
        yield from self._gates()
        yield from self._serve()

    def _source(self) -> Iterator[str]:
        yield f"source {self.source} {{"
        yield f"  from = {self._place()}"
        for name, why in self.guesses.left_out:
            yield f"  # column {_quoted(name)} is left out: {why}"
        for column in self.guesses.columns:
            yield from self._column(column)
        yield f"  enough_rows := rows() >= {max(1, int(self.data.rows * 0.8)):_}"
        for column in self.guesses.columns:
            if column.profile.nulls:
                limit = math.ceil(column.profile.null_rate * 100) + 5
                if limit < 100:
                    yield f"  known_{column.profile.name} := null_rate({column.profile.name}) <= {limit}%"
        yield from ("}", "")

    def _place(self) -> str:
        options = [f"{key}: {_constant(value)}" for key, value in self.data.options.items()]
        if "null" in self.data.options:
            # `null` is a word of the language, so that parameter is given by its place.
            delimiter = self.data.options.get("delimiter", ",")
            options = [_quoted(delimiter), "true", _constant(self.data.options["null"])]
        return f"{self.data.format}({', '.join([_quoted(self.path), *options])})"

    def _column(self, column: Guess) -> Iterator[str]:
        profile = column.profile
        kind = f"category({', '.join(map(_quoted, column.values))})" if column.values else column.type
        optional = "?" if profile.nulls else ""
        attrs = ""
        if column.role == "label":
            task = {"binary": "two classes", "multiclass": "many classes", "regression": "a number"}[self.guesses.task]
            yield f"  # guessed: `{profile.name}` is what is predicted ({task}); if not, move `@outcome` and `label` below"
            positive = self.guesses.positive
            attrs = f" @outcome(positive: {_quoted(positive)})" if positive is not None else " @outcome"
        elif column.role == "key":
            attrs = " @key"
        elif column.type in ("int", "float") and profile.low is not None:
            attrs = f" @range({self._range(column)})"
        if is_protected(profile.name) and column.role == "feature":
            yield f"  # guessed by its name: `{profile.name}` is a protected characteristic, for fairness only"
            attrs += " @protected"
        if is_personal(profile.name) and column.role == "skip":
            attrs += " @pii(direct)"
        if profile.named is not None:
            attrs += f" @named({_quoted(profile.named)})"
        yield f"  {profile.name}: {kind}{optional}{attrs}"

    def _range(self, column: Guess) -> str:
        low, high = widened(column.profile.low, column.profile.high, column.type == "int")
        return f"{_number(low)}..{_number(high)}"

    def _split(self) -> Iterator[str]:
        shares = ("70%", "30%") if self.data.rows >= 500 else ("60%", "40%")
        yield f"split {self.names['by_chance']} {{"
        yield f"  frame = {self.source}"
        times = [column.profile.name for column in self.guesses.columns if column.type in ("date", "timestamp")]
        if times:
            yield f"  # by chance: where the past predicts the future, set `on = {self.source}.{times[0]}` and give the parts dates"
        if self._stratified():
            yield f"  stratify = {self.guesses.label.profile.name}"
        yield from (f"  train := {shares[0]}", f"  holdout := {shares[1]}", "}", "")

    def _stratified(self) -> bool:
        counts = [count for _, count in self.guesses.label.profile.top]
        return self.guesses.task != "regression" and min(counts) >= 20

    def _features(self) -> Iterator[str]:
        yield f"features {self.names['inputs']} {{"
        yield f"  frame = {self.source}"
        yield '  missing = fill(number: median, category: "missing")'
        for column in self.guesses.columns:
            place = f"{self.source}.{column.profile.name}"
            if column.role == "skip":
                yield f"  # `{column.profile.name}` is no feature: {column.why}"
            elif column.role == "feature":
                yield f"  {column.profile.name} := {self._feature(column, place)}"
        yield from ("}", "")

    def _feature(self, column: Guess, place: str) -> str:
        if is_protected(column.profile.name):
            return f"{place} @audit"
        if column.type == "bool":
            return f"if {place} then 1.0 else 0.0"
        if column.type != "category":
            return f"scale({place})"
        if column.profile.distinct <= 30:
            return f"onehot({place})"
        return f"hash_bucket({place}, 64)" if self.guesses.task == "multiclass" else f"target_rate({place}, smoothing: 20)"

    def _models(self) -> Iterator[str]:
        regression = self.guesses.task == "regression"
        shared = [
            f"  features = {self.names['inputs']}",
            f"  label = {self.target}",
            f"  part = {self.names['by_chance']}.train",
        ]
        dummy = "sklearn.DummyRegressor" if regression else "sklearn.DummyClassifier"
        yield from (f"model {self.names['baseline']} {{", f"  estimator = {dummy}", *shared, "}", "")
        objective = {"binary": "maximize(auc)", "multiclass": "maximize(macro_f1)", "regression": "minimize(mae)"}
        folds = 5 if self.data.rows >= 300 else 3
        stratify = f", stratify: {self.guesses.label.profile.name}" if self._stratified() else ""
        yield from (f"search {self.names['tune']} {{", *shared, f"  cv = folds({folds}{stratify})")
        yield from (f"  objective = {objective[self.guesses.task]}", "  trials = 10")
        linear = ("sklearn.Ridge", "alpha") if regression else ("sklearn.LogisticRegression", "C")
        yield from (f"  family {self.names['linear']} {{", f"    estimator = {linear[0]}", f"    {linear[1]} = loguniform(1e-3, 1e2)",
                    "  }")  # fmt: skip
        boost = "sklearn.HistGradientBoostingRegressor" if regression else "sklearn.HistGradientBoostingClassifier"
        yield from (f"  family {self.names['boost']} {{", f"    estimator = {boost}", "    learning_rate = loguniform(0.02, 0.3)",
                    "    max_leaf_nodes = logint(8, 64)", "  }", "}", "")  # fmt: skip

    def _gates(self) -> Iterator[str]:
        metric = {"binary": "auc", "multiclass": "macro_f1", "regression": "r2"}[self.guesses.task]
        baseline = self.names["baseline"]
        yield f"gates {self.names['release']} {{"
        yield f"  candidate = {self.names['tune']}.best"
        yield f"  part = {self.names['by_chance']}.holdout"
        yield "  # the least that makes sense; raise it to what the use needs, and add a latency and a fairness gate"
        yield f"  beats_{baseline} := lower({metric}(candidate) - {metric}({baseline})) >= 1pp"
        yield from self._fairness()
        yield from ("}", "")

    def _fairness(self) -> Iterator[str]:
        """A gate for each protected column: of two classes over errors, else over the metric of the worst group."""
        for column in self.guesses.columns:
            if column.role == "feature" and is_protected(column.profile.name):
                place = f"{self.names['inputs']}.{column.profile.name}"
                if not self._groups_large(column):
                    yield f"  # `{column.profile.name}` has groups too small to judge on their own"
                elif self.guesses.task == "binary":
                    yield f"  fair_{column.profile.name} := gap(false_pos_rate(candidate), by: {place}) <= 20pp"
                elif self.guesses.task == "multiclass":
                    yield f"  fair_{column.profile.name} := gap(accuracy(candidate), by: {place}) <= 20pp"
                else:
                    yield f"  fair_{column.profile.name} := worst(r2(candidate), by: {place}) >= 0"

    def _groups_large(self, column: Guess) -> bool:
        """Whether each group will have the 30 rows in the holdout that a gate asks for by default; null is a group too."""
        counts = [count for _, count in column.profile.top]
        counts += [column.profile.nulls] if column.profile.nulls else []
        return min(counts) >= 200

    def _serve(self) -> Iterator[str]:
        many, regression = self.guesses.task == "multiclass", self.guesses.task == "regression"
        yield f"serve {self.names['api']} {{"
        yield f"  model = {self.names['tune']}.best"
        yield f"  gate = {self.names['release']}"
        if regression:
            yield "  output = value"
        yield f"  log {self.names['decisions']} {{"
        yield "    keep = 30d"
        if not many:
            yield "    score := round(score, 3)"
        yield from (f"    inputs := {self.names['inputs']}", "  }", "}", "")
        console, inputs = self.names["console"], self.names["inputs"]
        yield f"monitor {self.names['watch']} {{"
        yield f"  of = {self.names['api']}"
        yield f"  reference = {self.names['by_chance']}.holdout"
        yield f"  input_drift := worst(psi({inputs})) <= 0.25 @for(2h) @notify({console})"
        yield f"  missing_inputs := worst(null_rate({inputs})) <= {self._null_limit()}% @for(1h) @notify({console})"
        yield "}"

    def _null_limit(self) -> int:
        worst = max((column.profile.null_rate for column in self.guesses.columns if column.role == "feature"), default=0.0)
        return min(100, math.ceil(worst * 100) + 10)


def _quoted(text: object) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _constant(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_quoted(item) for item in value)}]"
    return _quoted(value)


def _number(value: float | int) -> str:
    if isinstance(value, int):
        return f"{value:_}" if abs(value) >= 10_000 else str(value)
    return repr(value) if "e" in repr(value) else f"{value:f}".rstrip("0").rstrip(".") + (".0" if value == int(value) else "")
