"""What a model does: two classes, many classes, regression or ranking, as its label's column says."""

from __future__ import annotations

from typing import Any

from mlspec.spec.kinds import NUMBERS, Type
from mlspec.spec.model import Attribute, Block, Spec
from mlspec.spec.registered import label_reference
from mlspec.spec.scope import Scope
from mlspec.spec.values import Reference


class Label:
    """The label of a model: its column, type, task, classes, and the positive and favourable value."""

    __slots__ = ("classes", "favourable", "name", "positive", "query", "source", "task", "type")

    def __init__(self, source: str, name: str, type: Type, attribute: Attribute | None) -> None:
        self.source = source
        self.name = name
        self.type = type
        given = None if attribute is None else attribute.get("positive")
        self.query: str | None = None if attribute is None else attribute.get("query")
        self.task = "ranking" if self.query is not None else _task(type, given)
        classes: tuple[Any, ...] = (False, True) if type.name == "bool" else type.values or ()
        self.classes = () if self.task == "ranking" else classes
        self.positive: Any = (True if type.name == "bool" and given is None else given) if self.task == "binary" else None
        favourable = None if attribute is None else attribute.get("favourable")
        self.favourable: Any = self.positive if favourable is None else favourable

    @property
    def is_number(self) -> bool:
        """Whether a model answers with one number that is no probability: a value, or what rows are ranked by."""
        return self.task in ("regression", "ranking")


def _task(type: Type, positive: Any) -> str:
    if type.name == "bool" or (type.name == "category" and positive is not None):
        return "binary"
    if type.name in ("category", "string"):
        return "multiclass"
    return "regression" if type.name in NUMBERS or type.name in ("duration", "bytes", "rate", "points") else ""


def label_of(spec: Spec, reference: Reference | None) -> Label | None:
    """The label that a field refers to: an `@outcome` column of a source, or the `@label` of a frame."""
    if reference is None:
        return None
    block = spec.blocks.get(reference.block)
    name = reference.member or ""
    if block is None:
        return None
    if reference.kind == "derived" and name in block.definitions:
        definition = block.definitions[name]
        return Label(block.name, name, definition.value.type, definition.attrs.get("label"))
    column = block.columns.get(name)
    # What a column with a wrong attribute is to a model is not known: nothing that follows from it is reported.
    return None if column is None or not column.sound else Label(block.name, name, column.type, column.attrs.get("outcome"))


def model_label(spec: Spec, name: str) -> Label | None:
    """The label of the model that block `name` makes; of one of the registry that of the block which judges it, where one does."""
    block = spec.blocks.get(name)
    return None if block is None else label_of(spec, label_reference(spec, block))


def features_of(spec: Spec, block: Block) -> tuple[Reference, ...]:
    """The features that a model block reads, in order, audit ones left out."""
    item = block.get("features")
    if isinstance(item, tuple):
        return item
    if not isinstance(item, Reference):
        return ()
    source = spec.blocks.get(item.block)
    if source is None:
        return ()
    return tuple(
        Reference("feature", item.block, name, item.span)
        for name, definition in source.definitions.items()
        if "audit" not in definition.attrs
    )


def lacks_positive(label: Label, what: str, scope: Scope) -> bool:
    """Whether a label of two classes does not say which of them is found, where `what` asks; said once, at the label (106)."""
    block = scope.spec.blocks.get(label.source)
    if block is None or label.task != "multiclass" or len(label.classes) != 2:
        return False
    place = (label.source, label.name)
    if place in scope.without_positive:
        return True
    scope.without_positive.add(place)
    column = block.columns.get(label.name)
    attribute = None if column is None else column.attrs.get("outcome")
    shown = " or ".join(f'"{value}"' for value in label.classes)
    scope.findings.add(
        "MLS106", block.head if column is None else column.span if attribute is None else attribute.span, kind="attribute", block="@outcome",
        name="positive", wanted=f"the class that {what} is about: {shown}", fix=f'@outcome(positive: "{label.classes[-1]}")',
    )  # fmt: skip
    return True
