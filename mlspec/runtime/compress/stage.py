"""The `compress` stage: distil, prune, quantise, export, in this order; after each step a package, its size and what was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.compress import distil, export, magnitude, quantise, rounds
from mlspec.runtime.compress.clock import readings
from mlspec.runtime.compress.facts import facts_of
from mlspec.runtime.compress.judge import ORIGINAL, judged
from mlspec.runtime.compress.loss import loss_on
from mlspec.runtime.compress.model import Model, model_of, require, write_model
from mlspec.runtime.compress.rows import Rows
from mlspec.runtime.context import StageContext
from mlspec.runtime.evaluate.of_package import size_of
from mlspec.runtime.evaluate.stage import label_of
from mlspec.runtime.package import Package, load_package

FORMAT = 1
ORDER = ("distil", "prune", "quantise", "export")


def run(context: StageContext) -> None:
    """Write `package`, `steps` and `measurements`."""
    original = load_package(context.input("package"))
    rows = Rows(context, original)
    asked = [name for name in ORDER if context.config.get(name) is not None]
    model, packages, facts = model_of(original), {ORIGINAL: original}, {ORIGINAL: facts_of(model_of(original))}
    for place, name in enumerate(asked):
        context.progress(place, len(asked) + 1, f"{name}: {context.config[name]['name']}")
        model = _STEPS[name](rows, model, context.config[name], f"{context.block}.{name}")
        folder = context.output("package") if place == len(asked) - 1 else rows.scratch(f"package.{name}")
        packages[name] = write_model(folder, str(context.config["name"]), model, rows.sample, rows.proof)
        facts[name] = facts_of(model)
    if not asked:
        packages["copy"] = write_model(context.output("package"), str(context.config["name"]), model, rows.sample, rows.proof)
        facts["copy"] = facts_of(model)
    context.progress(len(asked), len(asked) + 1, "judging")
    files.write_json(context.output("steps") / "steps.json", _steps(context, packages, facts))
    try:
        clock = readings(packages, rows.proof)
    finally:
        for package in packages.values():
            package.close()
    files.write_json(context.output("measurements") / "measurements.json", {"quantities": clock})
    _write_page(context, packages, clock)
    context.progress(len(asked) + 1, len(asked) + 1, _summary(packages, clock))


def _write_page(context: StageContext, packages: Mapping[str, Package], clock: Mapping[str, Any]) -> None:
    """The readings for people, beside those for programs."""
    from mlspec.runtime.report.readings import readings_page

    sizes = [(name, size_of(package.folder)) for name, package in packages.items()]
    page = readings_page(str(context.config["name"]), str(context.config["model"]), sizes, clock)
    files.write_text(context.output("measurements") / "index.html", page)


def _distil(rows: Rows, model: Model, config: Mapping[str, Any], where: str) -> Model:
    seed = rows.context.seed("distil")
    if config.get("network") is not None:
        from mlspec.runtime.compress.student_network import student_network, student_of_pictures

        require(model, "student", where)
        epochs = config["epochs"] or rows.context.config["training"]["epochs"]
        settings = rows.settings("distil", int(epochs), where)
        if rows.of_pictures:
            return student_of_pictures(model, config, rows.pictures(), seed, settings)
        return student_network(model, config, rows.matrix.numbers, rows.learning.target, seed, settings)
    return distil.distil(model, config, rows.matrix, rows.learning.target, seed, where)


def _prune(rows: Rows, model: Model, config: Mapping[str, Any], where: str) -> Model:
    if config["name"] == "magnitude":
        pruned = magnitude.prune(model, config, rows.measured, where)
        return _retrained(rows, pruned, int(config["retrain_epochs"]), where)
    part = config.get("part")
    loss = None if part is None else loss_on(str(config["on"]), rows, str(part), where)
    return rounds.prune(model, config, loss, where)


def _retrained(rows: Rows, model: Model, epochs: int, where: str) -> Model:
    if not epochs:
        return model
    from mlspec.runtime.compress.retrain import retrain
    from mlspec.runtime.deep.examples import class_weights

    target = rows.learning.target
    weights = class_weights(rows.context.config["training"], target)
    return retrain(model, rows.examples(), target.task, weights, rows.settings("retrain", epochs, where))


def _quantise(rows: Rows, model: Model, config: Mapping[str, Any], where: str) -> Model:
    drawn = None
    if config["name"] == "static_int8":
        drawn = rows.drawn(str(config["part"]), int(config["samples"]), rows.context.seed("quantise"))
    return quantise.quantise(model, config, drawn, rows.scratch("quantise"), where)


def _export(rows: Rows, model: Model, config: Mapping[str, Any], where: str) -> Model:
    return export.export(model, config, rows.sample, where)


_STEPS: Mapping[str, Callable[[Rows, Model, Mapping[str, Any], str], Model]] = {
    "distil": _distil, "prune": _prune, "quantise": _quantise, "export": _export,
}  # fmt: skip


def _steps(context: StageContext, packages: Mapping[str, Package], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What steps.json holds; no reading of a clock is in it."""
    config = context.config
    label = label_of({**config, "candidate": ORIGINAL}, packages)
    found = judged(context, packages, label)
    states = [
        {
            "step": name,
            "config": config.get(name),
            "bytes": size_of(package.folder),
            "facts": facts[name],
            "rows": package.manifest.rows,
            "quality": found["quality"][name],
            "loss": found["loss"].get(name),
            "same": found["same"][name],
        }
        for name, package in packages.items()
    ]
    head = {key: found[key] for key in ("part", "confidence", "metrics")}
    return {
        "format": FORMAT, "name": config["name"], "model": config["model"], "task": label["task"], "n": found["rows"],
        "fitted": found["part"] == config["part"], **head, "steps": states,
    }  # fmt: skip


def _summary(packages: Mapping[str, Package], clock: Mapping[str, Any]) -> str:
    last = list(packages)[-1]
    sizes = [f"{size_of(packages[name].folder):,}" for name in (ORIGINAL, last)]
    speeds = [f"{clock[f'{name}.rows_per_second']['value']:,.0f}" for name in (ORIGINAL, last)]
    return f"{' → '.join(sizes)} bytes, {' → '.join(speeds)} rows a second"
