"""What a name means in an expectation of a test: the value that a run would compute, as one column of the row that is tested.

`inputs.age` is the feature's value, `census.age` the row's column, `census.volume` whether the check holds, `release.useful` whether
the gate does and `release` whether all of them do.
"""

from __future__ import annotations

from mlspec.source import Span
from mlspec.spec import kinds
from mlspec.spec.expressions.context import unknown
from mlspec.spec.kinds import BOOL, NONE, ROW, Type
from mlspec.spec.model import Block
from mlspec.spec.values import Reference, Typed

TESTED = {"features": "feature", "frame": "derived", "source": "check", "gates": "gate", "monitor": "alert", "train": "network"}


def tested_block(block: Block, span: Span) -> Typed | None:
    """The verdict of a block of gates; None for a block that is no value."""
    return _leaf("verdict", block.name, None, BOOL, span) if block.kind == "gates" else None


def tested_member(block: Block, name: str, span: Span) -> Typed | None:
    """The value of something inside a block; None where nothing of that name can be expected."""
    if block.kind == "source" and name in block.columns:
        return _leaf("column", block.name, name, block.columns[name].type, span)
    if block.kind == "train":
        return _of_network(block, name, span)
    if block.kind not in TESTED or name not in block.definitions:
        return None
    value = block.definitions[name].value
    if value.type.name == "unknown":
        return unknown(span, (Reference(TESTED[block.kind], block.name, name, span),))
    kind = value.type if block.kind in ("features", "frame") else BOOL
    return _leaf(TESTED[block.kind], block.name, name, kind, span)


def tested_names(block: Block) -> list[str]:
    """What may follow the dot after a block's name in an expectation."""
    if block.kind == "train":
        from mlspec.spec.extern_networks import MEMBERS, network_of

        return list(MEMBERS) if network_of(block) is not None else []
    return [*block.columns, *block.definitions]


def _of_network(block: Block, name: str, span: Span) -> Typed | None:
    """What a network of the project's own gives for a row before it has learned anything; of other networks nothing is asked."""
    from mlspec.spec.extern_networks import MEMBERS, network_of

    if network_of(block) is None or name not in MEMBERS:
        return None
    return _leaf("network", block.name, name, MEMBERS[name], span)


def _leaf(noun: str, block: str, member: str | None, kind: Type, span: Span) -> Typed:
    reference = Reference(noun, block, member, span)
    plain = Type(kind.name, kind.optional, values=kind.values, precision=kind.precision, scale=kind.scale, entity=kind.entity)
    return Typed(["col", reference.path, plain.code], plain, ROW, NONE, span, (reference,))


def vectors_equal(op: str, left: Typed, right: Typed, span: Span) -> Typed | None:
    """`feature == [0.6, 0.8]`: all numbers that a feature became, in their order; None where the other side is no list of numbers."""
    items = right.type.item
    if right.form[0] != "list" or not right.form[1] or items is None or items.name not in kinds.NUMBERS:
        return None
    refs = left.refs + right.refs
    return Typed(["call", op, [left.form, right.form], {}], BOOL, ROW, NONE, span, refs, (), 1 + left.size + right.size)
