"""The names that a block brings for its own expressions: its columns, earlier definitions, and what the schema makes known."""

from __future__ import annotations

from mlspec.spec.expressions.context import Ambient, Operand
from mlspec.spec.expressions.names import live, of_column
from mlspec.spec.kinds import FLOAT, STRING, Type
from mlspec.spec.model import Block
from mlspec.spec.scope import Scope
from mlspec.spec.values import Reference, Typed

AMBIENT = ("score", "probability", "decision", "live", "stable", "canary", "api_key")


def local_names(block: Block, parent: Block | None, scope: Scope) -> dict[str, Operand]:
    """The local names of `block` before its first definition."""
    names: dict[str, Operand] = {}
    if block.kind in ("serve", "log", "ab", "canary", "shadow", "monitor"):
        names.update(_serving(block, parent, scope))
    for name, column in block.columns.items():
        names[name] = of_column(column, column.span, True)
    if block.kind == "gates":
        candidate = block.ref("candidate")
        names["candidate"] = candidate or Reference("unknown", "", None, block.head)
    return names


def as_local(block: Block, name: str) -> Operand:
    """An earlier definition of `block` as a name of the later ones."""
    definition = block.definitions[name]
    value = definition.value
    kind = "feature" if block.kind == "features" else block.kind
    refs = (Reference(kind, block.path, name, definition.span), *value.refs)
    return Typed(value.form, value.type, value.level, value.taint, definition.span, refs, value.calls, value.size)


def _serving(block: Block, parent: Block | None, scope: Scope) -> dict[str, Operand]:
    names: dict[str, Operand] = {"live": Ambient("live", "model"), "stable": Ambient("stable", "model")}
    names["score"] = live("score", FLOAT)
    names["probability"] = live("probability", FLOAT)
    names["decision"] = live("decision", STRING)
    serve = block
    if block.kind == "canary":
        names["canary"] = Ambient("canary", "model")
    if block.kind == "ab":
        for arm in block.nested("arm"):
            names[arm.name] = Ambient(arm.name, "model")
    if block.kind == "log" and parent is not None:
        serve = parent
        names["api_key"] = live("api_key", STRING)
        for test in parent.nested("ab"):
            names[f"{test.name}.arm"] = live(f"{test.name}.arm", STRING)
    names.update(_prompt(serve, scope))
    return names


def _prompt(serve: Block, scope: Scope) -> dict[str, Operand]:
    """The inputs and the reply of the prompt that a server answers with."""
    reference = serve.ref("prompt")
    prompt = None if reference is None else scope.spec.blocks.get(reference.block)
    if prompt is None:
        return {}
    found: dict[str, Operand] = {name: of_column(column, column.span, True) for name, column in prompt.columns.items()}
    reply = prompt.columns.get("reply")
    if reply is not None:
        found["reply"] = live("reply", Type("text"))
    return found
