"""The `analyse` stage: what lies behind the numbers of one model, in a stage of its own, so that no gate waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlspec.graph.expression import columns_of
from mlspec.runtime import files, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.evaluate.binned import binned, is_groupable
from mlspec.runtime.evaluate.dependence import Rows, partial_dependence
from mlspec.runtime.evaluate.held_out import PartReader, class_places, part_reader, read_part
from mlspec.runtime.evaluate.importance import families, permutation_importance
from mlspec.runtime.evaluate.losses import NAMES, expected_losses, row_losses, wrong_rows
from mlspec.runtime.evaluate.metrics import metric_of
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, outcomes_of
from mlspec.runtime.evaluate.scoring import favourable_code, feature_values, finite_scores, queries_of, registered
from mlspec.runtime.evaluate.stage import label_of, load_packages, task_of
from mlspec.runtime.evaluate.texts import Asked, text_columns, texts_told
from mlspec.runtime.evaluate.weak_slices import weak_slices
from mlspec.runtime.evaluate.worst_queries import worst_queries
from mlspec.runtime.evaluate.worst_rows import worst_rows
from mlspec.runtime.profile.sheet import kind_of

MAIN_METRIC = {"binary": "auc", "multiclass": "accuracy", "regression": "mae", "ranking": "ndcg"}
SEARCHED_ROWS = 200_000
"""The most rows that slices are looked for on, drawn by the seed."""


def run(context: StageContext) -> None:
    """Write `analysis.json`: what the spec asks for, of the candidate on the part."""
    with part_reader(context) as reader, threadpool_limits(1):
        found = Analysis(context, reader).document()
    files.write_json(context.output("analysis") / "analysis.json", found)


class Analysis:
    """The candidate, the rows of the part and what was predicted of them."""

    def __init__(self, context: StageContext, reader: PartReader) -> None:
        self.context, self.config, self.reader = context, context.config, reader
        packages = load_packages(context)
        self.name = str(self.config["candidate"])
        self.package = packages[self.name]
        self.label = label_of(self.config, packages)
        self.held = read_part(reader, self.label, self.config, (), context.block)
        self.task = task_of(self.label)
        self.rows = self._predicted()
        self.columns = {str(column["name"]): column for column in (*self.package.columns, *self.config["columns"])}

    def document(self) -> dict[str, Any]:
        """Everything that analysis.json holds."""
        made = {
            "importance": self.importance,
            "dependence": self.dependence,
            "weak_slices": self.slices,
            "examples": self.examples,
            "texts": self.texts,
        }
        found: dict[str, Any] = {
            "part": self.config["part"], "candidate": self.name, "n": len(self.held), "rows": len(self._drawn()), "label": {**self.label, "task": self.task},
            "searched": len(self._searched()), "confidence": self.config["confidence"], "min_cell": self.config["min_cell"], "loss": NAMES[self.task],
        }  # fmt: skip
        for name, make in made.items():
            if name in self.config["analyses"]:
                found[name] = make(found)
        return found

    def importance(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """By how much the main metric falls without each feature."""
        metric = metric_of(self.config.get("metric") or MAIN_METRIC[self.task], self.task)
        drawn = self._drawn()
        return permutation_importance(
            self._values(drawn), self.rows.take(drawn), lambda values: self._outcomes(values, drawn), metric,
            families=families(self.package.features), repeats=int(self.config["repeats"]),
            seed=lambda purpose, turn: self.context.seed(f"importance:{purpose}", trial=turn), groups=self._groups(drawn),
            confidence=self.config["confidence"],
            progress=lambda done, total: self.context.progress(done, total, "features permuted"),
        )  # fmt: skip

    def dependence(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """How the score goes with each feature, the most important ones first where that is known."""
        order = [name for entry in found.get("importance", {}).get("features", ()) for name in entry["features"]]
        features = sorted(self.package.features, key=lambda item: order.index(item["name"]) if item["name"] in order else 0)
        drawn, task = self._drawn(), self.rows.task
        rows = Rows(
            self._values(drawn), self._scores, self._groups(drawn), self.label["classes"] if task == "multiclass" else (),
            (0.0, 1.0) if task in ("binary", "multiclass") else (-np.inf, np.inf), self.config["min_cell"], self.config["confidence"],
        )  # fmt: skip
        return partial_dependence(features, self._hides, rows)

    def slices(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Where the candidate is worse than elsewhere."""
        chosen = self._searched()
        rows = self.rows.take(chosen)
        columns = [
            column for column in self.config["columns"] if is_groupable(column) and column["name"] != self.label["column"]
        ]
        groups = [binned(column, values) for column, values in self._read(columns, chosen)]
        return weak_slices(
            [each for each in groups if each is not None], row_losses(rows), expected=expected_losses(rows),
            wrong=wrong_rows(rows) if rows.task in ("binary", "multiclass") else None, groups=self._groups(chosen), least=max(self.config["min_group"], self.config["min_cell"], 2), min_cell=self.config["min_cell"],
            confidence=self.config["confidence"],
        )  # fmt: skip

    def examples(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The worst errors, with what the model read of these rows."""
        read = {str(column["name"]) for column in self.package.columns}
        texts = text_columns(self.package.features)
        columns = [
            {**column, "read_as_text": True} if column["name"] in texts else column
            for column in self.config["columns"]
            if column["name"] in read
        ]
        chosen = self._searched()
        rows = self.rows.take(chosen)
        if rows.task == "ranking":
            return worst_queries(rows, self.held.rows[chosen], self._read(columns, chosen), min_cell=self.config["min_cell"])
        names = {code: value for value, code in class_places(self.label).items()} if rows.task != "regression" else {}
        return worst_rows(
            rows,
            row_losses(rows),
            self.held.rows[chosen],
            self._read(columns, chosen),
            min_cell=self.config["min_cell"],
            names=names,
        )

    def texts(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What the candidate makes of the texts that it reads."""
        drawn = self._drawn()
        rows = self.rows.take(drawn)
        asked = Asked(
            self._values(drawn), self._scores, row_losses(rows), wrong_rows(rows) if rows.task in ("binary", "multiclass") else None,
            self._groups(drawn), self.package.classes, self.config["min_cell"], self.config["confidence"],
        )  # fmt: skip
        return texts_told(self.package.features, self.columns, asked)

    def _predicted(self) -> Outcomes:
        """The candidate's outcomes, from the predictions that the metrics were taken of."""
        from pyarrow import parquet

        places = class_places(self.label) if self.label["task"] != "regression" else {}
        names = [f"{self.name}.score"]
        if self.label["task"] == "multiclass":
            names = [f"{self.name}.score.{value}" for value in self.label["classes"]]
        wanted = ["__row", *names, f"{self.name}.decision"]
        found = parquet.read_table(table.rows_path(self.context.input("predictions")), columns=wanted)
        if not np.array_equal(found.column("__row").to_numpy(), self.held.rows):
            raise ValueError("the predictions are of other rows than the part's")
        scores = np.column_stack([found.column(name).to_numpy() for name in names])
        decided = [places[value] for value in found.column(wanted[-1]).to_pylist()] if places else None
        every = np.arange(len(self.held))
        return self._encoded(every, scores if len(names) > 1 else scores[:, 0], decided)

    def _encoded(self, rows: NDArray[np.int64], scores: Any, decided: Any) -> Outcomes:
        task, query = self.label["task"], queries_of(self.label, self.held)
        return outcomes_of(
            self.held.y[rows], scores, None if decided is None else np.array(decided, dtype=np.int64), task=task,
            classes=self.label["classes"] if task != "regression" else (), favourable=favourable_code(self.label),
            query=None if query is None else query[rows],
        )  # fmt: skip

    def _outcomes(self, values: Mapping[str, NDArray[Any]], rows: NDArray[np.int64]) -> Outcomes:
        """What the package says of changed values, beside the labels of the same rows."""
        result = self.package.score_values(values)
        places = class_places(self.label) if self.label["task"] != "regression" else {}
        return self._encoded(rows, finite_scores(result.score, self.name), [places[item] for item in result.decision] if places else None)  # fmt: skip

    def _scores(self, values: Mapping[str, NDArray[Any]]) -> Floats:
        return finite_scores(self.package.score_values(values).score, self.name)

    def _drawn(self) -> NDArray[np.int64]:
        """The places of the rows that are permuted and varied."""
        return self._some(int(self.config["rows"]), self.context.seed("analysed-rows"))

    def _searched(self) -> NDArray[np.int64]:
        """The places of the rows that slices and worst errors are looked for on."""
        return self._some(SEARCHED_ROWS, self.context.seed("searched-rows"))

    def _some(self, most: int, seed: int) -> NDArray[np.int64]:
        """At most so many rows, or of a ranking about so many in whole queries: part of a query is another ranking."""
        if self.task != "ranking" or self.held.groups is None or len(self.held) <= most:
            return _draw(len(self.held), most, seed)
        sizes = np.bincount(self.held.groups)
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(sizes))
        taken = order[: max(2, int(np.searchsorted(np.cumsum(sizes[order]), most, side="right")))]
        return np.flatnonzero(np.isin(self.held.groups, taken)).astype(np.int64)

    def _groups(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """The groups of some rows, numbered from 0 without gaps."""
        return None if self.held.groups is None else np.unique(self.held.groups[rows], return_inverse=True)[1]

    def _values(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The features of some rows, read batch by batch."""
        names = [str(feature["name"]) for feature in self.package.features]
        kept: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        start = 0
        for batch in feature_values(self.reader, self.package, self.name, registered(self.context, self.name)):
            size = len(batch[names[0]])
            inside = rows[(rows >= start) & (rows < start + size)] - start
            for name in names:
                kept[name].append(np.asarray(batch[name])[inside])
            start += size
        return {name: np.concatenate(parts) for name, parts in kept.items()}

    def _read(self, columns: Sequence[Mapping[str, Any]], rows: NDArray[np.int64]) -> list[tuple[Mapping[str, Any], list[Any]]]:
        """Source columns of some rows, by their descriptors."""
        found = self.reader.select([("rows", str(column["name"])) for column in columns]).take(rows)
        return [(column, found.column(f"c{at}").to_pylist()) for at, column in enumerate(columns)]

    def _hides(self, feature: Mapping[str, Any]) -> bool:
        """Whether a feature is made of a column whose values are shown nowhere."""
        read = (self.columns.get(name, {"type": "text"}) for name in columns_of(feature["value"]))
        return any(kind_of(column) == "hidden" for column in read)


def _draw(count: int, most: int, seed: int) -> NDArray[np.int64]:
    """At most so many of the rows, in their order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.Generator(np.random.PCG64(seed)).choice(count, most, replace=False)).astype(np.int64)
