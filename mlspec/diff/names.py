"""Renames between two versions, and values as plain data in the names of the new one, so that only what changed differs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from mlspec.spec.kinds import Type
from mlspec.spec.model import Attribute
from mlspec.spec.values import Bounds, Made, Reference, Typed, Value

# References that a form may name without its block: where two sources have a column of one name, only these tell them apart.
_ROWS = frozenset(("column", "derived", "feature", "features"))
_NAMED = {"col": 1, "feature": 1, "features": 1, "rows": 1, "metric": 2, "column": 1}


class Names:
    """What the old side's names became: blocks by key, and members of blocks by (old block, old member)."""

    def __init__(self) -> None:
        self.blocks: dict[str, str] = {}
        self.members: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self.blocks or self.members)

    def path(self, ref: Reference) -> str:
        """A reference of the old side in the new side's names."""
        block = self.blocks.get(ref.block, ref.block)
        if ref.member is None:
            return block
        return f"{block}.{self.members.get((ref.block, ref.member), ref.member)}"

    def form(self, value: Typed) -> Any:
        """The form of an old expression in the new side's names."""
        if not self:
            return value.form
        found: dict[str, str] = {}
        for ref in value.refs:
            new = self.path(ref)
            found[ref.path] = new
            if ref.member is not None:
                found.setdefault(ref.member, new.rpartition(".")[2])
            found.setdefault(ref.block, self.blocks.get(ref.block, ref.block))
        return _renamed(value.form, {old: new for old, new in found.items() if old != new})


NO_NAMES = Names()


def _renamed(form: Any, found: Mapping[str, str]) -> Any:
    """Recursion goes as deep as the text nests, which the parser bounds."""
    if isinstance(form, dict):
        return {key: _renamed(value, found) for key, value in form.items()}
    if not isinstance(form, list):
        return form
    place = _NAMED.get(form[0], 0) if form and isinstance(form[0], str) else 0
    return [
        found.get(item, item) if place and index == place and isinstance(item, str) else _renamed(item, found)
        for index, item in enumerate(form)
    ]


def _untyped(form: Any) -> Any:
    """A form without the types of its columns: where one changed, that is a change of the column."""
    if isinstance(form, dict):
        return {key: _untyped(value) for key, value in form.items()}
    if not isinstance(form, list):
        return form
    return form[:2] if form[:1] == ["col"] else [_untyped(item) for item in form]


def plain(item: Any, names: Names = NO_NAMES) -> Any:
    """A checked item as data that compares: without spans, without spelling, in the new side's names."""
    if isinstance(item, Value):
        return plain(item.item, names)
    if isinstance(item, Typed):
        return ["expression", _untyped(names.form(item)), [names.path(ref) for ref in item.refs if ref.kind in _ROWS]]
    if isinstance(item, Reference):
        return ["ref", names.path(item)]
    if isinstance(item, Made):
        return ["make", item.name, {name: plain(value, names) for name, value in item.args.items()}]
    if isinstance(item, Bounds):
        return ["range", plain(item.low, names), plain(item.high, names)]
    if isinstance(item, Attribute):
        return [item.name, plain(item.args, names)]
    if isinstance(item, Mapping):
        return {str(key): plain(value, names) for key, value in item.items()}
    if isinstance(item, tuple | list | frozenset):
        return [plain(part, names) for part in item]
    if isinstance(item, Type):
        # A column's range is an attribute of the column; it is told there.
        settings = [[name, plain(value)] for name, value in item.settings if name != "range"]
        members = [[name, plain(kind)] for name, kind in item.members]
        return [str(item), settings, members, plain(item.item) if item.item is not None else None]
    return item.isoformat() if isinstance(item, date) else item
