"""The `reference` stage: how the features, the score and the metrics of a package lie on a held-out part.

A later window of the request log is compared with it. Features are read as they are before fill and before the first fitted step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.monitor.profile import profile_of

FORMAT = 1
NAME = "reference.json"


def run(context: StageContext) -> None:
    """Write `reference.json`."""
    from mlspec.runtime.evaluate.held_out import part_reader, read_part
    from mlspec.runtime.evaluate.registered import check_fits, refuse_unread
    from mlspec.runtime.evaluate.scoring import score_package
    from mlspec.runtime.evaluate.stage import label_of
    from mlspec.runtime.package import load_package

    config = context.config
    package = load_package(context.input("package"))
    # Classes that the spec leaves open are those that the package learned.
    label, min_cell = label_of({**config, "candidate": "package"}, {"package": package}), int(config["min_cell"])
    with part_reader(context) as reader:
        held = read_part(reader, label, config, (), context.block)
        _enough(len(held), min_cell, context.block)
        if config["features"] is None:  # of the registry
            refuse_unread(context, {context.block: package}, [context.block])
            check_fits(reader, label, package, context.block)
        profiles = {}
        for number, (feature, column) in enumerate(_columns(reader, package, config["features"], context.block)):
            profiles[feature["name"]] = profile_of(feature["name"], feature["type"], column, min_cell).to_json()
            context.progress(number + 1, len(package.features) + 1, feature["name"])
        outcomes = score_package(context, reader, held, label, package, context.block, fetched=config["features"] is None)
    document = {
        "format": FORMAT, "package": package.digest, "part": config["part"], "rows": len(held), "min_cell": min_cell,
        "features": profiles, "label": dict(label), "threshold": package.threshold, **_scores(outcomes, label, min_cell),
    }  # fmt: skip
    files.write_json(context.output("reference") / NAME, document)


def _columns(reader: Any, package: Any, features: Any, block: str) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:
    """Every feature with its values in the part: of this spec as they lie in its values, of a registry model by its own expressions."""
    from mlspec.runtime.evaluate.scoring import feature_values

    for feature in features or ():
        yield feature, reader.select([("values", f"f.{feature['name']}")]).column("c0").to_pylist()
    if features is None:
        batches = list(feature_values(reader, package, block, True))
        for feature in package.features:
            values = [value for batch in batches for value in batch[feature["name"]]]
            yield feature, [None if value is None or value != value else value for value in values]


def _enough(rows: int, min_cell: int, block: str) -> None:
    if rows < min_cell:
        raise StageError(
            "MLS816", f"the reference part has {rows} rows", f"{block}.reference", expected=f"at least {min_cell}", found=str(rows),
            help="give the part a larger share in its split",
        )  # fmt: skip


def _scores(outcomes: Any, label: Mapping[str, Any], min_cell: int) -> dict[str, Any]:
    """The score's profile (one per class of many), the share of each decision, and every metric that has a value."""
    from mlspec.runtime.evaluate.metrics import METRICS, metric_of
    from mlspec.runtime.evaluate.outcomes import UndefinedMetric

    task = label["task"]
    if task == "multiclass":
        columns = {str(value): outcomes.score[:, place] for place, value in enumerate(label["classes"])}
        profiles = {name: profile_of(name, "float", column.tolist(), min_cell).to_json() for name, column in columns.items()}
    else:
        profiles = {"score": profile_of("score", "float", outcomes.score.tolist(), min_cell).to_json()}
    metrics: dict[str, float] = {}
    for name, row in METRICS.items():
        if task in row.tasks and name not in ("cost", "top_k", "pinball"):  # these need arguments
            try:
                metrics[name] = metric_of(name, task).value(outcomes)
            except UndefinedMetric:
                continue  # a reference without positives has no recall; a check that needs it says so
    return {"score": profiles, "decisions": _decisions(outcomes, label, min_cell), "metrics": metrics}


def _decisions(outcomes: Any, label: Mapping[str, Any], min_cell: int) -> dict[str, int] | None:
    from mlspec.runtime.evaluate.held_out import class_places

    if label["task"] == "regression":
        return None
    counts = {str(value): int((outcomes.decision == code).sum()) for value, code in class_places(label).items()}
    return {value: count if count >= min_cell else 0 for value, count in counts.items()}
