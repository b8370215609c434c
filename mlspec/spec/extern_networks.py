"""Networks of the project's own: `network = gated(hidden: 64)` in `train` names an extern that builds a torch module.

The head says what a row is to the network, `rows: list(float)`, and which settings it has, each with a type; a call gives every one of them.
"""

from __future__ import annotations

from typing import Any

from mlspec.spec.constants import INVALID
from mlspec.spec.expressions.arguments import match
from mlspec.spec.expressions.context import Context
from mlspec.spec.extern_calls import extern_called
from mlspec.spec.fields import convert
from mlspec.spec.findings import listing
from mlspec.spec.kinds import Type
from mlspec.spec.model import Block
from mlspec.spec.scope import Scope
from mlspec.spec.values import Made, Reference, Value
from mlspec.syntax.nodes import Call, Extern, ExternParam

PREFIX = "extern"
SETTINGS = ("int", "float", "ratio", "bool", "string")
_OF_ITS_OWN = ("name", "width", "outputs")
MEMBERS = {"outputs": Type("int"), "dtype": Type("string"), "finite": Type("bool")}
"""What a test may expect of a network for each row: how many numbers it gives, of which type, and whether all are finite."""


def network_parameter(param: ExternParam, place: int, kind: Type, context: Context) -> bool:
    """Whether a parameter of the head is the row (the first), or a setting."""
    name, text = param.name.text, param.type.span.text
    if place == 0:
        if kind.name == "list" and kind.item is not None and kind.item.name == "float" and not kind.optional:
            return True
        context.findings.add("MLS201", param.type.span, what=f"`{name}`", got=f"`{text}`", wanted="`list(float)`, the numbers of a row",
                             hint="the first parameter says what the network reads")  # fmt: skip
        return False
    if name in _OF_ITS_OWN:
        context.findings.add("MLS102", param.name.span, kind="parameter", name=name)
        return False
    if kind.name in SETTINGS and not kind.optional:
        return True
    context.findings.add("MLS201", param.type.span, what=f"`{name}`", got=f"`{text}`", wanted=listing(SETTINGS),
                         hint="a setting of a network is a constant, written where it is trained")  # fmt: skip
    return False


def network_result(node: Extern, result: Type, context: Context) -> bool:
    """A network gives numbers: one for each output."""
    if result.name == "list" and result.item is not None and result.item.name == "float" and not result.optional:
        return True
    context.findings.add("MLS201", node.result.span, what="the result of an extern network", got=f"`{node.result.span.text}`",
                         wanted="`list(float)`", hint="one number for each output: what it means is the task's")  # fmt: skip
    return False


def network_call(node: Call, context: Context) -> Any:
    """The `Made` of `network = gated(hidden: 64)`; INVALID where it is none; None where no extern network is called."""
    extern = extern_called(node, "network", context)
    if not isinstance(extern, Block):
        return extern
    name = context.scope.whole(node.callee).text
    if context.block is None or context.block.kind != "train" or extern.get("role") != "network":
        if extern.get("role") not in (None, "network"):
            context.scope.wrong(name, node.callee.span, f"extern {extern.get('role')}", "an extern network")
        elif extern.get("role") is not None:
            context.not_built(f"the extern network `{name}`", node.callee.span)
        return INVALID
    return _called(node, extern, context)


def _called(node: Call, extern: Block, context: Context) -> Any:
    settings = dict((extern.get("parameters") or ())[1:])
    rows = tuple((one, "value", ...) for one in settings)
    matched = None if extern.get("parameters") is None else match(f"extern `{extern.name}`", rows, node, context)
    if matched is None:
        return INVALID
    found = {}
    for parameter, arg, _ in matched:
        item = convert(settings[parameter[0]].name, arg.value, context.at(f"`{parameter[0]}` of `{extern.name}`"))
        if item is INVALID:
            return INVALID
        found[parameter[0]] = Value(item, arg.value.span)
    called = Value(Reference("extern", extern.name, None, node.callee.span), node.callee.span)
    return Made(f"{PREFIX}.{extern.own_name}", "network_of", {"": called, **{one: found[one] for one in settings}}, node.span)


def network_of(block: Block) -> Made | None:
    """The extern network that a block trains, None where it trains another."""
    made = block.make("network")
    return made if made is not None and "" in made.args else None


def check_network(block: Block, scope: Scope) -> None:
    """A network of the project's own is trained by torch in one process of its own, on the devices that it asks for."""
    made = network_of(block)
    if made is None:
        return
    extern, strategy = scope.spec.blocks[made.get("").block], block.make("strategy")
    if block.get("framework") not in (None, "pytorch"):
        scope.findings.add("MLS209", block.span_of("framework"), what="`framework` of an extern network", got=f"`{block.get('framework')}`",
                           wanted="`pytorch`", hint="its code gives a torch module")  # fmt: skip
    if strategy is not None and strategy.name != "single":
        scope.findings.add(
            "MLS901", strategy.span or block.head, what=f"`{strategy.name}(…)` of an extern network", wanted="`single(…)`"
        )
    elif strategy is not None and strategy.get("gpus") and not extern.get("gpu"):
        scope.findings.add("MLS209", strategy.span or block.head, what="the strategy of an extern network", got="a GPU, which its process is not shown",
                           wanted="`gpu = true` in the extern", hint=f"say so in `extern network {extern.name}`")  # fmt: skip
