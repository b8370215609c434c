"""What `evaluate` compares: models of one label fitted on one split, by metrics of its task, on rows that none has seen."""

from __future__ import annotations

from mlspec import catalogue
from mlspec.diagnostics import Note
from mlspec.spec.checks.gates import trained_on
from mlspec.spec.checks.reading import LEARNERS, metrics_in, source_of
from mlspec.spec.expressions.models import TASKS
from mlspec.spec.findings import Findings, listing, nearest
from mlspec.spec.model import Block, Spec
from mlspec.spec.tasks import label_of
from mlspec.spec.values import Reference

_HIDDEN = frozenset(("pii.direct", "pii.free_text", "key"))


def compared_models(spec: Spec, block: Block) -> list[Block]:
    """The models of an `evaluate` block, each once: those of `models`, the baseline and those that its numbers name."""
    references = [getattr(item, "item", item) for item in block.get("models") or ()]
    names = [item.block for item in (*references, block.ref("baseline")) if isinstance(item, Reference)]
    names += [str(node[2]) for item in block.definitions.values() for node in metrics_in(item.value)]
    return [spec.blocks[name] for name in dict.fromkeys(names) if name in spec.blocks]


def no_models(spec: Spec, findings: Findings) -> None:
    """106: nothing is compared."""
    for block in spec.of_kind("evaluate"):
        if not compared_models(spec, block):
            findings.add("MLS106", block.span_of("models"), kind="evaluate", block=block.name, name="models", wanted="at least one model",
                         fix="models = [tune.best, majority]")  # fmt: skip


def one_label(spec: Spec, findings: Findings) -> None:
    """209: models of two labels have no metric in common."""
    for block in spec.of_kind("evaluate"):
        labelled = [
            (model, label) for model in compared_models(spec, block) if (label := spec.learned(model).ref("label")) is not None
        ]
        for model, label in labelled[1:]:
            first, known = labelled[0]
            if label.path != known.path:
                findings.add("MLS209", block.span_of("models"), [Note("predicted here", spec.learned(model).span_of("label"))], what=f"`{model.name}` beside `{first.name}`",
                             got=f"a model of `{label.path}`", wanted=f"models of `{known.path}`", hint="compare them in a block of their own")  # fmt: skip


def part_of_other_rows(spec: Spec, findings: Findings) -> None:
    """104: the part divides the rows of another source than the models were fitted on."""
    for block in spec.of_kind("evaluate"):
        part = block.ref("part")
        source = None if part is None else source_of(spec, part)
        for model in compared_models(spec, block):
            own = spec.learned(model).ref("part")
            other = None if own is None else source_of(spec, own)
            if part is not None and source is not None and other is not None and source is not other:
                findings.add("MLS104", block.span_of("part"), name=part.path, got=f"a part of source `{source.name}`",
                             wanted=f"a part of `{other.name}`, on which `{model.name}` was fitted")  # fmt: skip
                break


def part_not_held_out(spec: Spec, findings: Findings) -> None:
    """502: models are compared on rows that one of them was fitted on."""
    for block in spec.of_kind("evaluate"):
        part = block.ref("part")
        for model in compared_models(spec, block) if part is not None else ():
            own = learner.ref("part") if (learner := spec.learned(model)).kind in LEARNERS else None
            if part is not None and own is not None and own.path == part.path:
                split = spec.blocks[part.block]
                near = next(
                    (f"{part.block}.{name}" for name in split.parts if not trained_on(spec, f"{part.block}.{name}")), ""
                )
                findings.add("MLS502", block.span_of("part"), [Note("fitted on it here", learner.span_of("part"))], block=block.name,
                             name=part.path, other=model.name, nearest=near)  # fmt: skip
                break


def fitted_by_another_split(spec: Spec, findings: Findings) -> None:
    """509: a model was fitted on another split of the same rows, whose training rows may be in the block's part."""
    for block in spec.of_kind("evaluate"):
        part, models = block.ref("part"), compared_models(spec, block)
        for model in models if part is not None else ():
            learner = spec.learned(model)
            own = learner.ref("part") if learner.kind in LEARNERS else None
            if part is None or own is None or own.block == part.block or source_of(spec, own) is not source_of(spec, part):
                continue  # of another source is 104
            findings.add("MLS509", block.span_of("models"), [Note("fitted on it here", learner.span_of("part"))],
                         name=block.name, candidate=models[0].name, other=model.name,
                         got=f"`{model.name}` is fitted on `{own.path}`, `{block.name}` looks at `{part.path}`",
                         hint="two splits are drawn on their own: rows of one's training part lie in the other's holdout")  # fmt: skip


def metrics_of_the_task(spec: Spec, findings: Findings) -> None:
    """201: a metric of another task, or one that needs arguments."""
    for block in spec.of_kind("evaluate"):
        models = compared_models(spec, block)
        label = label_of(spec, spec.learned(models[0]).ref("label")) if models else None
        if label is None or label.task not in TASKS:
            continue
        known = [name for name in catalogue.metric_names(label.task) if _plain(name, label.task)]
        for item in block.get("metrics") or ():
            name = str(getattr(item, "item", item))
            if name not in known:
                near = nearest(name, known)
                findings.add("MLS201", block.span_of("metrics"), what=f"`{name}`", got="a metric of something else",
                             wanted=f"a metric of {TASKS[label.task]}: " + listing(known), hint=f"did you mean `{near}`?" if near else "")  # fmt: skip


def slices_that_tell_of_persons(spec: Spec, findings: Findings) -> None:
    """209: a slice by a column whose single values are shown nowhere."""
    for block in spec.of_kind("evaluate"):
        for item in block.get("slices") or ():
            reference = getattr(item, "item", item)
            column = spec.column(reference.block, reference.member or "") if isinstance(reference, Reference) else None
            if column is not None and (_HIDDEN & set(column.tags) or column.type.name in ("text", "id", "image")):
                findings.add("MLS209", block.span_of("slices"), [Note("declared here", column.span)], what=f"a slice by `{column.name}`",
                             got="a column whose values tell rows or persons apart", wanted="a column that groups rows",
                             hint="leave it out")  # fmt: skip


def numbers_without_clock(spec: Spec, findings: Findings) -> None:
    """201: what `evaluate` defines are numbers; 901: and none that a clock gives."""
    for block in spec.of_kind("evaluate"):
        for item in block.definitions.values():
            if item.value.type.name == "bool":
                findings.add("MLS201", item.span, what=f"`{item.name}`", got="a Boolean", wanted="a number",
                             hint="what must hold belongs in `gates`")  # fmt: skip
            for node in metrics_in(item.value):
                if _clock(str(node[1])):
                    findings.add("MLS901", item.span, what=f"`{node[1]}` in `evaluate`", wanted="metrics of predictions",
                                 hint="`gates` measure it, on a machine that does nothing else")  # fmt: skip


def _plain(name: str, task: str) -> bool:
    """Whether a metric says something without arguments: of one class among many it says nothing without the class."""
    row = catalogue.metric(name)
    return row is not None and row.built and not (task == "multiclass" and any(item[0] == "class" for item in row.parameters))


def _clock(name: str) -> bool:
    row = catalogue.metric(name)
    return row is not None and row.interval == "measured"


CHECKS = (
    no_models,
    one_label,
    part_of_other_rows,
    part_not_held_out,
    fitted_by_another_split,
    metrics_of_the_task,
    slices_that_tell_of_persons,
    numbers_without_clock,
)
