"""The `evaluate` stage: packages scored on held-out rows, every number that a gate reads, and the report's curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from threadpoolctl import threadpool_limits

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.evaluate.curves import curves_of
from mlspec.runtime.evaluate.findings import model_entries, quantity_entry, wanted_intervals
from mlspec.runtime.evaluate.held_out import HeldOut, PartReader, part_reader, read_part
from mlspec.runtime.evaluate.outcomes import Outcomes
from mlspec.runtime.evaluate.predictions import score_part, write_predictions
from mlspec.runtime.evaluate.quantities import Evaluator
from mlspec.runtime.evaluate.slices import audit_features, slices_of

CONFIDENCE = 0.95


def evaluate(context: StageContext) -> None:
    """Score the packages on the part and write `predictions` and `metrics`."""
    with part_reader(context) as reader:
        by = groupings(context.config["quantities"], audit_features(reader))
        held = read_part(reader, context.config, by, context.block)
        models = score_models(context, reader, held)
    # A BLAS that sums in several threads rounds by their number, and the numbers below are digested.
    with threadpool_limits(1):
        metrics = measure(context, held, models, by)
    write_predictions(context.output("predictions"), held, models, context.config["label"])
    files.write_json(context.output("metrics") / "metrics.json", metrics)


def model_names(config: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    """The models in the order of the spec; those without a package are absent."""
    listed = list(config.get("models") or ())
    given = [name.removeprefix("package.") for name in inputs if name.startswith("package.")]
    return [name for name in listed if name in given] + [name for name in given if name not in listed]


def score_models(context: StageContext, reader: PartReader, held: HeldOut) -> dict[str, Outcomes]:
    """Every package's outcomes on the part."""
    from mlspec.runtime import package

    names = model_names(context.config, context.inputs())
    return {name: score_part(context, reader, held, package.load_package(context.input(f"package.{name}")), name) for name in names}


def measure(
    context: StageContext, held: HeldOut, models: Mapping[str, Outcomes], by: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Everything that metrics.json holds."""
    config, task = context.config, context.config["label"]["task"]
    evaluator = Evaluator(
        held, models, confidence=config.get("confidence") or CONFIDENCE, min_group=config.get("min_group") or 1,
        seed=context.seed("bootstrap"), if_absent=config.get("if_absent"),
    )  # fmt: skip
    quantities = config["quantities"]
    wanted = wanted_intervals(quantities, list(models), task)
    evaluator.prepare(wanted, lambda done: context.progress(done, None, "bootstrap draws"))
    return {
        "part": config["part"],
        "candidate": config.get("candidate"),
        "n": len(held),
        "confidence": evaluator.confidence,
        "label": config["label"],
        "quantities": {item["id"]: quantity_entry(evaluator, item["expression"]) for item in quantities},
        "models": model_entries(evaluator, list(models), task),
        "slices": slices_of(evaluator, by, list(models), task),
        "curves": {name: curves_of(rows) for name, rows in models.items()},
    }


def groupings(quantities: Sequence[Mapping[str, Any]], audited: Sequence[str]) -> list[tuple[str, str]]:
    """Everything that rows are grouped by: what gates name, and every audit feature."""
    found = [pair for item in quantities for pair in _by_in(item["expression"])]
    return list(dict.fromkeys([*found, *(("feature", name) for name in audited)]))


def _by_in(node: Any) -> list[tuple[str, str]]:
    if node[0] != "call":
        return []
    own = [(str(node[3]["by"][0]), str(node[3]["by"][1]))] if "by" in node[3] else []
    return own + [pair for part in node[2] for pair in _by_in(part)]
