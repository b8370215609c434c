"""What a model may read: numbers, and nulls only where the estimator takes them."""

from __future__ import annotations

from mlspec import catalogue
from mlspec.spec.expressions.operators import named, short
from mlspec.spec.kinds import NUMBERS, TEMPORAL
from mlspec.spec.model import Block, Definition
from mlspec.spec.scope import Scope
from mlspec.spec.tasks import features_of
from mlspec.spec.values import Reference

_READABLE = NUMBERS | {"bool", "duration", "points", "rate", "bytes", "vector", "image"}
_FILLED = NUMBERS | {"category", "string", "bool", "duration", "points", "rate", "bytes", "vector"}


def check_readable(block: Block, scope: Scope) -> None:
    """A model reads numbers: texts and categories are encoded first, times are made into durations (201)."""
    for definition in _inputs(block, scope):
        kind = definition.value.type
        if kind.name in _READABLE or kind.name == "unknown":
            continue
        text = short(definition.value.span)
        hint = f"take a part of it, as in `year({text})`" if kind.name in TEMPORAL else f"encode it: `onehot({text})`"
        what = f"the model input `{definition.name}`"
        scope.findings.add("MLS201", definition.span, what=what, got=named(kind), wanted="a number", hint=hint)


def check_nulls(block: Block, owner: Block, scope: Scope) -> None:
    """A feature that may be null reaches only estimators that take nulls (204); `owner` says which features `block` reads."""
    field, name = _rejecting(block)
    if not name:
        return
    for reference in _nullable(owner, scope):
        kind = scope.spec.blocks[reference.block].definitions[reference.member or ""].value.type
        scope.findings.add("MLS204", block.span_of(field), name=reference.path, what=f"`{name}`", got=str(kind))


def _rejecting(block: Block) -> tuple[str, str]:
    """The field that names an estimator or a network which takes no nulls, and its name; "" where it takes them."""
    network = block.make("network")
    if network is not None:
        return "network", f"{network.name}(…)"
    row = catalogue.estimator(block.get("estimator") or "")
    return "estimator", "" if row is None or row.nulls else row.key


def _inputs(block: Block, scope: Scope) -> list[Definition]:
    """The features that a block reads; of a whole features block, once for all models that read it."""
    item = block.get("features")
    if isinstance(item, Reference):
        if item.block in scope.readable:
            return []
        scope.readable.add(item.block)
    return [scope.spec.blocks[each.block].definitions[each.member or ""] for each in features_of(scope.spec, block)]


def _nullable(block: Block, scope: Scope) -> list[Reference]:
    """The features of a block that may be null and that `missing = fill(…)` does not reach."""
    item = block.get("features")
    whole = item.block if isinstance(item, Reference) else None
    if whole is not None and whole in scope.nullable:
        return scope.nullable[whole]
    found = [each for each in features_of(scope.spec, block) if _may_be_null(each, scope)]
    if whole is not None:
        scope.nullable[whole] = found
    return found


def _may_be_null(reference: Reference, scope: Scope) -> bool:
    source = scope.spec.blocks[reference.block]
    kind = source.definitions[reference.member or ""].value.type
    return kind.optional and not (source.get("missing") is not None and kind.name in _FILLED)
