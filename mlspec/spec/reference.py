"""Writes the tables of docs/language.md from the schema and the catalogue: `python -m mlspec.spec.reference docs/language.md`.

Prose stands between the tables and is written by hand; a table stands between `<!-- table NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from mlspec import catalogue
from mlspec.catalogue.metrics import METRICS
from mlspec.markdown import fill, rewrite, table
from mlspec.spec import schema
from mlspec.spec.checks.reading import days, percent
from mlspec.spec.fields import wanted
from mlspec.spec.schema.body import ATTRIBUTES, ROLES
from mlspec.spec.schema.constructors import CONSTRUCTORS


def _default(default: Any) -> str:
    if default is ...:
        return "required"
    if default is None or default == ():
        return ""
    if isinstance(default, tuple) and default[0] == "make":
        args = ", ".join(f"{key}: {_default(value).strip('`') or 'null'}" for key, value in default[2])
        return f"`{default[1]}({args})`"
    if isinstance(default, tuple):
        return "`[" + ", ".join(_default(item).strip("`") for item in default) + "]`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def blocks() -> str:
    """A section a block kind: what it declares, its fields, and what else stands in it."""
    return "\n\n".join(_section(name) for name in schema.kinds())


def _section(name: str) -> str:
    kind = schema.kind(name)
    assert kind is not None
    lines = [f"### `{name}`", "", kind.doc + ("" if kind.built else " **Not built yet: `check` says MLS901.**")]
    shapes = {"block": f"`{name} NAME {{ … }}`", "short": f"`{name} NAME = …`", "declare": f"`{name} NAME: type`"}
    lines += ["", "Written as " + " or ".join(shapes[form] for form in kind.forms) + _inside(kind.inside) + _holds(kind)]
    own = [field for field in kind.fields.values() if field.name != "value" or "short" in kind.forms]
    resources = {row[0] for row in _resources()}
    shared = {row[5] for row in _resources()}
    rows = [_field(field) for field in own if field.doc not in shared]
    if rows:
        lines += ["", table(("field", "takes", "default", "in an env", "on change", "meaning"), rows)]
    if resources <= set(kind.fields):
        lines += ["", "It also takes the resources `" + "` `".join(resources_in_order()) + "`."]
    return "\n".join(lines)


def _resources() -> tuple[tuple[Any, ...], ...]:
    from mlspec.spec.schema.body import RESOURCES

    return RESOURCES


def resources_in_order() -> list[str]:
    """The fields that every working block takes."""
    return [str(row[0]) for row in _resources()]


def _inside(kinds: tuple[str, ...]) -> str:
    return " inside " + " or ".join(f"`{kind}`" for kind in kinds) if kinds else ""


def _holds(kind: schema.Kind) -> str:
    holds = ["columns `name: type`"] if kind.columns else []
    if kind.role is not None:
        holds.append(f"definitions `name := …`: {schema.role(kind.role).noun} each")
    if kind.open_fields is not None:
        holds.append("the parameters of its estimator as fields")
    if kind.blocks:
        holds.append("blocks `" + "` `".join(kind.blocks) + "`")
    if kind.name == "env":
        holds.append("patches `set block.field = …`")
    return ". It holds " + "; ".join(holds) + "." if holds else "."


def _field(field: schema.Field) -> tuple[str, ...]:
    built = "" if field.built else " Not built yet."
    name = "(the value)" if field.name == "value" else f"`{field.name}`"
    return name, wanted(field.form), _measured(field.form, field.default), field.override, field.direction, field.doc + built


def _measured(form: Any, default: Any) -> str:
    """A default as the language writes it: a duration with its unit, a ratio as a percentage."""
    head = form if isinstance(form, str) else form[0]
    if isinstance(default, int | float) and head in ("duration", "ratio"):
        return f"`{days(default) if head == 'duration' else percent(default)}`"
    return _default(default)


def resources() -> str:
    """The fields that every working block takes."""
    kind = schema.kind("source")
    assert kind is not None
    rows = [_field(kind.fields[name]) for name in resources_in_order()]
    return table(("field", "takes", "default", "in an env", "on change", "meaning"), rows)


def attributes() -> str:
    """The attributes, and what they may stand on."""
    rows = [
        (f"`@{name}`", ", ".join(roles), _parameters(parameters), direction, doc)
        for name, roles, parameters, direction, doc in ATTRIBUTES
    ]
    return table(("attribute", "on", "arguments", "on change", "meaning"), rows)


def _parameters(rows: Iterable[tuple[Any, ...]]) -> str:
    return "; ".join(f"`{row[0]}` {wanted(row[1])}{_or_default(row[2])}" for row in rows)


def _or_default(default: Any) -> str:
    if default is ...:
        return ""
    return f" = {_default(default)}" if _default(default) else " (optional)"


def roles() -> str:
    """What `:=` defines, by block kind."""
    from mlspec.spec.kinds import LEVELS

    kinds = {name: kind.role for name in schema.kinds() if (kind := schema.kind(name)) is not None and kind.role}
    rows = []
    for name, noun, level, _, doc in ROLES:
        places = ", ".join(f"`{kind}`" for kind, role in kinds.items() if role == name)
        rows.append((noun, places, LEVELS[level], doc))
    return table(("definition", "in", "highest level", "meaning"), rows)


def constructors() -> str:
    """The calls that stand as field values."""
    places = _places()
    rows = []
    for group, lines in CONSTRUCTORS.items():
        for name, parameters, built, doc in lines:
            rows.append(
                (f"`{name}`", places.get(group, group), _parameters(parameters), doc + ("" if built else " Not built yet."))
            )
    return table(("call", "value of", "parameters", "meaning"), rows)


def _places() -> dict[str, str]:
    found: dict[str, list[str]] = {"space": ["a parameter of `family`"]}
    for name in schema.kinds():
        kind = schema.kind(name)
        assert kind is not None
        for field in kind.fields.values():
            for group in _groups(field.form):
                path = f"`{name}`" if field.name == "value" else f"`{name}.{field.name}`"
                found.setdefault(group, []).append(path)
    return {group: ", ".join(paths) for group, paths in found.items()}


def _groups(form: Any) -> list[str]:
    if isinstance(form, str):
        return []
    if form[0] == "call":
        return [form[1]]
    return [group for each in form[1:] if isinstance(each, tuple) for group in _groups(each)]


def functions() -> str:
    """Every function of the catalogue."""
    rows = []
    for name in catalogue.function_names():
        for row in catalogue.functions(name):
            signature = ", ".join(_signature(parameter) for parameter in row.parameters)
            meaning = row.doc + (f" `{row.formula}`" if row.formula else "") + (f" ({row.source})" if row.source else "")
            rows.append(
                (
                    f"`{name}({signature})`",
                    row.level,
                    row.result,
                    row.null,
                    row.taint,
                    meaning + ("" if row.built else " Not built yet."),
                )
            )
    return table(("function", "level", "gives", "null", "taint", "meaning"), rows)


def _signature(parameter: tuple[str, str, Any]) -> str:
    name, form, default = parameter
    text = f"{name}: {form.removeprefix('const:').removeprefix('enum:')}"
    shown = _default(default).strip("`")
    return text if default is ... else f"{text} = {shown or 'null'}" if not name.startswith("*") else text


def metrics() -> str:
    """Every metric."""
    rows = []
    for name, tasks, kind, direction, interval, parameters, built, doc, formula, source in METRICS:
        arguments = ", ".join(["model", *(_signature(parameter) for parameter in parameters)])
        meaning = (
            doc
            + (f" `{formula}`" if formula else "")
            + (f" ({source})" if source else "")
            + ("" if built else " Not built yet.")
        )
        rows.append((f"`{name}({arguments})`", ", ".join(tasks), kind, direction, interval, meaning))
    return table(("metric", "of", "gives", "better", "interval", "meaning"), rows)


def units() -> str:
    """The units of literals, by type."""
    from mlspec.syntax.numbers import UNITS

    found: dict[str, list[str]] = {}
    for unit, (kind, _) in UNITS.items():
        found.setdefault(_UNIT_TYPES[kind], []).append(f"`{unit}`")
    return table(("type", "units"), [(f"`{kind}`", " ".join(names)) for kind, names in found.items()])


_UNIT_TYPES = {"DURATION": "duration", "BYTES": "bytes", "RATE": "rate", "PERCENT": "ratio", "POINTS": "points"}


def types() -> str:
    """The types of columns, params and prompts."""
    from mlspec.spec.columns import TYPES as names

    return ", ".join(f"`{name}`" for name in names) + "."


def estimators() -> str:
    """The estimators of each library."""
    names = catalogue.estimator_names()
    rows = []
    for name in names:
        row = catalogue.estimator(name)
        assert row is not None
        rows.append((f"`{name}`", ", ".join(row.tasks), "yes" if row.nulls else "no", " ".join(_settable(row.parameters))))
    return table(("estimator", "of", "takes nulls", "parameters"), rows)


def _settable(parameters: dict[str, dict[str, Any]]) -> list[str]:
    return [f"`{name}`" for name, row in parameters.items() if not row.get("runtime") and row["types"] != ["other"]]


TABLES: dict[str, Callable[[], str]] = {
    "blocks": blocks,
    "resources": resources,
    "attributes": attributes,
    "roles": roles,
    "constructors": constructors,
    "functions": functions,
    "metrics": metrics,
    "types": types,
    "units": units,
    "estimators": estimators,
}


def render(page: str) -> str:
    """The page with every table made anew."""
    return fill(page, TABLES)


if __name__ == "__main__":
    rewrite(sys.argv[1] if len(sys.argv) > 1 else "docs/language.md", TABLES)
