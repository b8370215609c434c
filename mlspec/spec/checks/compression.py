"""What a `compress` may ask of a model: steps that mean something for what it is made of, and rows of the model's own split."""

from __future__ import annotations

from typing import Any

from mlspec import catalogue
from mlspec.catalogue.families import NAMES, STEPS, family_of, listing
from mlspec.spec.checks.reading import features_of
from mlspec.spec.expressions.models import TASKS
from mlspec.spec.extern_networks import network_of
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Spec
from mlspec.spec.tasks import Label, model_label
from mlspec.spec.values import Made, Reference

_FIELDS = ("distil", "prune", "quantise", "export")


def nothing_asked(spec: Spec, findings: Findings) -> None:
    """106: a compress without a step is a copy."""
    for block in spec.of_kind("compress"):
        if not any(block.make(name) is not None for name in _FIELDS):
            findings.add("MLS106", block.head, kind="compress", block=block.name, name="quantise", wanted="at least one of distil, prune, quantise and export",
                         fix="quantise = dynamic_int8()")  # fmt: skip


def steps_that_mean_nothing(spec: Spec, findings: Findings) -> None:
    """209: a step that makes nothing of what the model is made of: trees have no weights, a linear model no rounds."""
    for block in spec.of_kind("compress"):
        families = families_of(spec, spec.blocks[inner.block]) if (inner := block.ref("model")) is not None else set()
        for name in _FIELDS:
            made = block.make(name)
            if made is None:
                continue
            if families and not families & {*STEPS[made.name]}:
                findings.add("MLS209", block.span_of(name), what=f"`{name}` of `{block.name}`", got=f"`{made.name}(…)` of {_or(families)}",
                             wanted=f"{listing(STEPS[made.name])}", hint=_instead(families))  # fmt: skip
            if name == "distil" and isinstance(made.get("estimator"), str):
                families = {family_of(made.get("estimator"))}


def families_of(spec: Spec, learner: Block) -> set[str]:
    """What a model may turn out to be made of; empty where only a run shows it."""
    if learner.kind == "compress":
        distil, inner = learner.make("distil"), learner.ref("model")
        if distil is not None and isinstance(distil.get("estimator"), str):
            return {family_of(distil.get("estimator"))}
        return set() if inner is None else families_of(spec, spec.blocks[inner.block])
    if learner.kind == "train":
        return {"network" if network_of(learner) is None else "own"}
    blocks = learner.nested("family") if learner.kind == "search" else [learner]
    return {family_of(str(each.get("estimator"))) for each in blocks if each.get("estimator") is not None}


def quantised_before(spec: Spec, findings: Findings) -> None:
    """209: weights that are 8-bit integers already are neither pruned nor quantised again."""
    for block in spec.of_kind("compress"):
        inner = block.ref("model")
        before = None if inner is None else _quantising(spec, spec.blocks[inner.block])
        for name in ("prune", "quantise") if before is not None and block.make("distil") is None else ():
            if block.make(name) is not None:
                findings.add("MLS209", block.span_of(name), what=f"`{name}` of `{block.name}`", got=f"a model that `{before}` quantised",
                             wanted="a model of floats", hint=f"prune before `{before}` quantises")  # fmt: skip


def _quantising(spec: Spec, block: Block) -> str | None:
    """The compress that made the weights of a model integers."""
    if block.kind != "compress":
        return None
    inner = block.ref("model")
    if block.make("quantise") is not None:
        return block.name
    return None if inner is None or block.make("distil") is not None else _quantising(spec, spec.blocks[inner.block])


def _or(families: set[str]) -> str:
    return " or ".join(NAMES[name] for name in sorted(families))


def _instead(families: set[str]) -> str:
    if families <= {"boosted", "forest"}:
        return "trees get smaller by `prune = rounds(keep: 50%)`, or by a student: `distil = student(…)`"
    return "a smaller model learns its scores: `distil = student(…)`" if "constant" not in families else ""


def calls_that_lack(spec: Spec, findings: Findings) -> None:
    """106 and 209: what one argument of a step asks of the others."""
    for block in spec.of_kind("compress"):
        prune, distil = block.make("prune"), block.make("distil")
        if prune is not None and prune.name == "rounds":
            _rounds(block, prune, findings)
        if prune is not None and prune.name == "magnitude":
            _magnitude(spec, block, prune, findings)
        if distil is not None:
            _student(spec, block, distil, findings)


def _rounds(block: Block, made: Made, findings: Findings) -> None:
    if made.get("keep") is None:
        for name, fix in (("on", "on: auc"), ("part", "part: …")):
            if made.get(name) is None:
                findings.add("MLS106", made.span or block.head, kind="the call", block="rounds(…)", name=name,
                             wanted="how many trees stay (`keep: 50%`), or the metric and the rows that say so", fix=fix)  # fmt: skip
                return
        _room(block, made, findings)
    elif made.get("on") is not None or made.get("part") is not None:
        findings.add(
            "MLS209", made.span or block.head, what="`rounds(…)`", got="`keep` beside `on` and `part`", wanted="one of the two"
        )
    if made.get("keep") == 0:
        findings.add("MLS209", made.args["keep"].span or block.head, what="`keep`", got="`0%`", wanted="more than 0 %")


def _room(block: Block, made: Made, findings: Findings) -> None:
    """A loss in points is one of a ratio: of an error in minutes a point would be a hundredth of a minute."""
    metric = catalogue.metric(str(made.get("on")))
    if made.get("max_loss") and metric is not None and metric.type != "ratio":
        findings.add("MLS202", made.args["max_loss"].span or block.head, what=f"`max_loss` of `{metric.name}`", got="points",
                     wanted="no loss, or a share of the trees", hint="leave it out, or write `keep: 50%`")  # fmt: skip


def _magnitude(spec: Spec, block: Block, made: Made, findings: Findings) -> None:
    if made.get("retrain_epochs") and spec.learned(block).kind != "train":
        findings.add("MLS209", made.args["retrain_epochs"].span or block.head, what="`retrain_epochs`", got="set for a model without epochs",
                     wanted="a network of a `train` block", hint="leave it out")  # fmt: skip
    if made.get("sparsity") in (0, 1):
        findings.add("MLS209", made.args["sparsity"].span or block.head, what="`sparsity`", got=f"`{made.get('sparsity') * 100:g}%`",
                     wanted="more than 0 % and less than 100 %")  # fmt: skip


def _student(spec: Spec, block: Block, made: Made, findings: Findings) -> None:
    given = [name for name in ("estimator", "network") if made.get(name) is not None]
    if len(given) != 1:
        findings.add("MLS106", made.span or block.head, kind="the call", block="student(…)", name="estimator",
                     wanted="one of `estimator` and `network`", fix="estimator: sklearn.LogisticRegression")  # fmt: skip
        return
    if made.get("temperature") == 0:
        findings.add(
            "MLS209", made.args["temperature"].span or block.head, what="`temperature`", got="`0`", wanted="more than 0"
        )
    label = model_label(spec, block.name)
    if label is not None and label.task and given == ["estimator"]:
        _estimator(spec, block, made, label, findings)
    elif given == ["network"] and network_of(spec.learned(block)) is not None:
        findings.add(
            "MLS901",
            made.args["network"].span or block.head,
            what="a network as the student of an extern network",
            wanted="an `estimator`",
        )
    elif given == ["network"] and spec.learned(block).kind != "train":
        findings.add("MLS209", made.args["network"].span or block.head, what="`network` of `student(…)`", got="a student of a model that is no network",
                     wanted="an `estimator`", hint="`estimator: sklearn.MLPClassifier` is a small network")  # fmt: skip


def _estimator(spec: Spec, block: Block, made: Made, label: Label, findings: Findings) -> None:
    """The student is of the label's task, and takes what its features are."""
    row, span = catalogue.estimator(made.get("estimator")), made.args["estimator"].span or block.head
    if row is None:
        return
    if label.task not in row.tasks:
        findings.add("MLS212", span, estimator=row.key, name=label.name, wanted=TASKS[label.task],
                     got=" or ".join(TASKS[task] for task in row.tasks), nearest="")  # fmt: skip
        return
    if not label.is_number and not row.gives_probability({name: value.item for name, value in made.args.items()}):
        findings.add("MLS212", span, estimator=row.key, name=label.name, nearest="sklearn.LogisticRegression",
                     wanted=f"{TASKS[label.task]} with a probability of each", got=f"{TASKS[label.task]} with decisions alone")  # fmt: skip
        return
    for owner, feature in [] if row.nulls else features_of(spec, block):
        kind = feature.value.type
        if kind.optional and owner.get("missing") is None:
            findings.add("MLS204", span, name=f"{owner.name}.{feature.name}", what=f"`{row.key}`", got=str(kind))
            return


def parts_of_another_split(spec: Spec, findings: Findings) -> None:
    """901: what a step reads besides the model's own rows is a part of the same split."""
    for block in spec.of_kind("compress"):
        own = spec.learned(block).ref("part")
        for field, part in _parts(block):
            if own is not None and part.block != own.block:
                findings.add(
                    "MLS901",
                    block.span_of(field),
                    what=f"`{field}` of a `compress` on a part of another split",
                    wanted=f"a part of `{own.block}`",
                )


def _parts(block: Block) -> list[tuple[str, Reference]]:
    found: list[tuple[str, Any]] = [("part", block.ref("part"))]
    found += [(name, made.get("part")) for name in ("prune", "quantise") if (made := block.make(name)) is not None]
    return [(field, part) for field, part in found if isinstance(part, Reference)]


def metrics_of_another_task(spec: Spec, findings: Findings) -> None:
    """201: the metric that says how many rounds stay is one of the label's task."""
    for block in spec.of_kind("compress"):
        made, label = block.make("prune"), model_label(spec, block.name)
        row = None if made is None or made.get("on") is None else catalogue.metric(made.get("on"))
        if made is None or row is None or label is None or not label.task or label.task in row.tasks:
            continue
        findings.add("MLS201", made.args["on"].span or block.head, what=f"`{row.name}`", got="a metric of something else",
                     wanted=f"a metric of {TASKS[label.task]}")  # fmt: skip


def registered_models(spec: Spec, findings: Findings) -> None:
    """901: a model of the registry is compared with, and not changed."""
    for block in spec.of_kind("compress"):
        learner = spec.learned(block)
        if learner.kind == "model" and learner.get("estimator") is None:
            findings.add(
                "MLS901",
                block.span_of("model"),
                what=f"compressing `{learner.name}`, which another run made",
                wanted="a model that this spec makes",
            )


CHECKS = (
    nothing_asked, steps_that_mean_nothing, quantised_before, calls_that_lack, parts_of_another_split, metrics_of_another_task, registered_models,
)  # fmt: skip
