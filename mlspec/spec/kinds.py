"""Types, levels and taint: what is known of an expression before anything runs.

Levels and taints are ordered numbers, so that the level of a sum is the `max` of the levels of its terms.
"""

from __future__ import annotations

from typing import Any

CONST, ROW, HISTORY, FITTED, METRIC, LIVE = range(6)
LEVELS = ("Const", "Row", "History", "Fitted", "Metric", "Live")

NONE, QUASI, FREE_TEXT, DIRECT = range(4)
TAINTS = ("none", "quasi", "free_text", "direct")

NUMBERS = frozenset(("int", "float", "decimal", "ratio"))
STRINGS = frozenset(("string", "text", "category", "id"))
TEMPORAL = frozenset(("date", "timestamp"))
ORDERED = NUMBERS | TEMPORAL | frozenset(("duration", "bytes", "points", "rate"))


class Type:
    """A type of the language. `optional` says that null is among the values.

    `values` are those of a closed category (None when open); `precision` and `scale` of a decimal; `entity` of an id;
    `item` of a list or a range; `members` name and type the parts of a json value; `settings` hold an image's size.
    """

    __slots__ = ("entity", "item", "members", "name", "optional", "precision", "scale", "settings", "values")

    def __init__(
        self,
        name: str,
        optional: bool = False,
        *,
        values: tuple[str, ...] | None = None,
        precision: int | None = None,
        scale: int | None = None,
        entity: str | None = None,
        item: Type | None = None,
        members: tuple[tuple[str, Type], ...] = (),
        settings: tuple[tuple[str, Any], ...] = (),
    ) -> None:
        self.name = name
        self.optional = optional
        self.values = values
        self.precision = precision
        self.scale = scale
        self.entity = entity
        self.item = item
        self.members = members
        self.settings = settings

    def __repr__(self) -> str:
        return f"Type({self})"

    def __str__(self) -> str:
        return self._base() + ("?" if self.optional else "")

    def _base(self) -> str:
        if self.name == "category" and self.values:
            return "category(" + ", ".join(f'"{value}"' for value in self.values) + ")"
        if self.name == "decimal" and self.precision is not None:
            return f"decimal({self.precision}, {self.scale})"
        if self.name == "id" and self.entity:
            return f"id({self.entity})"
        if self.item is not None:
            return f"{self.name}({self.item})"
        if self.name == "rows" and self.members:
            return f"rows({', '.join(name for name, _ in self.members)})"
        return self.name

    @property
    def code(self) -> str:
        """The name as it travels in a plan: `"int"`, and `"int?"` when null is among the values."""
        return self.name + "?" if self.optional else self.name

    @property
    def range(self) -> tuple[Any, Any] | None:
        """The declared range of a column's type, both ends included."""
        found: tuple[Any, Any] | None = next((value for key, value in self.settings if key == "range"), None)
        return found

    def required(self) -> Type:
        """The same type without null."""
        return self if not self.optional else self._with(False)

    def nullable(self) -> Type:
        """The same type with null."""
        return self if self.optional else self._with(True)

    def _with(self, optional: bool) -> Type:
        return Type(
            self.name,
            optional,
            values=self.values,
            precision=self.precision,
            scale=self.scale,
            entity=self.entity,
            item=self.item,
            members=self.members,
            settings=self.settings,
        )


BOOL = Type("bool")
INT = Type("int")
FLOAT = Type("float")
STRING = Type("string")
TEXT = Type("text")
DATE = Type("date")
TIMESTAMP = Type("timestamp")
DURATION = Type("duration")
BYTES = Type("bytes")
RATIO = Type("ratio")
POINTS = Type("points")
RATE = Type("rate")
NULL = Type("null", True)
UNKNOWN = Type("unknown")  # of an expression already reported: fits everything, so that one mistake is reported once
