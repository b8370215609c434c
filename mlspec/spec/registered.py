"""Models of the registry: what they predict, which no block of the spec says, and what judges them.

A package of the registry knows its label by itself, and a spec is checked without it. So the label is that of the models beside
which it is judged; where it stands alone, what all models of the spec predict of these rows, or their one outcome.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.spec.model import Block, Spec
from mlspec.spec.values import Made, Reference


def is_registered(block: Block | None) -> bool:
    """Whether a block is a model that the registry keeps."""
    made = None if block is None or block.kind != "model" else block.make("value")
    return isinstance(made, Made) and made.name == "registry"


def label_reference(spec: Spec, block: Block) -> Reference | None:
    """The column that a model predicts; of one of the registry that of the block which judges it."""
    if not is_registered(block):
        return spec.learned(block).ref("label")
    judges = (judge for judge in spec.of_kind("gates", "evaluate") if block.name in named_models(judge))
    return next((found for judge in judges if (found := judged_label(spec, judge)) is not None), None)


def judged_label(spec: Spec, judge: Block) -> Reference | None:
    """What the models of a `gates` or `evaluate` block predict: as the first says that is made here, else what the rows alone allow."""
    for name in named_models(judge):
        model = spec.blocks.get(name)
        found = None if model is None or is_registered(model) else spec.learned(model).ref("label")
        if found is not None:
            return found
    part = judge.ref("part")
    source = None if part is None else _source_of(spec, part)
    if source is None:
        return None
    learned = {label.path: label for label in _labels(spec, source)}
    outcomes = [column.name for column in source.columns.values() if "outcome" in column.attrs]
    if learned:
        return next(iter(learned.values())) if len(learned) == 1 else None
    return Reference("column", source.name, outcomes[0], judge.head) if len(outcomes) == 1 else None


def _source_of(spec: Spec, part: Reference) -> Block | None:
    split = spec.blocks.get(part.block)
    frame = None if split is None else split.ref("frame")
    return None if frame is None else spec.spine(frame.block)


def _labels(spec: Spec, source: Block) -> Iterator[Reference]:
    """What the models that are made here from the rows of a source predict."""
    for learner in spec.of_kind("model", "search", "train"):
        part, label = learner.ref("part"), learner.ref("label")
        if part is not None and label is not None and _source_of(spec, part) is source:
            yield label


def named_models(judge: Block) -> list[str]:
    """The models that the fields of a `gates` or `evaluate` block name, in order."""
    return list(dict.fromkeys(reference.block for reference in _references(judge)))


def _references(judge: Block) -> Iterator[Reference]:
    for item in (judge.get("candidate"), *(judge.get("models") or ()), judge.get("baseline")):
        found = getattr(item, "item", item)
        if isinstance(found, Reference):
            yield found
