"""Look-ups in the schema table; a row becomes an object the first time it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from mlspec.spec.schema import body, data, frame_of_file, learning, release
from mlspec.spec.schema.constructors import CONSTRUCTORS
from mlspec.spec.schema.rows import Attribute, Constructor, Kind, Role

_FAMILIES: tuple[dict[str, Any], ...] = (frame_of_file.KINDS, data.KINDS, learning.KINDS, release.KINDS)


@cache
def kinds() -> tuple[str, ...]:
    """Every block kind, nested ones too, in the order of the lifecycle."""
    return tuple(name for family in _FAMILIES for name in family)


@cache
def top_kinds() -> tuple[str, ...]:
    """The kinds that may stand in a file."""
    return tuple(name for family in _FAMILIES for name, row in family.items() if "inside" not in row)


@cache
def kind(name: str) -> Kind | None:
    """The row of a block kind, None where there is no such kind."""
    for family in _FAMILIES:
        if name in family:
            return Kind(name, family[name], body.RESOURCES)
    return None


@cache
def role(name: str) -> Role:
    """The row of a role of `:=`."""
    return next(Role(row) for row in body.ROLES if row[0] == name)


@cache
def attribute(name: str) -> Attribute | None:
    """The row of an attribute, None where there is none."""
    return next((Attribute(row) for row in body.ATTRIBUTES if row[0] == name), None)


@cache
def attributes_of(role_name: str) -> tuple[str, ...]:
    """The attributes that may stand on a column or a definition of this role."""
    return tuple(row[0] for row in body.ATTRIBUTES if role_name in row[1])


@cache
def constructor(group: str, name: str) -> Constructor | None:
    """The row of constructor `name` in `group`, None where there is none."""
    return next((Constructor(group, row) for row in CONSTRUCTORS[group] if row[0] == name), None)


def constructors(group: str) -> tuple[str, ...]:
    """The names of a group's constructors."""
    return tuple(row[0] for row in CONSTRUCTORS[group])


def field_names(kind_name: str) -> tuple[str, ...]:
    """The fields of a kind in canonical order."""
    row = kind(kind_name)
    return () if row is None else tuple(row.fields)


def order(kind_name: str, names: Sequence[str]) -> list[str]:
    """`names` in canonical order: schema fields as the table has them, then all others as they were."""
    places = {field: place for place, field in enumerate(field_names(kind_name))}
    return sorted(names, key=lambda name: places.get(name, len(places)))
