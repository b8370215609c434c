"""The rows that a block works on: the source or frame that its columns come from."""

from __future__ import annotations

from mlspec.spec.model import Block, Spec
from mlspec.spec.values import Reference


def rows_of(block: Block, parent: Block | None, spec: Spec) -> Block | None:
    """The source whose columns a bare name means in `block`; None while it is not known."""
    if block.kind == "source":
        return block
    if block.kind in ("given", "fit"):
        return spec.blocks.get(block.name)
    if block.kind in ("log", "ab", "canary", "shadow", "limit", "arm", "family", "join") and parent is not None:
        return rows_of(parent, None, spec)
    frame = frame_of(block, spec)
    if frame is None or frame.kind == "source":
        return frame
    spine = frame.ref("spine")
    return None if spine is None else spec.blocks.get(spine.block)


def frame_of(block: Block, spec: Spec) -> Block | None:
    """The source or frame that a block's rows are: followed through part, features, model."""
    if block.kind in ("source", "frame"):
        return block
    for field in ("frame", "on", "part", "reference", "features", "label", "model", "of"):
        reference = _reference(block.get(field))
        target = None if reference is None else spec.blocks.get(reference.block)
        if target is not None and target is not block and not (field == "on" and target.kind != "source"):
            found = frame_of(target, spec)
            if found is not None:
                return found
    return None


def _reference(item: object) -> Reference | None:
    if isinstance(item, tuple) and item:
        item = item[0]
    return item if isinstance(item, Reference) else None
