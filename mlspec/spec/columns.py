"""Columns, their types, and the attributes of columns and definitions."""

from __future__ import annotations

from typing import Any

from mlspec.diagnostics import Edit
from mlspec.spec import schema
from mlspec.spec.constants import INVALID, comparable_bound
from mlspec.spec.constructors import build
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.literals import python_value
from mlspec.spec.expressions.operators import mismatch, named, outside, short
from mlspec.spec.expressions.typing import bounds_of, constant
from mlspec.spec.fields import convert
from mlspec.spec.findings import listing
from mlspec.spec.kinds import STRINGS, Type
from mlspec.spec.model import Attribute, Block, Column
from mlspec.spec.references import noun
from mlspec.syntax.nodes import Attr, Chain, Declare, Expr, Literal, Ref, TypeNode

TYPES = (
    "bool", "int", "float", "decimal", "string", "text", "date", "timestamp", "duration", "bytes", "ratio", "points", "rate",
    "category", "id", "list", "image", "json", "redaction",
)  # fmt: skip


def type_of(node: TypeNode, context: Context) -> Type | None:
    """The type that a type node means; faults are reported."""
    name = node.name.text
    if name not in TYPES:
        context.findings.unknown("MLS101", node.name.span, name, TYPES, kind="type")
        return None
    maker = _MAKERS.get(name)
    if maker is None:
        if node.args:
            context.findings.add(
                "MLS105",
                node.args[0].span,
                noun="argument for",
                kind=f"type `{name}`",
                name=short(node.args[0].span),
                known="none",
            )
            return None
        return Type(name, node.optional)
    made: Type | None = maker(node, context)
    return made.nullable() if made is not None and node.optional else made


def _decimal(node: TypeNode, context: Context) -> Type | None:
    values = [arg.value.value if isinstance(arg.value, Literal) and arg.value.kind == "int" else None for arg in node.args]
    if len(values) != 2 or not (
        isinstance(values[0], int) and isinstance(values[1], int) and 0 <= values[1] <= values[0] <= 38
    ):
        context.findings.add(
            "MLS209", node.span, what="the type", got=f"`{short(node.span)}`", wanted="`decimal(precision, scale)`, scale at most precision, "
            "precision at most 38",
        )  # fmt: skip
        return None
    return Type("decimal", precision=values[0], scale=values[1])


def _category(node: TypeNode, context: Context) -> Type | None:
    values: list[str] = []
    for arg in node.args:
        if not isinstance(arg.value, Literal) or arg.value.kind != "string":
            context.findings.add(
                "MLS201", arg.span, what="a value of the category", got=f"`{short(arg.span)}`", wanted="a string",
                hint=f'write `"{arg.span.text}"`' if isinstance(arg.value, Ref) else "",
                edits=[Edit(arg.span, f'"{arg.span.text}"')] if isinstance(arg.value, Ref) else [],
            )  # fmt: skip
            return None
        if arg.value.value in values:
            context.findings.add("MLS102", arg.span, kind="category value", name=short(arg.span))
            return None
        values.append(str(arg.value.value))
    return Type("category", values=tuple(values) or None)


def _id(node: TypeNode, context: Context) -> Type | None:
    if len(node.args) != 1 or not isinstance(node.args[0].value, Ref):
        context.findings.add(
            "MLS106", node.span, kind="type", block="id", name="entity", wanted="an entity", fix="id(customer)"
        )
        return None
    reference = convert(("ref", "entity"), node.args[0].value, context.at("the entity"))
    return None if reference is INVALID else Type("id", entity=reference.block)


def _list(node: TypeNode, context: Context) -> Type | None:
    item = _item(node, context)
    return None if item is None else Type("list", item=item)


def _item(node: TypeNode, context: Context) -> Type | None:
    if len(node.args) != 1 or not isinstance(node.args[0].value, Ref) or node.args[0].value.text not in TYPES:
        if len(node.args) == 1:
            context.findings.unknown("MLS101", node.args[0].span, short(node.args[0].span), TYPES, kind="type")
        else:
            context.findings.add(
                "MLS106", node.span, kind="type", block="list", name="type", wanted="a type", fix="list(string)"
            )
        return None
    return Type(node.args[0].value.text)


def _image(node: TypeNode, context: Context) -> Type | None:
    settings: list[tuple[str, object]] = []
    for arg in node.args:
        name = arg.name.text if arg.name else ""
        if name not in ("channels", "size"):
            context.findings.unknown(
                "MLS105", arg.span, name or short(arg.span), ("channels", "size"), noun="argument", kind="type `image`"
            )
            return None
        value = convert(("int", 1, 65_536), arg.value, context.at(f"`{name}`"))
        if value is INVALID:
            return None
        settings.append((name, value))
    return Type("image", settings=tuple(settings))


def _json(node: TypeNode, context: Context) -> Type | None:
    members: list[tuple[str, Type]] = []
    for arg in node.args:
        kind = _member_type(arg.value, context)
        if arg.name is None or kind is None:
            if arg.name is None:
                context.findings.add(
                    "MLS106", arg.span, kind="type", block="json", name="name", wanted="`name: type`", fix="answer: text"
                )
            return None
        members.append((arg.name.text, kind))
    return Type("json", members=tuple(members))


def _member_type(node: Expr, context: Context) -> Type | None:
    """A type written as an expression, inside `json(answer: text, sources: list(int))`."""
    from mlspec.syntax.nodes import Call

    head = node.callee if isinstance(node, Call) else node
    if not isinstance(head, Ref) or head.text not in TYPES:
        context.findings.unknown("MLS101", node.span, short(node.span), TYPES, kind="type")
        return None
    if isinstance(node, Call):
        return type_of(TypeNode(node.span, head.parts[0], node.args, False), context)
    return Type(head.text)


_MAKERS: dict[str, Any] = {
    "decimal": _decimal,
    "category": _category,
    "id": _id,
    "list": _list,
    "image": _image,
    "json": _json,
}


def bind_column(node: Declare, block: Block, context: Context) -> Column | None:
    """A column of a block, with its attributes checked against its type."""
    kind = type_of(node.type, context)
    if node.default is not None:
        context.findings.add(
            "MLS105", node.default.span, noun="value of its own for", kind=f"column `{node.name.text}`", name="=", known="attributes",
            hint="a column has no value of its own: write a check `name := …`, or `??` where it is used",
        )  # fmt: skip
    if kind is None:
        return None
    before = context.findings.errors
    attrs = bind_attributes(node.attrs, "column", context, kind)
    if kind.entity is not None and "pii" not in attrs:
        entity = context.scope.spec.blocks.get(kind.entity)
        inherited = entity.fields.get("attributes") if entity is not None else None
        if inherited is not None and "pii" in inherited.item:
            attrs["pii"] = inherited.item["pii"]
    return Column(node.name.text, node.span, attrs, node.doc, block.name, kind, sound=context.findings.errors == before)


def bind_attributes(nodes: tuple[Attr, ...], role: str, context: Context, kind: Type | None = None) -> dict[str, Attribute]:
    """The attributes of a column or definition, by name."""
    found: dict[str, Attribute] = {}
    for node in nodes:
        name = node.name.text
        row = schema.attribute(name)
        allowed = schema.attributes_of(role)
        if row is None:
            context.findings.unknown("MLS101", node.name.span, name, allowed, kind="attribute")
        elif role not in row.roles:
            hint = "the column to predict carries `@outcome`" if name == "label" and role == "column" else ""
            context.scope.wrong(
                f"@{name}", node.span, f"attribute of {_roles(row.roles)}", f"an attribute of {noun(role)}: " + listing(allowed),
                hint=hint,
            )  # fmt: skip
        elif name in found:
            context.findings.add("MLS102", node.span, kind="attribute", name=name)
        else:
            bound = _bind_one(row, node, context, kind)
            if bound is not None:
                found[name] = bound
    return found


def _roles(roles: tuple[str, ...]) -> str:
    return " or ".join(noun(role) for role in roles)


def _bind_one(row: schema.Attribute, node: Attr, context: Context, kind: Type | None) -> Attribute | None:
    inner = context.at(f"`@{row.name}`")
    if row.name == "range":
        return _range(node, inner, kind)
    made = build(row, node, inner, convert)
    if made is INVALID:
        return None
    if kind is not None:
        _check_values(kind, node, inner)
    return Attribute(row.name, made.args, node.span)


def _range(node: Attr, context: Context, kind: Type | None) -> Attribute | None:
    """`@range(0..100)`: a constant range of the column's own type."""
    from mlspec.spec.values import Value

    if len(node.args) != 1 or node.args[0].name is not None:
        _no_range(node, context)
        return None
    given = node.args[0].value
    if isinstance(given, Chain) and isinstance(given.first, Literal) and [op for op, _ in given.rest] == ["-"]:
        fix = f"{short(given.first.span)}..{short(given.rest[0][1].span)}"
        edits = [Edit(given.span, fix)]
        context.findings.add("MLS201", given.span, edits=edits, what="the range", got=f"`{short(given.span)}`, a difference",
                             wanted="a range, `0..100`", hint=f"write `{fix}`")  # fmt: skip
        return None
    found = constant(node.args[0].value, context)
    if found is None:
        return None
    if found.type.name != "range" or found.type.item is None:
        mismatch(found, "a range, `0..100`", context)
        return None
    ends = bounds_of(found)
    if kind is not None and not comparable_bound(_end(found), kind):
        context.findings.add(
            "MLS201",
            node.args[0].span,
            what="the range",
            got=f"a range of {named(found.type.item)}",
            wanted=f"a range of {named(kind.required())}",
        )
        return None
    return Attribute("range", {"range": Value(ends, node.args[0].span)}, node.span)


def _no_range(node: Attr, context: Context) -> None:
    """Reports `@range` without a range; two numbers in its place are its ends."""
    plain = [arg.value for arg in node.args if isinstance(arg.value, Literal)]
    two = len(plain) == len(node.args) == 2
    fix = f"@range({plain[0].span.text}..{plain[1].span.text})" if two else "@range(0..100)"
    context.findings.add(
        "MLS106", node.span, edits=[Edit(node.span, fix)] if two else [], kind="attribute", block="@range", name="range",
        wanted="a range, `low..high`", fix=fix,
    )  # fmt: skip


def _end(found: Any) -> Any:
    from mlspec.spec.kinds import CONST, NONE
    from mlspec.spec.values import Typed

    return Typed(found.form[1], found.type.item, CONST, NONE, found.span)


def _check_values(kind: Type, node: Attr, context: Context) -> None:
    """`positive:` and `favourable:` are values of the column."""
    for arg in node.args:
        name = arg.name.text if arg.name else ""
        if name not in ("positive", "favourable"):
            continue
        found = constant(arg.value, context)
        if found is None:
            return
        if kind.name == "category" and kind.values and found.form[1] not in kind.values:
            outside(found, kind, context)
        elif not (found.type.name == kind.name or (found.type.name in STRINGS and kind.name in STRINGS)):
            mismatch(found, named(kind.required()), context)


__all__ = ["TYPES", "bind_attributes", "bind_column", "python_value", "type_of"]
