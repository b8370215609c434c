"""The proof that a package answers a request as it answers a batch: bit for bit, on rows that it was not fitted on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.image.render import is_image
from mlspec.runtime.package.engines import Engine
from mlspec.runtime.package.model import Package
from mlspec.runtime.transform.columns import Floats

LIMIT = 2_000
_SLOW_LIMIT = 200  # rows of an engine that takes milliseconds for each
OF_IMAGES = 200  # rows of images, each of which is decoded twice and may take a large network
_GROUPS = (1, 3, 7, 16, 64)


@dataclass(frozen=True)
class Proof:
    """Rows to prove on, the same rows twice: as requests and as feature values."""

    records: Sequence[Mapping[str, Any]]
    values: Mapping[str, Any]
    where: str = ""


def prove(package: Package, proof: Proof) -> dict[str, Any]:
    """`{"rows", "digest"}` of scores that both ways gave; StageError MLS807 where they differ."""
    # A row outside the fitting part may hold a value that no fitting row had, whatever the policy for requests is.
    package.transform = replace(package.transform, unknown="encode")
    if package.engine == "skops" or any(is_image(feature) for feature in package.features):
        most = _SLOW_LIMIT if package.engine == "skops" else OF_IMAGES
        proof = replace(proof, records=proof.records[:most], values={name: held[:most] for name, held in proof.values.items()})
    batch = package.score_values(proof.values)
    together = package.score(proof.records)
    _equal(package, batch.score, together.score, proof, "all requests at once")
    if batch.decision != together.decision:
        raise _refused(package, proof, "the decisions differ")
    alone = [package.score([record]).score for record in proof.records]
    if alone:
        _equal(package, batch.score, np.concatenate(alone), proof, "each request alone")
    return {"rows": len(proof.records), "digest": hashlib.sha256(batch.score.astype("<f8").tobytes()).hexdigest()}


def rows_agree(engine: Engine, sample: Floats) -> bool:
    """Whether the engine gives rows the same bits in groups of any size."""
    whole = engine.scores(sample)
    for size in _GROUPS:
        parts = [engine.scores(sample[start : start + size]) for start in range(0, len(sample), size)]
        if not np.array_equal(np.concatenate(parts).view(np.int64), whole.view(np.int64)):
            return False
    return True


def _equal(package: Package, batch: Floats, online: Floats, proof: Proof, how: str) -> None:
    if batch.shape != online.shape:
        raise _refused(package, proof, f"{len(batch)} rows became {len(online)} ({how})")
    differing = np.flatnonzero((batch.view(np.int64) != online.view(np.int64)).reshape(len(batch), -1).any(axis=1))
    if not np.isfinite(batch).all():
        raise _refused(package, proof, "a score is not finite")
    if len(differing):
        row = int(differing[0])
        found = f"row {row} of {len(batch)}: {batch[row]!r} in the batch, {online[row]!r} online ({how})"
        raise _refused(package, proof, f"{len(differing)} rows differ", found)


def _refused(package: Package, proof: Proof, why: str, found: str = "") -> StageError:
    return StageError(
        "MLS807", f"the package `{package.name}` is refused: {why}", proof.where,
        expected="equal values from the batch and the online evaluator, bit for bit", found=found or why,
        help="this is a fault of mlspec or of a library: report it with the stage's log",
    )  # fmt: skip
