"""The schema table: every block kind, field, attribute and constructor of the language, one row each.

Binding, defaults, formatting order, diff, completion and the reference pages all read it. A block kind is data here and
nothing else: the grammar knows no kind.
"""

from __future__ import annotations

from mlspec.spec.schema.rows import REQUIRED, Attribute, Constructor, Field, Kind, Parameter, Role
from mlspec.spec.schema.tables import (
    attribute,
    attributes_of,
    constructor,
    constructors,
    field_names,
    kind,
    kinds,
    order,
    role,
    top_kinds,
)

__all__ = [
    "REQUIRED",
    "Attribute",
    "Constructor",
    "Field",
    "Kind",
    "Parameter",
    "Role",
    "attribute",
    "attributes_of",
    "constructor",
    "constructors",
    "field_names",
    "kind",
    "kinds",
    "order",
    "role",
    "top_kinds",
]
