"""The row types of the schema table.

A *form* says what a field takes. It is a name or a tuple that starts with one:

* `"string" "text" "int" "float" "bool" "duration" "bytes" "ratio" "points" "rate" "date" "timestamp"`: a constant of that type;
  `("int", low, high)` and the like bound it, both ends included, None for open.
* `("enum", member, …)`: one of these words. `("tag", "sql")`: tagged text. `("const",)`: a constant of any type.
* `("list", form)`: a list of different things, `("list", form, "repeats")` one by whose places they are read. `("range", form)`: `low..high`. `("one", form, …)`: the first form that fits the shape.
* `("call", group)`: a call of a constructor of that group.
* `("ref", kind, …)`: the name of a block of one of these kinds. `"part" "model" "features" "label"`: the like, dotted.
* `"column"`: a column of the rows that the block works on. `"estimator"`: a catalogue estimator. `"metric"`: a catalogue metric.
* `"secret"`: a secret's name or a call that makes one. `"rows"`: a list of `row(…)`. `"bound"`: the other side of `@range`.
"""

from __future__ import annotations

from typing import Any

REQUIRED: Any = ...


class Field:
    """One field of a block kind.

    `default` is REQUIRED, or the item that an absent field has; `("make", name, ((parameter, item), …))` is a constructor call.
    `override` is open (an env may set it), guarded (that env cannot release) or locked. `direction` says what a change of it is
    to the reader of a diff: breaking, loosening, behaviour, operational, additive, cosmetic; up_loosens / down_loosens for a value
    whose growth or fall permits more, add_loosens / drop_loosens for what permits more by being there or by being gone,
    later_loosens for a word whose followers in its list permit more, ends_decide for a confidence: what it permits lies with the ends of
    intervals that the block's conditions read.
    """

    __slots__ = ("built", "default", "direction", "doc", "form", "name", "override")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.name, self.form, self.default, self.override, self.direction, self.doc = row[:6]
        self.built: bool = row[6] if len(row) > 6 else True

    def __repr__(self) -> str:
        return f"Field({self.name})"

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


class Parameter:
    """One parameter of a constructor or an attribute; `many` takes the rest of the positional arguments as a tuple.

    `direction` is that of the field where the call stands, "" in the row, unless the parameter has one of its own.
    """

    __slots__ = ("default", "direction", "doc", "form", "many", "name")

    def __init__(self, row: tuple[Any, ...]) -> None:
        name, self.form, self.default, self.doc = row[:4]
        self.direction: str = row[4] if len(row) > 4 else ""
        self.many = name.startswith("*")
        self.name = name.lstrip("*")

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


class Constructor:
    """A known call that stands as a field's value, `folds(5, stratify: income)`."""

    __slots__ = ("built", "doc", "group", "name", "parameters")

    def __init__(self, group: str, row: tuple[Any, ...]) -> None:
        self.group = group
        self.name, parameters, self.built, self.doc = row
        self.parameters = tuple(Parameter(parameter) for parameter in parameters)


class Attribute:
    """`@name(…)`: the roles it may stand on, and its parameters."""

    group = "attribute"  # a constructor has a group; arguments of both are bound alike
    __slots__ = ("direction", "doc", "name", "parameters", "roles")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.name, self.roles, parameters, self.direction, self.doc = row
        self.parameters = tuple(Parameter(parameter) for parameter in parameters)


class Role:
    """What `:=` defines in a block: the highest level its expression may have and the type it must have.

    `type` is "bool", "value" (anything that is a column's value), "any", or "part".
    """

    __slots__ = ("doc", "level", "name", "noun", "type")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.name, self.noun, self.level, self.type, self.doc = row


class Kind:
    """A block kind. Its statements: fields (`=`), columns (`:`) if `columns`, definitions (`:=`) of `role`, nested `blocks`.

    `forms` are the shapes a block of this kind may have: "block", "short" (`kind name = value`, bound to field `value`) and
    "declare" (`kind name: type`). `label` is "required", "optional" or "none". `open_fields` names the field whose
    catalogue entry adds further fields (`estimator`). `inside` are the kinds that may hold it; empty: the file.
    """

    __slots__ = (
        "blocks",
        "built",
        "columns",
        "doc",
        "fields",
        "forms",
        "inside",
        "label",
        "name",
        "open_fields",
        "role",
        "stage",
    )

    def __init__(self, name: str, row: dict[str, Any], common: tuple[tuple[Any, ...], ...]) -> None:
        self.name = name
        self.doc: str = row["doc"]
        self.stage: str = row.get("stage", "all")
        self.built: bool = row.get("built", True)
        self.forms: tuple[str, ...] = row.get("forms", ("block",))
        self.label: str = row.get("label", "required")
        self.columns: bool = row.get("columns", False)
        self.role: str | None = row.get("role")
        self.blocks: tuple[str, ...] = row.get("blocks", ())
        self.inside: tuple[str, ...] = row.get("inside", ())
        self.open_fields: str | None = row.get("open_fields")
        rows = row["fields"]
        if row.get("resources"):
            own = {field[0] for field in rows}
            rows = rows + tuple(field for field in common if field[0] not in own)
        self.fields: dict[str, Field] = {field[0]: Field(field) for field in rows}
