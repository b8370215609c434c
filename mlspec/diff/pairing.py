"""Which block and which member of the old side is which of the new one: by name, by `@was`, and blocks by what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mlspec.diff.names import Names, plain
from mlspec.spec.model import Block, Item, Spec
from mlspec.spec.scope import ALONE

ALIKE = 0.6
"""The share of a block's statements that must be the same for a block with another name to be the same block."""


_VALUES = ("param", *ALONE)


class Paired(NamedTuple):
    """Pairs in the order of the new side, what is gone and what has come."""

    pairs: list[tuple[Any, Any]]
    gone: list[Any]
    come: list[Any]


def blocks_of(spec: Spec, needed: frozenset[str]) -> dict[str, Block]:
    """The blocks of a spec by key: name, `alias.name`, or kind and label of those without a name of their own.

    Of an imported file only those that are `needed`, and its values: where a param stood, a bound field holds what it was.
    """
    found = {_key(block): block for block in spec.unnamed if block.kind != "env"}
    return found | {
        name: block for name, block in spec.blocks.items() if not block.alias or name in needed or block.kind in _VALUES
    }


def _key(block: Block) -> str:
    return "spec" if block.kind == "spec" else f"{block.kind} {block.name}".strip()


def pair_blocks(old: Mapping[str, Block], new: Mapping[str, Block], names: Names, absent: frozenset[str]) -> Paired:
    """Blocks of one kind with one name; then those that say the same under another name, which `names` learns.

    `absent` are names that the new text has and that could not be bound: what stands under them is not gone.
    """
    pairs = [(old[key], block) for key, block in new.items() if key in old and old[key].kind == block.kind]
    gone = {key: block for key, block in old.items() if key not in new or new[key].kind != block.kind}
    come = {key: block for key, block in new.items() if key not in old or old[key].kind != block.kind}
    for before, after in _alike({key: block for key, block in gone.items() if key not in absent}, come):
        names.blocks[before] = after
        pairs.append((gone.pop(before), come.pop(after)))
    place = {id(block): index for index, block in enumerate(new.values())}
    pairs.sort(key=lambda pair: place[id(pair[1])])
    return Paired(pairs, list(gone.values()), list(come.values()))


def _alike(gone: Mapping[str, Block], come: Mapping[str, Block]) -> list[tuple[str, str]]:
    """Old and new keys of blocks that say nearly the same, the most alike first, each once."""
    said = {id(block): _statements(block) for block in (*gone.values(), *come.values())}
    found: list[tuple[float, int, str, str]] = []
    for before, block in gone.items():
        for after, other in come.items():
            if block.kind == other.kind and bool(block.alias) == bool(other.alias):
                one, same = said[id(block)], said[id(other)]
                share = len(one & same) / max(1, len(one | same))
                if share >= ALIKE:
                    found.append((-share, len(found), before, after))
    taken: set[str] = set()
    pairs = []
    for _, _, before, after in sorted(found):
        if before not in taken and f"\0{after}" not in taken:
            taken |= {before, f"\0{after}"}
            pairs.append((before, after))
    return pairs


def _statements(block: Block) -> frozenset[str]:
    """What a block says, statement by statement, without its name."""
    own = {block.name, block.path}
    found = {f"{name} = {_without(plain(value), own)}" for name, value in block.fields.items() if value.origin != "default"}
    found |= {f"{name}: {column.type} {plain(column.attrs)}" for name, column in block.columns.items()}
    found |= {f"{name} := {_without(plain(item.value), own)}" for name, item in block.definitions.items()}
    found |= {f"{name} := {part.share} {plain(part.interval)}" for name, part in block.parts.items()}
    for inner in block.blocks:
        found |= {f"{inner.kind} {inner.name} {line}" for line in _statements(inner)}
    return frozenset(found or {"nothing"})


def _without(value: Any, own: set[str]) -> Any:
    """A value whose mentions of the block itself read the same under any name."""
    if isinstance(value, list):
        return [_without(item, own) for item in value]
    if isinstance(value, dict):
        return {key: _without(item, own) for key, item in value.items()}
    return "·" if isinstance(value, str) and value in own else value


def pair_inner(old: Block, new: Block) -> Paired:
    """The blocks inside two blocks, by kind and name."""
    before = {(block.kind, block.name): block for block in old.blocks}
    after = {(block.kind, block.name): block for block in new.blocks}
    return Paired(
        [(before[key], block) for key, block in after.items() if key in before],
        [block for key, block in before.items() if key not in after],
        [block for key, block in after.items() if key not in before],
    )


def learn_members(old: Block, new: Block, key: str, names: Names) -> None:
    """Notes the renames that `@was` tells of two blocks' members; `key` is the old block's."""
    for before, after in ((old.columns, new.columns), (old.definitions, new.definitions), (old.parts, new.parts)):
        for name, item in after.items():
            was = was_of(item)
            if was and was in before and name not in before:
                names.members[key, was] = name


def was_of(item: Item) -> str:
    """The name that `@was` says an item had, "" without one."""
    found = item.attr("was", "name")
    return "" if found is None else str(found)


def pair_items(old: Mapping[str, Any], new: Mapping[str, Any], key: str, names: Names) -> Paired:
    """Columns, definitions or parts of two blocks."""
    renamed = {names.members.get((key, name), name): name for name in old}
    pairs = [(old[renamed[name]], item) for name, item in new.items() if name in renamed]
    gone = [item for name, item in old.items() if names.members.get((key, name), name) not in new]
    return Paired(pairs, gone, [item for name, item in new.items() if name not in renamed])
