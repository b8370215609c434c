"""A loaded package: what was validated, ready to answer, with its transform inside."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.build import refuse_nulls
from mlspec.runtime.extern.declaration import declared, from_package, refuse_unread
from mlspec.runtime.extern.pool import Externs
from mlspec.runtime.folder import content_of
from mlspec.runtime.package.calibration import apply_calibration
from mlspec.runtime.package.engines import Engine, load_engine
from mlspec.runtime.package.manifest import Manifest, read_manifest, refused
from mlspec.runtime.package.online import RecordFunction, RecordsFunction, features_function
from mlspec.runtime.transform.chain import FittedTransform, read_transform
from mlspec.runtime.transform.columns import Column, Floats, column_of

MANIFEST = "package.json"
TRANSFORM = "transform.json"
EXAMPLE = "example.json"
_BLOCK = 4096
_BLOCK_NUMBERS = 1 << 22


@dataclass(frozen=True)
class Scores:
    """Scores of n rows: `score` (n,) or (n, classes); `decision` is a class value a row, in regression the prediction."""

    score: Floats
    decision: list[Any]


class Package:
    """The one way from values to scores; every reader of a model, the gates first, goes through it."""

    def __init__(self, manifest: Manifest, transform: FittedTransform, engine: Engine, folder: Path, digest: str) -> None:
        self.manifest = manifest
        self.transform = transform
        self.folder = folder
        self.digest = digest
        self._engine = engine
        self._features: RecordsFunction | None = None
        self._externs: Externs | None = None

    @property
    def name(self) -> str:
        """The block that made it."""
        return self.manifest.name

    @property
    def task(self) -> str:
        """binary, multiclass or regression."""
        return self.manifest.task

    @property
    def classes(self) -> tuple[Any, ...]:
        """The class values in the order of the score columns; empty in regression."""
        return self.manifest.classes

    @property
    def positive(self) -> Any:
        """The class whose probability is the score, None where there are many."""
        return self.manifest.positive

    @property
    def favourable(self) -> Any:
        """The decision that is good for the person it is about."""
        return self.manifest.favourable

    @property
    def threshold(self) -> float | None:
        """The score from which on the decision is positive."""
        return self.manifest.threshold

    @property
    def engine(self) -> str:
        """What runs the model."""
        return self.manifest.engine

    @property
    def features(self) -> tuple[Mapping[str, Any], ...]:
        """The model's inputs in order: name, value, type, fitted."""
        return self.manifest.features

    @property
    def columns(self) -> tuple[Mapping[str, Any], ...]:
        """Descriptors of the source columns that a request brings."""
        return self.manifest.columns

    @property
    def feature_values(self) -> RecordFunction:
        """The online evaluator: a function from a record to `{feature: value}`, before any fitted step."""
        evaluate = self._evaluate
        return lambda record: evaluate([record])[0]

    @property
    def _evaluate(self) -> RecordsFunction:
        if self._features is None:
            called = declared(self.features)
            self._externs = Externs(called, from_package(self.folder)) if called else None
            self._features = features_function(self.features, self.name, self._externs, self.columns)
        return self._features

    def refuse_unread(self, root: Path, *, shipped: bool = True, known: Collection[str] = ()) -> None:
        """MLS824 for code that the project at `root` does not allow (any more); files with the digests `known` it runs anyway."""
        for declaration in declared(self.features).values():
            files = {path: digest for path, digest in declaration.files.items() if digest not in known}
            refuse_unread(replace(declaration, files=files), root, shipped=shipped)

    @property
    def code(self) -> frozenset[str]:
        """The digests of the code that its features call."""
        return frozenset(digest for declaration in declared(self.features).values() for digest in declaration.files.values())

    def start(self, root: Path | None = None, *, shipped: bool = True) -> None:
        """Start the processes that its features need, so that no request waits for one; what the project at `root` does not allow
        any more is refused. Without `shipped` a folder that allows nothing is no image of a project that did.
        """
        if root is not None:
            self.refuse_unread(root, shipped=shipped)
        _ = self._evaluate
        if self._externs is not None:
            self._externs.start()

    def close(self) -> None:
        """End the processes that its features needed; it may be asked again."""
        if self._externs is not None:
            self._externs.close()

    def values(self, records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        """The values of the features of some records, through the online evaluator."""
        rows = self._evaluate(records)
        return {str(feature["name"]): [row[feature["name"]] for row in rows] for feature in self.features}

    def score(self, records: Sequence[Mapping[str, Any]]) -> Scores:
        """Score records of source columns through the online evaluator."""
        values = self.values(records)
        return self._score(
            {name: column_of(feature, values[name]) for name, feature in zip(values, self.features, strict=True)}
        )

    def score_values(self, values: Mapping[str, Any], *, label_free: bool = True) -> Scores:
        """Score rows given as feature values, `{feature: numpy array}` as the values table holds them.

        `label_free` must be true: a package never looks at labels.
        """
        if not label_free:
            raise ValueError("a package scores without labels")
        missing = [str(feature["name"]) for feature in self.features if feature["name"] not in values]
        if missing:
            raise StageError(
                "MLS105", f"the values lack the features {', '.join(missing)}", expected="every feature of the package",
                found=", ".join(values), help="compute the features block again",
            )  # fmt: skip
        return self._score({str(feature["name"]): column_of(feature, values[feature["name"]]) for feature in self.features})

    def raw_scores(self, matrix: Floats) -> Floats:
        """The engine's scores before calibration, equal for a row whatever rows are beside it."""
        step = _BLOCK if self.manifest.rows == "batch" else 1
        parts = [self._engine.scores(matrix[start : start + step]) for start in range(0, len(matrix), step)]
        return np.concatenate(parts) if parts else self._engine.scores(matrix)

    def _score(self, columns: Mapping[str, Column]) -> Scores:
        parts = [self._raw(some) for some in _in_blocks(columns)]
        scores = apply_calibration(self.manifest.calibration, parts[0] if len(parts) == 1 else np.concatenate(parts))
        return Scores(scores, self._decisions(scores))

    def _raw(self, columns: Mapping[str, Column]) -> Floats:
        matrix = self.transform.apply(columns)
        refuse_nulls(str(self.manifest.estimator["name"]), matrix, self.name)
        return self.raw_scores(matrix.numbers)

    def _decisions(self, scores: Floats) -> list[Any]:
        if self.task == "regression":
            return list(scores.tolist())
        classes = self.classes
        if self.task == "multiclass":
            return [classes[place] for place in scores.argmax(axis=1).tolist()]
        negative = next(value for value in classes if value != self.positive)
        above: NDArray[np.bool_] = scores >= float(self.threshold or 0.0)
        return [self.positive if yes else negative for yes in above.tolist()]


def _in_blocks(columns: Mapping[str, Column]) -> Iterator[Mapping[str, Column]]:
    """The rows as they are; of images so many at once that their numbers take little memory."""
    width = max((len(column.names) for column in columns.values() if column.pixels is not None), default=0)
    count = len(next(iter(columns.values()))) if columns else 0
    step = max(1, _BLOCK_NUMBERS // width) if width else 0
    if not width or count <= step:
        yield columns
        return
    for start in range(0, count, step):
        rows = np.arange(start, min(start + step, count))
        yield {name: column.take(rows) for name, column in columns.items()}


def load_package(folder: Path) -> Package:
    """The package in a folder, its files checked against their digests before anything parses them.

    StageError MLS808 for a package that is not as it was written.
    """
    manifest = read_manifest(_json(folder / MANIFEST))
    digests = content_of(folder)
    found = {name: digest for name, digest in digests.items() if name != MANIFEST}
    if found != manifest.files:
        wrong = sorted(name for name in {*found, *manifest.files} if found.get(name) != manifest.files.get(name))
        raise refused(f"the digest of {', '.join(wrong)} is another than package.json says")
    transform = read_transform(_json(folder / TRANSFORM), manifest.features, lambda name: files.read_bytes(folder / name))
    engine = load_engine(manifest.engine, folder, manifest.task, len(manifest.classes))
    return Package(manifest, transform, engine, folder, digest_of(digests))


def _json(path: Path) -> Any:
    data = files.read_bytes(path)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise refused(f"{path.name} is not JSON") from error
