"""The `evaluate` stage: packages scored on held-out rows, every number that a gate reads, and the report's curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from threadpoolctl import threadpool_limits

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.evaluate.behaviour import Asked, answers
from mlspec.runtime.evaluate.bootstrap import DRAWS
from mlspec.runtime.evaluate.by_class import class_entries, class_expressions
from mlspec.runtime.evaluate.comparisons import comparison_entries, comparison_expressions, pairs_of
from mlspec.runtime.evaluate.curves import PLOTS, curves_of
from mlspec.runtime.evaluate.findings import model_entries, quantity_entry, standard_expressions, standard_metrics
from mlspec.runtime.evaluate.held_out import HeldOut, part_reader, read_part
from mlspec.runtime.evaluate.of_package import plain, size_of
from mlspec.runtime.evaluate.outcomes import Outcomes
from mlspec.runtime.evaluate.own_metrics import own_metrics
from mlspec.runtime.evaluate.predictions import write_predictions
from mlspec.runtime.evaluate.quantities import Evaluator
from mlspec.runtime.evaluate.registered import refuse_unread
from mlspec.runtime.evaluate.scoring import reader_of, registered, score_package
from mlspec.runtime.evaluate.slices import audit_features, group_numbers, slices_of
from mlspec.runtime.package.absent import packages_there

CONFIDENCE = 0.95


def evaluate(context: StageContext) -> None:
    """Score the packages on the part and write `predictions` and `metrics`."""
    packages = load_packages(context)
    label = label_of(context.config, packages)
    with part_reader(context) as reader:
        by = groupings(context.config, [*audit_features(reader), *(context.config.get("groups_of") or ())])
        held = read_part(reader, label, context.config, by, context.block)
        group_numbers(held, reader, context.config.get("by") or ())
        models = {
            name: score_package(
                context, reader_of(context, reader, name), held, label, package, name, fetched=registered(context, name)
            )
            for name, package in packages.items()
        }
        asked = answers(context, reader, models, packages)
    # A BLAS that sums in several threads rounds by their number, and the numbers below are digested.
    with threadpool_limits(1), own_metrics(context) as own:
        metrics = measure(context, held, label, models, asked, by, own)
    write_predictions(context.output("predictions"), held, models, label)
    files.write_json(context.output("metrics") / "metrics.json", metrics)


def load_packages(context: StageContext) -> dict[str, Any]:
    """The packages in the order of the spec; a model without one is absent."""
    from mlspec.runtime import package

    given = [*packages_there(context.inputs())]
    listed = [name for name in context.config.get("models") or () if name in given]
    names = [*listed, *(name for name in sorted(given) if name not in listed)]
    found = {name: package.load_package(context.input(f"package.{name}")) for name in names}
    refuse_unread(context, found, found.keys() & (context.config.get("if_absent") or {}))
    return found


def label_of(config: Mapping[str, Any], packages: Mapping[str, Any]) -> dict[str, Any]:
    """The label, with the classes that the candidate learned where the spec leaves them open."""
    label = dict(config["label"])
    candidate = packages.get(str(config.get("candidate")), next(iter(packages.values()), None))
    if label["task"] != "regression" and not label.get("classes") and candidate is not None:
        label["classes"] = list(candidate.classes)
    return label


def task_of(label: Mapping[str, Any]) -> str:
    """The task that metrics are taken of: what is fitted as a number is a ranking where its label has a query."""
    return "ranking" if "query" in label else str(label["task"])


def measure(
    context: StageContext, held: HeldOut, label: Mapping[str, Any], models: Mapping[str, Outcomes],
    answered: Asked, by: Sequence[tuple[str, str]], own: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Everything that metrics.json holds."""
    config, task = context.config, task_of(label)
    evaluator = Evaluator(
        held, {**models, **answered.outcomes}, void=answered.void, confidence=config.get("confidence") or CONFIDENCE,
        min_group=config.get("min_group") or 1, seed=context.seed("bootstrap"), if_absent=config.get("if_absent"),
        correction=config.get("correction") or "none", own=own,
    )  # fmt: skip
    sizes = {name: size_of(context.input(f"package.{name}")) for name in models}
    asked = {item["id"]: (item["expression"], plain(item["expression"], sizes)) for item in config["quantities"]}
    metrics = list(config.get("metrics") or standard_metrics(task))
    pairs = pairs_of(list(models), config.get("candidate"), config.get("baseline"))
    one = config.get("candidate") if config.get("candidate") in models else None
    wanted = [
        *(computed for _, computed in asked.values()), *standard_expressions(list(models), metrics),
        *comparison_expressions(pairs, metrics), *class_expressions(label, one),
    ]  # fmt: skip
    evaluator.prepare(wanted, lambda done: context.progress(done, DRAWS, "bootstrap draws"))
    return {
        "part": config["part"],
        "candidate": config.get("candidate"),
        "n": len(held),
        "confidence": evaluator.confidence,
        "min_group": evaluator.min_group,
        "label": {**label, "task": task},
        "quantities": {key: quantity_entry(evaluator, computed, written) for key, (written, computed) in asked.items()},
        "models": model_entries(evaluator, list(models), metrics),
        "comparisons": comparison_entries(evaluator, pairs, metrics),
        "classes": class_entries(evaluator, label, one),
        "slices": slices_of(evaluator, by, list(models), task, config.get("min_cell") or 1),
        "curves": {
            name: curves_of(rows, config.get("plots") or PLOTS, evaluator.confidence, held.groups, context.seed("bands"))
            for name, rows in models.items()
        },
    }


def groupings(config: Mapping[str, Any], audited: Sequence[str]) -> list[tuple[str, str]]:
    """Everything that rows are grouped by: what gates name, declared slices, and every audit feature."""
    found = [pair for item in config["quantities"] for pair in _by_in(item["expression"])]
    found += [(str(kind), str(name)) for kind, name in config.get("by") or ()]
    return list(dict.fromkeys([*found, *(("feature", name) for name in audited)]))


def _by_in(node: Any) -> list[tuple[str, str]]:
    if node[0] != "call":
        return []
    own = [(str(node[3]["by"][0]), str(node[3]["by"][1]))] if "by" in node[3] else []
    return own + [pair for part in node[2] for pair in _by_in(part)]
