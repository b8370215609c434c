"""Which blocks of features a judgement reads: of the models that it compares, and of the features that group its rows.

The models of one `gates` or `evaluate` block may read different features of the same rows. The block of the first model is the one
that is read as a rule; the other models, and the groups that only another block has, name theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mlspec.spec.model import Block, Definition, Spec
from mlspec.spec.registered import is_registered
from mlspec.spec.values import Reference


class JudgedFeatures:
    """`first` is the block that is read as a rule, None where all models come from the registry and no group is by a feature.

    `models` and `groups` say of a model, and of a feature that rows are grouped by, which other block has it. `clashes` are two features
    of one name that are computed in different ways and would both group the rows.
    """

    __slots__ = ("clashes", "first", "groups", "models")

    def __init__(self, spec: Spec, judge: Block, models: Iterable[str]) -> None:
        read = {name: block for name in models if (block := _block_read(spec, name)) is not None}
        blocks = list(dict.fromkeys(read.values()))
        named = list(_named(spec, judge))
        self.first = next(iter([*blocks, *(block.name for block, _ in named)]), None)
        self.models = {name: block for name, block in read.items() if block != self.first}
        self.groups: dict[str, str] = {}
        self.clashes: list[tuple[Definition, Definition]] = []
        known: dict[str, Definition] = {}
        for owner, feature in [*_audited(spec, blocks), *named]:
            other = known.setdefault(feature.name, feature)
            if other is feature and owner.name != self.first:
                self.groups[feature.name] = owner.name
            elif other.value.form != feature.value.form:
                self.clashes.append((other, feature))

    @property
    def further(self) -> list[str]:
        """The blocks besides the first, each once."""
        return list(dict.fromkeys([*self.models.values(), *self.groups.values()]))


def feature_blocks(model: Block) -> list[str]:
    """The blocks whose features a model reads, each once."""
    item = model.get("features")
    items = item if isinstance(item, tuple | list) else (item,)
    references = (getattr(each, "item", each) for each in items)
    return list(dict.fromkeys(ref.block for ref in references if isinstance(ref, Reference)))


def _block_read(spec: Spec, model: str) -> str | None:
    """The block of features that a model made here reads; the package of a registry brings its own."""
    block = spec.blocks.get(model)
    if block is None or is_registered(block):
        return None
    return next((name for name in feature_blocks(spec.learned(block)) if name in spec.blocks), None)


def _audited(spec: Spec, blocks: Iterable[str]) -> Iterator[tuple[Block, Definition]]:
    """The features that are kept for slices and fairness only: rows are grouped by each without being asked."""
    for name in blocks:
        for feature in spec.blocks[name].definitions.values():
            if "audit" in feature.attrs:
                yield spec.blocks[name], feature


def _named(spec: Spec, judge: Block) -> Iterator[tuple[Block, Definition]]:
    """The features that conditions and numbers of the block go `by`."""
    for item in judge.definitions.values():
        by = set(_by(item.value.form))
        for ref in item.value.refs:
            block = spec.blocks.get(ref.block) if ref.kind == "feature" else None
            if block is not None and ref.member in by and ref.member in block.definitions:
                yield block, block.definitions[ref.member]


def _by(form: Any) -> Iterator[str]:
    """The features behind every `by:` in an expression; iterative."""
    pending = [form]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            kind, name = by if isinstance(by := node.get("by"), list) and len(by) == 2 else ("", "")
            if kind == "feature":
                yield str(name)
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(part for part in node if isinstance(part, list | dict))
