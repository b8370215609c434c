"""Numbers of the package itself: its size, and how its decisions stand small changes of the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.context import StageContext
from mlspec.runtime.evaluate.held_out import PartReader
from mlspec.runtime.evaluate.outcomes import Outcomes
from mlspec.runtime.evaluate.quantities import arguments
from mlspec.runtime.folder import content_of

SIZE, ROBUSTNESS = "size", "robustness"
NUMBERS = ("int", "float", "decimal", "ratio", "points", "rate", "duration", "bytes")


def size_of(folder: Path) -> int:
    """The bytes of all files of a package."""
    return sum((folder / name).stat().st_size for name in content_of(folder))


def metrics_named(node: Any, name: str) -> list[Any]:
    """The metric nodes of one name in an expression."""
    if node[0] == "metric":
        return [node] if node[1] == name else []
    return [found for part in node[2] for found in metrics_named(part, name)] if node[0] == "call" else []


def changed_name(node: Any) -> str:
    """The name under which the outcomes of a model on changed inputs are kept."""
    given = arguments(node[3])
    return f"{node[2]}~" + ",".join(f"{key}={given[key]}" for key in sorted(given) if given[key] is not None)


def plain(node: Any, sizes: Mapping[str, int]) -> Any:
    """The expression with sizes as constants and robustness as agreement with the decisions on changed inputs."""
    if node[0] == "metric" and node[1] == SIZE and node[2] in sizes:
        return ["lit", sizes[node[2]], "bytes"]
    if node[0] == "metric" and node[1] == ROBUSTNESS:
        return ["metric", "accuracy", changed_name(node), {}]
    if node[0] == "call":
        return ["call", node[1], [plain(part, sizes) for part in node[2]], node[3]]
    return node


def changed_outcomes(context: StageContext, reader: PartReader, package: Any, base: Outcomes, node: Any) -> Outcomes:
    """Decisions on changed inputs, with the decisions on the true inputs as their labels."""
    given = arguments(node[3])
    random = np.random.Generator(np.random.PCG64(context.seed("robustness")))
    features = {feature["name"]: feature for feature in package.features}
    spread = _spreads(reader, features) if given.get("noise") is not None else {}
    codes: list[Any] = []
    for values in reader.batches(list(features)):
        changed = {name: _change(column, features[name], given, spread.get(name), random) for name, column in values.items()}
        codes.extend(package.score_values(changed).decision)
    return replace(base, y=base.decision, decision=_encoded(codes, package, base))


def _encoded(decisions: Sequence[Any], package: Any, base: Outcomes) -> NDArray[Any]:
    if base.task == "regression":
        return np.array(decisions, dtype=np.float64)
    if base.task == "binary":
        return np.array([int(value == package.positive) for value in decisions], dtype=np.int64)
    places = {value: place for place, value in enumerate(base.classes)}
    return np.array([places[value] for value in decisions], dtype=np.int64)


def _spreads(reader: PartReader, features: Mapping[str, Any]) -> dict[str, float]:
    """The standard deviation of every numeric feature over the part."""
    names = [name for name, feature in features.items() if _base(feature) in NUMBERS]
    table = reader.select([("values", f"f.{name}") for name in names])
    columns = (np.array(table.column(f"c{at}").to_pandas(), dtype=np.float64) for at in range(len(names)))
    return {name: float(np.nanstd(column)) for name, column in zip(names, columns, strict=True)}


def _base(feature: Mapping[str, Any]) -> str:
    return str(feature["type"]).removesuffix("?")


def _change(
    column: NDArray[Any],
    feature: Mapping[str, Any],
    given: Mapping[str, Any],
    spread: float | None,
    random: np.random.Generator,
) -> NDArray[Any]:
    """Noise in standard deviations on numbers; or a share of values lost, where a null is allowed."""
    if given.get("noise") is not None and spread is not None:
        return np.asarray(column, dtype=np.float64) + random.normal(0.0, float(given["noise"]) * spread, len(column))
    if given.get("missing") is not None and str(feature["type"]).endswith("?"):
        lost = random.random(len(column)) < float(given["missing"])
        held = np.array(column, dtype=object)
        held[lost] = None
        return held
    return column
