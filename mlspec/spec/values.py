"""What stands on the right of a checked field: constants, references to what a name means, constructor calls, typed expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.source import Span
from mlspec.spec.kinds import CONST, LEVELS, NONE, TAINTS, Type


class Value:
    """A field's checked value, where it was written, and where it came from.

    `origin` is "given", "default", "env NAME" or "-p NAME"; a default has no span. `item` is one of: a Python constant (None,
    bool, int, float, str, date, datetime; durations in seconds, percent and points as ratios), a tuple of items, a `Bounds`,
    a `Made`, one of the references below, or a `Typed` expression. `enum` members are plain strings.
    """

    __slots__ = ("item", "origin", "span")

    def __init__(self, item: Any, span: Span | None, origin: str = "given") -> None:
        self.item = item
        self.span = span
        self.origin = origin

    def __repr__(self) -> str:
        return f"Value({self.item!r}, {self.origin})"


class Bounds:
    """`low..high`, both ends included."""

    __slots__ = ("high", "low")

    def __init__(self, low: Any, high: Any) -> None:
        self.low = low
        self.high = high

    def __repr__(self) -> str:
        return f"Bounds({self.low!r}, {self.high!r})"


class Made:
    """A call of a known constructor, `folds(5, stratify: income)`: every parameter by name, defaults filled in."""

    __slots__ = ("args", "group", "name", "span")

    def __init__(self, name: str, group: str, args: Mapping[str, Value], span: Span | None) -> None:
        self.name = name
        self.group = group
        self.args = args
        self.span = span

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{key}: {value.item!r}' for key, value in self.args.items())})"

    def get(self, name: str) -> Any:
        """The item of parameter `name`, None where it is absent and has no default."""
        value = self.args.get(name)
        return None if value is None else value.item


class Reference:
    """A checked name: `block` and, of something inside it, `member`.

    `kind` says what it is: column, part, feature, features, source, frame, split, model, search, train, compress, gates, serve,
    channel, secret, prompt, param, arm, family. A model is referred to by its block; `search.best` has member "best".
    """

    __slots__ = ("block", "kind", "member", "span")

    def __init__(self, kind: str, block: str, member: str | None, span: Span | None) -> None:
        self.kind = kind
        self.block = block
        self.member = member
        self.span = span

    def __repr__(self) -> str:
        return f"{self.kind}:{self.path}"

    @property
    def path(self) -> str:
        return self.block if self.member is None else f"{self.block}.{self.member}"


class Typed:
    """A typed expression. `form` is the nested list form of docs/runtime.md; a constant folds to `["lit", value, type]`.

    `columns` are the (source, column) pairs that it reads, `features` the (features block, feature) pairs, `models` the blocks of
    the models that it judges. `refs` are all references in it in order of writing, with their spans.
    """

    __slots__ = ("calls", "form", "level", "refs", "size", "span", "taint", "type")

    def __init__(
        self,
        form: list[Any],
        type: Type,
        level: int,
        taint: int,
        span: Span,
        refs: tuple[Reference, ...] = (),
        calls: tuple[tuple[str, Span], ...] = (),
        size: int = 1,
    ) -> None:
        self.form = form
        self.type = type
        self.level = level
        self.taint = taint
        self.span = span
        self.refs = refs
        self.calls = calls
        self.size = size  # nodes of the form, expanded

    def __repr__(self) -> str:
        return f"Typed({self.form!r}: {self.type}, {LEVELS[self.level]}, {TAINTS[self.taint]})"

    @property
    def columns(self) -> frozenset[tuple[str, str]]:
        return frozenset((ref.block, ref.member or "") for ref in self.refs if ref.kind == "column")

    @property
    def features(self) -> frozenset[tuple[str, str]]:
        return frozenset((ref.block, ref.member or "") for ref in self.refs if ref.kind == "feature")

    @property
    def models(self) -> frozenset[str]:
        return frozenset(ref.block for ref in self.refs if ref.kind in ("model", "search", "train", "compress", "arm"))

    @property
    def optional(self) -> bool:
        return self.type.optional

    @property
    def constant(self) -> bool:
        return self.level == CONST and self.form[0] == "lit"


def literal(value: Any, type: Type, span: Span) -> Typed:
    """A constant as a typed expression."""
    return Typed(["lit", value, type.name], type, CONST, NONE, span)
