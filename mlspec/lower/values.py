"""How the values of a checked spec travel in a config: JSON only, dates as ISO text, types and columns as descriptors."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from mlspec.graph import Resources
from mlspec.graph.expression import is_expression
from mlspec.graph.model import own_name
from mlspec.spec.images import channels_of, longest_of
from mlspec.spec.kinds import Type
from mlspec.spec.model import Block, Column
from mlspec.spec.strategies import asked_of
from mlspec.spec.values import Bounds, Made, Reference, Typed, Value

JSON = Any


def json_value(item: Any) -> JSON:
    """A constant, tuple, range or reference as JSON."""
    if isinstance(item, Value):
        return json_value(item.item)
    if isinstance(item, datetime):
        return item.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(item, date):
        return item.isoformat()
    if isinstance(item, Decimal):
        return str(item)
    if isinstance(item, tuple | list):
        return [json_value(part) for part in item]
    if isinstance(item, Bounds):
        return [json_value(item.low), json_value(item.high)]
    if isinstance(item, Reference):
        return item.member if item.kind in ("column", "part", "feature") else item.path
    if isinstance(item, Made):
        return {"name": item.name, **{name: json_value(value) for name, value in item.args.items()}}
    if isinstance(item, Typed):
        return json_form(item.form)
    return item


def json_form(form: Any) -> Any:
    """A copy of a typed expression in which every constant is JSON; a secret goes by its name."""
    if isinstance(form, list | tuple):
        return [json_form(part) for part in form]
    if isinstance(form, dict) and set(form) == {"secret"}:
        return ["secret", form["secret"]]
    if isinstance(form, dict):
        return {name: json_form(part) for name, part in form.items()}
    return json_value(form)


def constant(argument: Any) -> JSON:
    """The value of a named argument of a call, written as a literal form or as a plain value."""
    if isinstance(argument, list) and is_expression(argument) and argument[0] == "lit":
        return json_value(argument[1])
    return json_form(argument)


def descriptor(column: Column) -> dict[str, JSON]:
    """A source column as the plan describes it; what does not apply is left out."""
    kind: Type = column.type
    found: dict[str, JSON] = {"name": column.name, "type": kind.name, "optional": kind.optional}
    if kind.name == "category":
        found["values"] = None if kind.values is None else list(kind.values)
    if column.attr("named", "text") is not None:
        found["named"] = column.attr("named", "text")
    if column.range is not None:
        found["range"] = json_value(column.range)
    if kind.precision is not None:
        found["precision"], found["scale"] = kind.precision, kind.scale
    if kind.name == "image":
        found["channels"], found["longest"] = channels_of(kind), longest_of(kind)
    if kind.entity is not None:
        found["entity"] = own_name(kind.entity)
    if column.tags:
        found["tags"] = list(column.tags)
    return found


def descriptors(source: Block) -> list[dict[str, JSON]]:
    """Every column of a source, in order of declaration."""
    return [descriptor(column) for column in source.columns.values()]


def resources(block: Block, *, time_limit: bool = True, exclusive: bool = False) -> Resources:
    """What a block asks of the machine; `time_limit` False where that field means something else (a study's budget)."""
    limit = block.get("time_limit") if time_limit else None
    return Resources(
        cpu=max(math.ceil(block.get("cpu") or 1), asked_of(block).processes),  # each process has a core of its own at least
        memory=block.get("memory"),
        gpu=block.get("gpu"),
        time_limit=None if limit is None else float(limit),
        retry=int(block.get("retry") or 0),
        exclusive=exclusive,
        **_devices(block),
    )


def _devices(block: Block) -> dict[str, Any]:
    """What a training is spread over: GPUs of a machine, machines, and the memory that processes of a machine share."""
    strategy = block.make("strategy")
    if strategy is None:
        return {}
    gpus = strategy.get("gpus") if strategy.name == "single" else strategy.get("gpus_per_node")
    return {"gpus": int(gpus or 0), "nodes": int(strategy.get("nodes") or 1), "shared_memory": block.get("shared_memory")}


def label_of(column: Column) -> dict[str, JSON]:
    """What is predicted: the task, its classes, the positive and the favourable value."""
    kind = column.type
    if column.query is not None:  # what ranks answers with a number, and is fitted as what does
        return _label(column, "regression", [], None) | {"query": column.query}
    if kind.name == "bool":
        positive = True if column.positive is None else column.positive
        return _label(column, "binary", [False, True], positive)
    if kind.name in ("category", "string", "id", "text"):
        values = list(kind.values or ())
        if column.positive is not None:
            return _label(column, "binary", values, column.positive)
        return _label(column, "multiclass", values, None)
    return _label(column, "regression", [], None)


def _label(column: Column, task: str, classes: list[JSON], positive: JSON) -> dict[str, JSON]:
    favourable = positive if column.favourable is None else column.favourable
    return {
        "column": column.name,
        "task": task,
        "classes": classes,
        "positive": positive,
        "favourable": favourable,
        "type": column.type.name,
    }
