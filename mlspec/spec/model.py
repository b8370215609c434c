"""The checked spec: blocks with every name resolved, every type known and every default filled in. It never changes after check.

Lowering, the checks, diff, docs and the editor read this and nothing earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlspec.source import Span
from mlspec.spec.kinds import DIRECT, FREE_TEXT, NONE, QUASI, Type
from mlspec.spec.values import Bounds, Made, Reference, Typed, Value


class Attribute:
    """`@range(17..90)` on a column or a definition; `args` by parameter name."""

    __slots__ = ("args", "name", "span")

    def __init__(self, name: str, args: Mapping[str, Value], span: Span) -> None:
        self.name = name
        self.args = args
        self.span = span

    def __repr__(self) -> str:
        return f"@{self.name}({', '.join(f'{key}: {value.item!r}' for key, value in self.args.items())})"

    def get(self, name: str) -> Any:
        value = self.args.get(name)
        return None if value is None else value.item


class Item:
    """What columns and definitions share: a name inside a block, with attributes and `##` documentation."""

    __slots__ = ("attrs", "doc", "name", "span")

    def __init__(self, name: str, span: Span, attrs: Mapping[str, Attribute], doc: str) -> None:
        self.name = name
        self.span = span
        self.attrs = attrs
        self.doc = doc

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

    def attr(self, name: str, arg: str | None = None) -> Any:
        """The attribute `name`, or the item of its argument `arg`; None where it is absent."""
        found = self.attrs.get(name)
        if found is None or arg is None:
            return found
        return found.get(arg)


_PII = {"quasi": QUASI, "free_text": FREE_TEXT, "direct": DIRECT}


class Column(Item):
    """A typed column of a source, of a prompt's input, or of a batch score's input."""

    __slots__ = ("sound", "source", "type")

    def __init__(
        self, name: str, span: Span, attrs: Mapping[str, Attribute], doc: str, source: str, type: Type, sound: bool = True
    ) -> None:
        super().__init__(name, span, attrs, doc)
        self.source = source
        self.type = type
        self.sound = sound  # False where an attribute is wrong, and what the column is to a model not known

    @property
    def range(self) -> Bounds | None:
        """The declared range; of dates and timestamps the ends are date objects."""
        bounds: Bounds | None = self.attr("range", "range")
        return bounds

    @property
    def taint(self) -> int:
        """The taint that `@pii` gives this column."""
        return _PII.get(str(self.attr("pii", "kind")), NONE)

    @property
    def positive(self) -> Any:
        """The positive value of an `@outcome`, None where it states none."""
        return self.attr("outcome", "positive")

    @property
    def favourable(self) -> Any:
        """The value that is good for the person, where `@outcome` states one."""
        return self.attr("outcome", "favourable")

    @property
    def query(self) -> str | None:
        """The column by whose values rows are ranked together, where the outcome is the relevance of a row."""
        name: str | None = self.attr("outcome", "query")
        return name

    @property
    def tags(self) -> list[str]:
        """Tags as a plan's column descriptor spells them: key, event_time, outcome, protected, pii.quasi, …"""
        tags = [tag for tag in ("key", "event_time", "outcome", "protected") if tag in self.attrs]
        return [*tags, f"pii.{self.attr('pii', 'kind')}"] if "pii" in self.attrs else tags


class Definition(Item):
    """`name := expression @attrs`: a check, gate, guard, alert, feature, logged value, label or expectation."""

    __slots__ = ("value",)

    def __init__(self, name: str, span: Span, attrs: Mapping[str, Attribute], doc: str, value: Typed) -> None:
        super().__init__(name, span, attrs, doc)
        self.value = value


class Part(Item):
    """A part of a split: a share of the rows, or an interval of time; neither where its fault is reported."""

    __slots__ = ("interval", "share")

    def __init__(
        self, name: str, span: Span, attrs: Mapping[str, Attribute], doc: str, share: float | None, interval: Bounds | None
    ) -> None:
        super().__init__(name, span, attrs, doc)
        self.share = share
        self.interval = interval


class Block:
    """A checked block. `fields` holds every field of its kind that has a value, given or default, in schema order.

    `columns`, `definitions`, `parts` and `blocks` (family, log, ab, canary, shadow, and short blocks like `join bureau = …`, whose
    value is field `value`) keep the order of writing. `name` is "" for a block without label; `path` leads to it from the file.
    """

    __slots__ = (
        "alias",
        "blocks",
        "columns",
        "definitions",
        "doc",
        "fields",
        "folder",
        "head",
        "kind",
        "later",
        "name",
        "parts",
        "path",
        "span",
    )

    def __init__(self, kind: str, name: str, path: str, span: Span, head: Span, doc: str) -> None:
        self.kind = kind
        self.name = name
        self.path = path
        self.span = span
        self.head = head
        self.doc = doc
        self.fields: dict[str, Value] = {}
        self.columns: dict[str, Column] = {}
        self.definitions: dict[str, Definition] = {}
        self.parts: dict[str, Part] = {}
        self.blocks: list[Block] = []
        self.later: dict[str, Span] = {}  # names that the block defines, by place, while it is checked
        self.alias = ""  # the name under which the file of an imported block is known: `shared`, as its own name begins
        self.folder = ""  # from the folder of the spec that is checked to that of the file in which the block stands

    def __repr__(self) -> str:
        return f"Block({self.kind} {self.path})"

    @property
    def own_name(self) -> str:
        """The name in its own file: that of `shared.orders` is `orders`."""
        return self.name.rpartition(".")[2]

    def get(self, field: str) -> Any:
        """The item of a field; None where it is neither given nor has a default."""
        value = self.fields.get(field)
        return None if value is None else value.item

    def given(self, field: str) -> bool:
        """Whether the spec, an env or `-p` says this field, rather than its default."""
        value = self.fields.get(field)
        return value is not None and value.origin != "default"

    def span_of(self, field: str) -> Span:
        """Where a field was written; of a default, the head of the block."""
        value = self.fields.get(field)
        return self.head if value is None or value.span is None else value.span

    def nested(self, kind: str) -> list[Block]:
        """The blocks of `kind` inside this one."""
        return [block for block in self.blocks if block.kind == kind]

    def make(self, field: str) -> Made | None:
        """The constructor call of a field, None where there is none."""
        item = self.get(field)
        return item if isinstance(item, Made) else None

    def ref(self, field: str) -> Reference | None:
        """The reference of a field, None where there is none."""
        item = self.get(field)
        return item if isinstance(item, Reference) else None


class Override:
    """One value that an env or `-p` put in place of what the file says. `override` is the field's class: open or guarded."""

    __slots__ = ("by", "new", "old", "override", "path", "span")

    def __init__(self, path: str, old: Value | None, new: Value, override: str, by: str, span: Span | None) -> None:
        self.path = path
        self.old = old
        self.new = new
        self.override = override
        self.by = by
        self.span = span


def _no_lock(source: Block) -> int | None:
    """Of a spec that is checked outside a project no lock is read."""
    return None


class Spec:
    """A checked spec file with its imports: `blocks` by name in order of writing, imported ones as `alias.name`.

    `imports` are the paths by alias as they are written, `homes` the names by alias under which the blocks of that file stand here
    (two aliases of one file have one), `files` all imported files by that name. `needed` are the imported blocks that this file's
    own ones read, directly or not: the others are there to be named. `locked_rows` says how many rows the project's lock holds of a
    source, None where it holds no count.
    """

    __slots__ = (
        "blocks", "edition", "env", "files", "homes", "imports", "locked_rows", "name", "needed", "overrides", "spans", "unnamed",
    )  # fmt: skip

    def __init__(self, edition: str) -> None:
        self.name = ""
        self.edition = edition
        self.blocks: dict[str, Block] = {}
        self.unnamed: list[Block] = []
        self.overrides: list[Override] = []
        self.env: str | None = None
        self.spans: dict[str, Span] = {}
        self.imports: dict[str, str] = {}
        self.homes: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.needed: frozenset[str] = frozenset()
        self.locked_rows: Callable[[Block], int | None] = _no_lock

    def named(self, path: str) -> Block | None:
        """The block that a text names, `orders` or `shared.orders`, by whichever alias of its file."""
        alias, dot, name = path.partition(".")
        return self.blocks.get(f"{self.homes[alias]}.{name}" if dot and alias in self.homes else path)

    def owner(self, path: str) -> tuple[Block | None, str]:
        """The block that a dotted path begins with, and the rest of it: `shared.orders.amount` is `amount` of `shared.orders`."""
        words = path.split(".")
        for count in range(len(words), 0, -1):
            found = self.named(".".join(words[:count]))
            if found is not None:
                return found, ".".join(words[count:])
        return None, path

    @property
    def taken(self) -> list[Block]:
        """Every block that a run takes: those of this file, and what they need of others."""
        every = (*self.blocks.values(), *self.unnamed)
        return [block for block in every if not block.alias or block.name in self.needed]

    def of_kind(self, *kinds: str) -> Iterator[Block]:
        """The blocks of these kinds in order of writing: those of this file, and what they need of others."""
        for block in (*self.blocks.values(), *self.unnamed):
            if block.kind in kinds and (not block.alias or block.name in self.needed):
                yield block

    @property
    def envs(self) -> list[str]:
        """The names of the environments that the file declares."""
        return [block.name for block in self.of_kind("env")]

    @property
    def settings(self) -> Block:
        """The `spec` block: owner, approvers, seed, tracking, registry."""
        return next(self.of_kind("spec"))

    @property
    def seed(self) -> int:
        return int(self.settings.get("seed"))

    def span_of(self, path: str) -> Span | None:
        """Where `census.age`, `tune.trials` or `release.useful` stands; of an unknown tail, the nearest block around it."""
        while path:
            found = self.spans.get(path)
            if found is not None:
                return found
            path = path.rpartition(".")[0]
        return None

    def column(self, source: str, column: str) -> Column | None:
        """A column of a source."""
        block = self.blocks.get(source)
        return None if block is None else block.columns.get(column)

    def spine(self, frame: str) -> Block | None:
        """The source whose rows a frame has: the source itself when a source is used as a frame."""
        block = self.blocks.get(frame)
        if block is None or block.kind == "source":
            return block
        spine = block.ref("spine")
        return None if spine is None else self.blocks.get(spine.block)

    def learned(self, block: Block) -> Block:
        """The block whose label, features and part a model has: of a `compress` those of the model that it starts from."""
        seen = {block.name}
        while block.kind == "compress" and (inner := block.ref("model")) is not None and inner.block in self.blocks:
            block = self.blocks[inner.block]
            if block.name in seen:
                break  # a circle, which is reported where names are resolved
            seen.add(block.name)
        return block

    @property
    def releasable(self) -> bool:
        """Whether a run may release: no guarded override is in force."""
        return not any(override.override == "guarded" for override in self.overrides)
