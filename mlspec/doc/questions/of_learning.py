"""Answers about learning: algorithms, reproduction, hyperparameters, complexity, infrastructure, interruption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.doc.judged import compared_models
from mlspec.doc.questions.answer import Answer, code, listed, names, plural
from mlspec.doc.stage_graph import took
from mlspec.doc.subject import Cite, Subject, expression_text, field_text, size_text
from mlspec.page.html import Html, el, join
from mlspec.spec.model import Block
from mlspec.spec.values import Made

LEARNING = ("fit", "search", "train")


def algorithms(subject: Subject) -> Answer | None:
    """Fixed models and the families of searches, with the best of each."""
    blocks = subject.blocks("model", "search", "train")
    if not blocks:
        return None
    items: list[object] = []
    cites: list[Cite | None] = []
    for block in blocks:
        cites.append(subject.cite(block.head))
        best = _best_of_families(subject, block)
        if best:
            cites.append(subject.cite_found(f"study.{block.name}"))
        families = block.nested("family")
        if not families:
            items.append(join([code(block.name), ": ", code(_made_of(block))]))
        for family in families:
            told = f", best {best[family.name]}" if family.name in best else ""
            items.append(join([code(f"{block.name}.{family.name}"), ": ", code(field_text(family, "estimator")), told]))
            cites.append(subject.cite(family.head))
    return Answer(join([listed(items), _chosen(subject)]), cites)


def _made_of(block: Block) -> str:
    """The estimator or network of a block, or where its model is found."""
    return field_text(block, "network" if block.kind == "train" else "estimator") or field_text(block, "value")


def _best_of_families(subject: Subject, block: Block) -> dict[str, str]:
    """The best value of each family in the stored study, with its trials."""
    study = _study(subject, block)
    upward = (study.get("objective") or {}).get("direction") != "minimize"
    values: dict[str, list[float]] = {}
    for trial in study.get("trials", ()):
        if trial.get("state") == "complete" and trial.get("value") is not None:
            values.setdefault(str(trial.get("family")), []).append(float(trial["value"]))
    metric = (study.get("objective") or {}).get("metric", "")
    return {
        name: f"{metric} {(max if upward else min)(found):.4g} in {plural(len(found), 'trial')}"
        for name, found in values.items()
    }


def _study(subject: Subject, block: Block) -> Mapping[str, Any]:
    return {} if subject.run is None else subject.run.evidence.study.get(block.name, {})


def _chosen(subject: Subject) -> Html | None:
    if subject.run is None:
        return None
    chosen = [
        f"{name} chose {(found.get('best') or {}).get('family')} in trial {(found.get('best') or {}).get('number')}"
        for name, found in subject.run.evidence.study.items()
        if found.get("best")
    ]
    return el("p", f"{'; '.join(chosen)}.") if chosen else None


def reproduction(subject: Subject) -> Answer | None:
    """Seed, digests, versions and the command."""
    settings = subject.spec.settings
    items: list[object] = [
        join(["Every random choice derives from seed ", code(settings.get("seed")), ", the block's name and the place in the study."]),
        join(["The stages are those of spec digest ", code(subject.graph.spec_digest[:16]), "; ", code(f"mlspec run {subject.files[0][0]}"),
              " makes them, and reuses what is complete already."]),
    ]  # fmt: skip
    cites = [subject.cite(settings.span_of("seed")) if settings.given("seed") else subject.cite(settings.head)]
    run = subject.run
    if run is not None:
        items += [
            join(["Package ", code(name), " has digest ", code(digest[:16])])
            for name, digest in sorted(_packages(subject).items())
        ]
        for name, study in run.evidence.study.items():
            kept = (
                "the same trials come out again"
                if study.get("reproducible")
                else "a clock ended it or the search that it starts from, so trials may differ"
            )
            items.append(join(["Study ", code(name), f": {kept}."]))
        versions = _versions(subject)
        items += [f"Made with {versions}."] if versions else []
        cites += [subject.cite_found(name) for name in run.digests if name.startswith(("package.", "study."))]
    return Answer(join([listed(items)]), cites)


def _packages(subject: Subject) -> dict[str, str]:
    assert subject.run is not None
    return {name.partition(".")[2]: digest for name, digest in subject.run.digests.items() if name.startswith("package.")}


def _versions(subject: Subject) -> str:
    assert subject.run is not None
    found: dict[str, str] = {}
    for stage in subject.graph:
        taken = subject.taken(stage)
        if taken is not None and stage.kind in LEARNING:
            found |= dict(taken.packages)
    return ", ".join(f"{name} {version}" for name, version in sorted(found.items()))


def hyperparameters(subject: Subject) -> Answer | None:
    """Importance where a study is stored, else the spaces that are searched."""
    blocks = subject.blocks("search")
    if not blocks:
        return None
    parts: list[object] = []
    cites: list[Cite | None] = []
    for block in blocks:
        study = _study(subject, block)
        rows = sorted(study.get("importance") or (), key=lambda row: -float(row["importance"]))
        if rows:
            parts.append(
                el("p", "Share of the spread of the objective between the trials of ", code(block.name), " that each explains:")
            )
            parts.append(listed(_importance(row) for row in rows))
            best = study.get("best") or {}
            chosen = ", ".join(f"{name} = {_plain(value)}" for name, value in (best.get("params") or {}).items())
            parts.append(el("p", f"Best: {best.get('family')} with {chosen or 'defaults'}, {_plain(best.get('value'))}."))
            cites.append(subject.cite_found(f"study.{block.name}"))
        else:
            parts.append(
                el(
                    "p",
                    code(block.name),
                    f" searches {field_text(block, 'trials')} trials; importance is known after a run. It searches:",
                )
            )
            parts.append(listed(_spaces(block)))
        cites.append(subject.cite(block.head))
    return Answer(join(parts), cites)


def _importance(row: Mapping[str, Any]) -> Html:
    whole = not row.get("family") and row["parameter"] == "family"
    name = (
        "the choice of family"
        if whole
        else code(f"{row['family']}.{row['parameter']}" if row.get("family") else row["parameter"])
    )
    return join([name, f" {row['importance']:.0%} (of {row['n']} trials)"])


def _spaces(block: Block) -> list[Html]:
    return [
        join([code(f"{family.name}.{name}"), " in ", code(field_text(family, name))])
        for family in block.nested("family")
        for name, value in family.fields.items()
        if isinstance(value.item, Made)
    ]


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def complexity(subject: Subject) -> Answer | None:
    """What the candidate adds to simpler models, and what it took to find, hold and ask."""
    items: list[object] = []
    cites: list[Cite | None] = []
    for block in subject.blocks("gates"):
        for gate in block.definitions.values():
            if len(gate.value.models) > 1 or any(name in ("latency", "size", "load_time") for name, _ in gate.value.calls):
                items.append(
                    join(
                        ["Gate ", code(gate.name), ": ", code(expression_text(gate.value)), _verdict(subject, block, gate.name)]
                    )
                )
                cites += [subject.cite(gate.span), subject.cite_found(f"verdict.{block.name}")]
    for found in compared_models(subject):
        items += [
            _against(found.candidate, metric.name, found.models, metric.cells)
            for metric in found.metrics[:2]
            if len(found.models) > 1
        ]
        cites.append(subject.cite_found(f"metrics.{found.block}"))
    for stage in subject.graph:
        taken = subject.taken(stage)
        if taken is not None and stage.kind in LEARNING:
            size = taken.sizes.get("package", 0)
            items.append(
                join(
                    [
                        code(stage.block),
                        f" took {took(taken.seconds, taken.memory)} to make; its package has {size_text(size)}",
                    ]
                )
            )
            cites.append(subject.cite_found(f"package.{stage.block}"))
    return Answer(join([listed(items)]), cites) if items else None


def _verdict(subject: Subject, block: Block, gate: str) -> str:
    verdict = {} if subject.run is None else subject.run.evidence.verdict.get(block.name, {})
    return next((f", {row['status']}" for row in verdict.get("gates", ()) if row["name"] == gate), "")


def _against(candidate: str, metric: str, models: list[str], cells: list[tuple[str, str]]) -> Html:
    others = ", ".join(f"{name} {value}" for name, (value, _) in list(zip(models, cells, strict=True))[1:])
    return join([f"{metric}: {candidate} {cells[0][0]}", f", against {others}"])


def infrastructure(subject: Subject) -> Answer | None:
    """What the learning stages ask for, and what they took on the machine of the run."""
    stages = [stage for stage in subject.graph if stage.kind in LEARNING]
    if not stages:
        return None
    items: list[object] = []
    cites: list[Cite | None] = []
    for stage in stages:
        asks = stage.resources
        wants = [f"{asks.cpu:g} core{'' if asks.cpu == 1 else 's'}", "" if asks.memory is None else f"{asks.memory / 2**30:g} GiB", asks.devices or "no GPU",
                 "" if asks.time_limit is None else f"at most {asks.time_limit / 3600:g} h"]  # fmt: skip
        parallel = stage.config.get("parallel")
        wants += [f"{parallel} trials side by side"] if parallel else []
        taken = subject.taken(stage)
        spent = "" if taken is None else f"; took {took(taken.seconds, taken.memory)}"
        items.append(join([code(stage.block), ": ", ", ".join(part for part in wants if part), spent]))
        cites.append(subject.cite_at(stage.block))
    machine = next((machine for stage in stages if (machine := _machine(subject, stage.id))), "")
    return Answer(join([listed(items), el("p", f"The run was made on {machine}.") if machine else None]), cites)


def _machine(subject: Subject, stage: str) -> str:
    """Kind of machine: cores, system and Python, nothing that would name it."""
    taken = None if subject.run is None else subject.run.stages.get(stage)
    found = {} if taken is None else taken.machine
    cores, system, python = found.get("processor", {}).get("cores"), found.get("system", {}), found.get("python", {})
    parts = [f"{cores} cores" if cores else "", f"{system.get('name', '')} {system.get('machine', '')}".strip(),
             f"Python {python['version']}" if python.get("version") else ""]  # fmt: skip
    return ", ".join(part for part in parts if part)


def interruption(subject: Subject) -> Answer | None:
    """What a killed run keeps, and how often stages try again."""
    stages = [stage for stage in subject.graph if stage.kind in LEARNING]
    if not stages:
        return None
    items: list[object] = [
        "A stage is complete when its manifest is written, last of all: the next run reuses complete stages by key and begins no other half way.",
        "Artifacts are written beside their place and renamed, so none is ever half there.",
    ]
    if any(stage.kind == "search" for stage in stages):
        items.append(
            "A search keeps every finished trial: after a kill it goes on with the next one, and the study is the same."
        )
    if any(stage.kind == "train" for stage in stages):
        items.append("A training keeps its last state: after a kill it goes on from there, and the weights are the same.")
    retried = [block for block in subject.blocks("source", "model", "search", "train", "gates") if block.given("retry")]
    for block in retried:
        items.append(join([code(block.name), f" is started again up to {block.get('retry')} times when its process dies"]))
    if not retried:
        items.append(join(["No block asks for another attempt by itself (", code("retry = 0"), ")."]))
    limited = [block for block in subject.blocks("model", "search", "train") if block.given("time_limit")]
    if limited:
        items.append(join(["A time limit ends ", names(block.name for block in limited), "."]))
    cites = [*(subject.cite(block.span_of("retry")) for block in retried), *(subject.cite(block.span_of("time_limit")) for block in limited),
             *(subject.cite_at(stage.block) for stage in stages)]  # fmt: skip
    return Answer(join([listed(items)]), cites)
