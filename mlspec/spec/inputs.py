"""What a model may read: numbers, a network of its kind also tokens or a text, and nulls only where the estimator takes them."""

from __future__ import annotations

from mlspec import catalogue
from mlspec.spec.expressions.operators import named, short
from mlspec.spec.images import check_image, reads_images
from mlspec.spec.kinds import NUMBERS, TEMPORAL
from mlspec.spec.model import Block, Definition
from mlspec.spec.scope import Scope
from mlspec.spec.tasks import features_of
from mlspec.spec.values import Reference

_READABLE = NUMBERS | {"bool", "duration", "points", "rate", "bytes", "vector"}
_FILLED = NUMBERS | {"category", "string", "text", "bool", "duration", "points", "rate", "bytes", "vector", "tokens"}
_TEXT = frozenset(("string", "text"))
_ONE_TEXT = ("tokens", "a feature that is `tokens(…)`")

# What a network reads beside or instead of numbers: the types, the one of them that it must have, and that in words.
_OF_NETWORKS: dict[str, tuple[frozenset[str], tuple[str, str]]] = {
    "bag": (_READABLE | {"tokens"}, _ONE_TEXT),
    "text_cnn": (_READABLE | {"tokens"}, _ONE_TEXT),
    "text_transformer": (_READABLE | {"tokens"}, _ONE_TEXT),
    "transformers": (_TEXT, ("text", "a feature that is a text")),
}


def reads_text(network: str) -> bool:
    """Whether a network of this name reads a text."""
    return network in _OF_NETWORKS or network.partition(".")[0] in _OF_NETWORKS


def check_readable(block: Block, scope: Scope) -> None:
    """A model reads numbers: texts and categories are encoded first, times are made into durations (201)."""
    network = block.make("network")
    name = "" if network is None else network.name
    if reads_images(name):
        check_image(block, _definitions(block, scope), scope)
        return
    types, (one, wanted) = _OF_NETWORKS.get(name, _OF_NETWORKS.get(name.partition(".")[0], (_READABLE, ("", ""))))
    before = scope.findings.errors
    baseline = (block.get("estimator") or "").startswith("sklearn.Dummy")
    for definition in _inputs(block, "baseline" if baseline else one, scope):
        kind = definition.value.type
        if kind.name == "image" and baseline:
            continue  # it reads nothing of what it is given
        if kind.name in types or kind.name == "unknown":
            continue
        what = f"the model input `{definition.name}`"
        scope.findings.add(
            "MLS201", definition.span, what=what, got=named(kind), wanted=wanted if one == "text" else "a number",
            hint=_hint(kind.name, one, short(definition.value.span)),
        )  # fmt: skip
    if one and scope.findings.errors == before:
        _one_text(block, name, types - _READABLE, wanted, scope)


def _hint(kind: str, one: str, text: str) -> str:
    if one == "text":
        return "a model of the library `transformers` reads one text, and nothing else"
    if kind == "tokens":
        return "a text network reads tokens: `network = bag()`; other models read the words of a text as numbers: `tfidf(…)`"
    if kind == "image":
        return "an image is read by a network of its own: `network = cnn()`"
    if one == "tokens" and kind in _TEXT:
        return f"read it word by word: `tokens({text})`"
    return f"take a part of it, as in `year({text})`" if kind in TEMPORAL else f"encode it: `onehot({text})`"


def _one_text(block: Block, name: str, types: frozenset[str], wanted: str, scope: Scope) -> None:
    """A network of texts reads one, neither none nor two (201)."""
    found = [each for each in _definitions(block, scope) if each.value.type.name in types]
    if len(found) == 1 or any(each.value.type.name == "unknown" for each in _definitions(block, scope)):
        return
    scope.findings.add(
        "MLS201", block.span_of("network"), what=f"what `{name}(…)` reads", got="features without one" if not found else f"{len(found)} texts",
        wanted=wanted, hint="" if found else "write `words := tokens(…)` in the features" if wanted == _ONE_TEXT[1] else "",
    )  # fmt: skip


def check_nulls(block: Block, owner: Block, scope: Scope) -> None:
    """A feature that may be null reaches only estimators that take nulls (204); `owner` says which features `block` reads."""
    field, name = _rejecting(block)
    if not name:
        return
    for reference in _nullable(owner, scope):
        kind = scope.spec.blocks[reference.block].definitions[reference.member or ""].value.type
        hint = 'a text that is null is read as an empty one: `… ?? ""`' if kind.name in ("tokens", "text") else ""
        scope.findings.add("MLS204", block.span_of(field), name=reference.path, what=f"`{name}`", got=str(kind), hint=hint)


def _rejecting(block: Block) -> tuple[str, str]:
    """The field that names an estimator or a network which takes no nulls, and its name; "" where it takes them."""
    network = block.make("network")
    if network is not None:
        return "network", f"{network.name}(…)"
    row = catalogue.estimator(block.get("estimator") or "")
    return "estimator", "" if row is None or row.nulls else row.key


def _inputs(block: Block, one: str, scope: Scope) -> list[Definition]:
    """The features that a block reads; of a whole features block, once for all models that read it in the same way."""
    item = block.get("features")
    if isinstance(item, Reference):
        if f"{item.block} {one}" in scope.readable:
            return []
        scope.readable.add(f"{item.block} {one}")
    return _definitions(block, scope)


def _definitions(block: Block, scope: Scope) -> list[Definition]:
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
