"""What the checks ask of a spec again and again: who reads which column, which part a model saw, what gates judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlspec.source import Span
from mlspec.spec.model import Block, Column, Definition, Spec
from mlspec.spec.values import Reference, Typed

MODELS = ("model", "search", "train", "compress")
LEARNERS = ("model", "search", "train")


def columns_read(spec: Spec, value: Typed) -> Iterator[tuple[Column, Span]]:
    """Every source column that an expression reads, with the place where it says so."""
    seen = set()
    for ref in value.refs:
        if ref.kind == "column" and (ref.block, ref.member) not in seen:
            seen.add((ref.block, ref.member))
            column = spec.column(ref.block, ref.member or "")
            if column is not None:
                yield column, ref.span or value.span


def walk(form: Any) -> Iterator[Any]:
    """Every list form inside a form, parents first; iterative."""
    pending = [form]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            if node and isinstance(node[0], str):
                yield node
            pending.extend(reversed([part for part in node if isinstance(part, list | dict)]))


def metrics_in(value: Typed) -> list[Any]:
    """The `["metric", name, model, {args}]` forms in an expression."""
    return [node for node in walk(value.form) if node[0] == "metric" and len(node) == 4]


def calls_to(value: Typed, *names: str) -> list[Any]:
    """The calls of these functions in an expression."""
    return [node for node in walk(value.form) if node[0] == "call" and node[1] in names]


def span_of_call(value: Typed, name: str) -> Span:
    """Where a function is called in an expression."""
    return next((span for called, span in value.calls if called == name), value.span)


def text_of(span: Span) -> str:
    """The text of a span on one line, not too long for a message."""
    text = " ".join(span.text.split())
    return text if len(text) <= 60 else text[:57] + "…"


def features_of(spec: Spec, model: Block) -> list[tuple[Block, Definition]]:
    """(features block, feature) of everything that a model reads; audit features are no inputs."""
    item = spec.learned(model).get("features")
    found = []
    for ref in item if isinstance(item, tuple | list) else (item,):
        reference = getattr(ref, "item", ref)
        block = spec.blocks.get(reference.block) if isinstance(reference, Reference) else None
        if block is None or not isinstance(reference, Reference):
            continue
        if reference.kind == "features":
            found += [(block, feature) for feature in block.definitions.values() if "audit" not in feature.attrs]
        elif reference.member in block.definitions:
            found.append((block, block.definitions[str(reference.member)]))
    return found


def source_of(spec: Spec, part: Reference) -> Block | None:
    """The source whose rows the part's split divides."""
    split = spec.blocks.get(part.block)
    frame = None if split is None else split.ref("frame")
    return None if frame is None else spec.spine(frame.block)


def judged_models(spec: Spec, gates: Block) -> dict[str, tuple[Block, Definition | None]]:
    """The models that gates judge, by block name, with the first gate that reads each; the candidate has none."""
    found: dict[str, tuple[Block, Definition | None]] = {}
    candidate = gates.ref("candidate")
    if candidate is not None and candidate.block in spec.blocks:
        found[candidate.block] = (spec.blocks[candidate.block], None)
    for gate in gates.definitions.values():
        for node in metrics_in(gate.value):
            name = str(node[2])
            if name in spec.blocks and name not in found:
                found[name] = (spec.blocks[name], gate)
    return found


def percent(share: float) -> str:
    """A share as the language writes it."""
    return f"{round(share * 100, 10):g}%"


def days(seconds: float) -> str:
    """A duration as the language writes it."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"
