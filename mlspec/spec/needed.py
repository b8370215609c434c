"""What a spec needs of the files that it imports: the blocks that its own ones read, and what those read in turn."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.diagnostics import Note
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Spec
from mlspec.spec.sound import named_in


def needed_blocks(spec: Spec) -> frozenset[str]:
    """The names of the imported blocks that a run of this spec takes."""
    if not spec.files:
        return frozenset()
    found: set[str] = set()
    pending = [block for block in (*spec.blocks.values(), *spec.unnamed) if not block.alias]
    while pending:
        for name in _read_by(pending.pop()):
            block = spec.blocks.get(name)
            if block is not None and block.alias and name not in found:
                found.add(name)
                pending.append(block)
    return frozenset(found)


def stages_apart(spec: Spec, findings: Findings) -> None:
    """102: the stages of `shared.orders` and of an own `shared_orders` would go by one name."""
    first: dict[str, Block] = {}
    for block in spec.blocks.values() if spec.needed else ():
        if block.alias and block.name not in spec.needed:
            continue
        name = block.name.replace(".", "_").lower()
        other = first.setdefault(name, block)
        if other is not block:
            findings.add("MLS102", block.head, [Note("whose stages have the same names", other.head)], kind=block.kind,
                         name=block.name.replace(".", "_"))  # fmt: skip


def _read_by(block: Block) -> Iterator[str]:
    """The names of the blocks that a block reads: what it refers to, the code that it calls, the rows that a test is given."""
    yield from named_in(block)
    for each in (block, *block.blocks):
        if each.kind in ("given", "fit", "join"):
            yield each.name
        for definition in each.definitions.values():
            yield from (name for name, _ in definition.value.calls)
