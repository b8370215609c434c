"""The names that a block brings for its own expressions: its columns, earlier definitions, and what the schema makes known."""

from __future__ import annotations

from typing import Any

from mlspec.spec.expressions.context import Ambient, Operand
from mlspec.spec.expressions.names import live, of_column
from mlspec.spec.kinds import FLOAT, INT, NONE, ROW, STRING, Type
from mlspec.spec.model import Block
from mlspec.spec.scope import Scope
from mlspec.spec.values import Made, Reference, Typed

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
    if block.kind == "search":
        names["trial"] = Ambient("trial", "trial")
    if block.kind == "family":
        names.update(_searched(block))
    return names


_NUMBERS = {"int": INT, "logint": INT, "uniform": FLOAT, "loguniform": FLOAT, "normal": FLOAT}


def _searched(block: Block) -> dict[str, Operand]:
    """The searched parameters of a family that are numbers."""
    found: dict[str, Operand] = {}
    for name, value in block.fields.items():
        made = value.item
        if isinstance(made, Made) and made.group == "space":
            kind = _NUMBERS.get(made.name) or _number_of(made.get("values"))
            if kind is not None:
                found[name] = Typed(["col", name, kind.name], kind, ROW, NONE, value.span or block.head)
    return found


def _number_of(values: Any) -> Type | None:
    """The type of a choice between numbers."""
    kinds = {type(value) for value in values or ()}
    return INT if kinds == {int} else FLOAT if kinds and kinds <= {int, float} else None


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
