"""Writes the tables of docs/diff.md: `python -m mlspec.diff.reference docs/diff.md`.

Prose stands between the tables and is written by hand; a table stands between `<!-- table NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from mlspec.diff import table
from mlspec.markdown import fill, rewrite
from mlspec.markdown import table as table_of
from mlspec.spec import schema
from mlspec.spec.schema.body import ATTRIBUTES
from mlspec.spec.schema.constructors import CONSTRUCTORS

_MARK = "!"


def kinds() -> str:
    """What a block's coming and going is."""
    rows = [(f"`{name}`", *table.KINDS[name], _MARK if name in table.SECURITY_KINDS else "") for name in schema.kinds()]
    return table_of(("block", "new", "gone", "seen first"), rows)


def roles() -> str:
    """What a definition's coming, going and change is."""
    rows = []
    for name, (come, gone, changed) in table.ROLES.items():
        what = "by what it lets through" if changed == table.CONDITION else changed
        rows.append((schema.role(name).noun, come, gone, what, _MARK if name in table.SECURITY_ROLES else ""))
    return table_of(("definition", "new", "gone", "changed", "seen first"), rows)


def fields() -> str:
    """The direction of every field, by block."""
    shared = table.RESOURCES
    rows = []
    for name in schema.kinds():
        row = schema.kind(name)
        assert row is not None
        for field in row.fields.values():
            if field.name in shared and field.direction == "operational":
                continue
            shown = "(the value)" if field.name == "value" else f"`{field.name}`"
            security = name in table.SECURITY_KINDS or (name, field.name) in table.SECURITY_FIELDS
            rows.append((f"`{name}`", shown, field.direction, _MARK if security else ""))
    return table_of(("block", "field", "on change", "seen first"), rows)


def arguments() -> str:
    """The arguments of calls that have a direction of their own."""
    rows = [
        (f"`{line[0]}({parameter[0]}: …)`", parameter[4])
        for lines in CONSTRUCTORS.values()
        for line in lines
        for parameter in line[1]
        if len(parameter) > 4
    ]
    return table_of(("argument", "on change"), rows)


def attributes() -> str:
    """The direction of every attribute."""
    rows = [(f"`@{row[0]}`", row[3], _MARK if row[0] in table.SECURITY_ATTRIBUTES else "") for row in ATTRIBUTES]
    return table_of(("attribute", "on change", "seen first"), rows)


def directions() -> str:
    """What the directions mean, by a value's coming, going and change."""
    said = {
        "up_loosens": ("", "", "loosening when it grows, tightening when it falls"),
        "down_loosens": ("", "", "loosening when it falls, tightening when it grows"),
        "later_loosens": ("", "", "loosening when the new word stands later in its list, tightening when it stands earlier"),
        "ends_decide": (
            "",
            "",
            "as the conditions of the block read the intervals: tightening when it grows and they ask `lower(x) >= t` "
            "or `upper(x) <= t`, loosening where they ask for the other ends",
        ),
    }
    rows = []
    for name, row in table.DIRECTIONS.items():
        rows.append((name, *(said[name] if row is None else row)))
    return table_of(("direction", "value comes", "value goes", "value changes"), rows)


def rules() -> str:
    """The rules of SARIF and JSON."""
    return table_of(("rule", "meaning"), [(f"`{name}`", text) for name, text in table.RULES.items()])


TABLES: dict[str, Callable[[], str]] = {
    "kinds": kinds, "roles": roles, "fields": fields, "arguments": arguments, "attributes": attributes, "directions": directions,
    "rules": rules,
}  # fmt: skip


def render(page: str) -> str:
    """The page with every table written anew."""
    return fill(page, TABLES)


if __name__ == "__main__":
    rewrite(sys.argv[1] if len(sys.argv) > 1 else "docs/diff.md", TABLES)
