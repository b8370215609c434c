"""Every name in a file, and what it stands for: what definition, references, rename, hover and lineage read.

The tree says where names stand, the bound spec what rows a bare column is of, and the schema which words are no names at all. A name is
that of a block (`Target(file, "inputs")`), of something inside one (`Target(file, "inputs", "age")`), or of an import.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from mlspec import catalogue
from mlspec.source import Span
from mlspec.spec import schema
from mlspec.spec.measured import JUDGED
from mlspec.spec.model import Block as Bound
from mlspec.spec.model import Spec
from mlspec.spec.rows import rows_of
from mlspec.spec.scope import dotted
from mlspec.syntax import nodes
from mlspec.syntax.nodes import Arg, Attr, Block, Call, Declare, Define, Expr, Extern, File, Ref, Setting, Stmt, Use

# Fields that expressions name: the candidate of gates, the instant of a frame.
_READ_AS_NAMES = frozenset((("gates", "candidate"), ("frame", "at")))


class Target(NamedTuple):
    """What a name stands for: a block of a file, or with `member` something inside it."""

    file: str
    block: str
    member: str = ""


class Place(NamedTuple):
    """One name in the text. `item` is the definition, column or block in whose statement it stands."""

    span: Span
    target: Target
    declares: bool
    item: Target


class Declared(NamedTuple):
    """Where a target is declared: its name, its whole statement, what it is, and its node."""

    name: Span
    whole: Span
    noun: str
    node: Stmt


class Names:
    """The names of one file."""

    def __init__(self, tree: File | None, spec: Spec | None, paths: dict[str, str]) -> None:
        """`paths` leads from the alias of an import to its file."""
        self.file = "" if tree is None else tree.span.source.name
        self.declared: dict[Target, Declared] = {}
        self.places: list[Place] = []
        self._paths = paths
        self._spec = spec
        self._blocks: dict[str, Stmt] = {}
        if tree is not None:
            for statement in tree.statements:
                self._declare(statement)
            for statement in tree.statements:
                self._statement(statement)
        self.places.sort(key=lambda place: (place.span.start, place.span.end))
        self._starts = [place.span.start for place in self.places]

    def at(self, offset: int) -> Place | None:
        """The name that an offset lies in or right behind."""
        index = bisect_right(self._starts, offset) - 1
        if index >= 0 and offset <= self.places[index].span.end:
            return self.places[index]
        return None

    def of(self, target: Target) -> list[Place]:
        """Where a target is named, its declaration included."""
        return [place for place in self.places if place.target == target]

    def within(self, span: Span) -> Iterator[Place]:
        """The names between two offsets."""
        for place in self.places[bisect_right(self._starts, span.start - 1) :]:
            if place.span.start >= span.end:
                return
            yield place

    def members(self, block: str) -> list[Target]:
        """What is declared inside a block."""
        return [target for target in self.declared if target.block == block and target.member]

    # ---- declarations

    def _add(self, name: nodes.Name, whole: Span, target: Target, noun: str, node: Stmt) -> None:
        if target not in self.declared:
            self.declared[target] = Declared(name.span, whole, noun, node)
        self.places.append(Place(name.span, target, True, target))

    def _declare(self, statement: Stmt) -> None:
        """The names that a statement of the file brings."""
        label = statement.alias if isinstance(statement, Use) else getattr(statement, "label", None)
        if label is None:
            return
        target = Target(self.file, label.text)
        self._blocks.setdefault(label.text, statement)
        self._add(label, statement.span, target, kind_of(statement), statement)
        if isinstance(statement, Block):
            self._inside(statement, label.text)

    def _inside(self, block: Block, path: str) -> None:
        row = schema.kind(block.kind.text)
        role = "" if row is None or row.role is None else row.role
        for statement in block.body:
            if isinstance(statement, Define):
                self._add(statement.name, statement.span, Target(self.file, path, statement.name.text), role, statement)
            elif isinstance(statement, Declare) and statement.label is None:
                self._add(statement.name, statement.span, Target(self.file, path, statement.name.text), "column", statement)
            elif isinstance(statement, Setting) and (block.kind.text, statement.name.text) in _READ_AS_NAMES:
                target = Target(self.file, path, statement.name.text)
                self.declared.setdefault(target, Declared(statement.name.span, statement.span, "field", statement))
            if isinstance(statement, Block | Setting) and statement.label is not None:
                inner = schema.kind(kind_of(statement))
                if inner is None or inner.label != "refers":
                    target = Target(self.file, path, statement.label.text)
                    self._add(statement.label, statement.span, target, kind_of(statement), statement)
                if isinstance(statement, Block):
                    self._inside(statement, f"{path}.{statement.label.text}")

    # ---- uses

    def _statement(self, statement: Stmt) -> None:
        if isinstance(statement, Use):
            return
        label = getattr(statement, "label", None)
        name = label.text if label is not None else ""
        bound = self._bound(statement, name)
        _Reader(self, Target(self.file, name), bound, None).statement(statement)

    def _bound(self, statement: Stmt, name: str) -> Bound | None:
        if self._spec is None:
            return None
        found = self._spec.blocks.get(name)
        if found is None:
            found = next(
                (block for block in self._spec.unnamed if block.name == name and block.kind == kind_of(statement)), None
            )
        return found

    def name(self, name: nodes.Name, target: Target, item: Target) -> None:
        """Notes a use."""
        self.places.append(Place(name.span, target, False, item))

    def ref(self, node: Ref, item: Target, local: str, rows: Bound | None) -> bool:
        """Notes what a name or dotted name means; False where nothing of the file."""
        head = node.parts[0]
        if len(node.parts) == 1:
            target = self._single(head.text, local, rows)
            if target is not None:
                self.name(head, target, item)
            return target is not None
        if head.text in self._paths:
            self.name(head, Target(self.file, head.text), item)
            inner = Target(self._paths[head.text], node.parts[1].text)
            self.name(node.parts[1], inner, item)
            if len(node.parts) > 2:
                self.name(node.parts[2], Target(inner.file, inner.block, node.parts[2].text), item)
            return True
        if head.text in self._blocks:
            self.name(head, Target(self.file, head.text), item)
            member = Target(self.file, head.text, node.parts[1].text)
            if member in self.declared:
                self.name(node.parts[1], member, item)
            return True
        arm = self._local_arm(local, head.text)
        if arm is not None:
            self.name(head, arm, item)
        return arm is not None

    def _local_arm(self, local: str, name: str) -> Target | None:
        target = Target(self.file, local.partition(".")[0], name)
        return target if target in self.declared else None

    def _single(self, name: str, local: str, rows: Bound | None) -> Target | None:
        """A bare name: of the block itself, of the file, or a column of the rows."""
        own = Target(self.file, local, name)
        if own in self.declared and self.declared[own].noun not in ("part", "logged"):
            return own
        if name in self._blocks:
            return Target(self.file, name)
        if rows is not None:
            column = Target(self._file_of(rows), rows.own_name, name)
            if name in rows.columns or column in self.declared:
                return column
        return None

    def _file_of(self, block: Bound) -> str:
        return block.head.source.name


class _Reader:
    """The uses in one block; `local` is the path of its names."""

    def __init__(self, names: Names, target: Target, bound: Bound | None, parent: Bound | None) -> None:
        self._names = names
        self._target = target
        self._local = f"{target.block}.{target.member}" if target.member else target.block
        self._bound = bound
        self._item = target
        spec = names._spec
        self._rows = rows_of(bound, parent, spec) if bound is not None and spec is not None else None
        prompt = next((ref for each in (bound, parent) if each is not None and (ref := each.ref("prompt"))), None)
        self._prompt = None if prompt is None or spec is None else spec.blocks.get(prompt.block)

    def statement(self, node: Stmt) -> None:
        """A block, a short block or a declaration."""
        row = schema.kind(kind_of(node))
        if isinstance(node, Block):
            self._body(node, row)
        elif isinstance(node, Extern):
            for param in node.params:
                self._type(param.type)
            self._type(node.result)
        elif isinstance(node, Setting):
            if row is not None and row.label == "refers" and node.label is not None:
                self._names.ref(dotted(node.label), self._item, "", None)
            field = None if row is None else row.fields.get("value")
            self._value(node.value, None if field is None else field.form)
            self._attrs(node.attrs)
        elif isinstance(node, Declare):
            self._declare(node)

    def _declare(self, node: Declare) -> None:
        self._type(node.type)
        self._attrs(node.attrs)
        if node.default is not None:
            self._expression(node.default)

    def _type(self, node: nodes.TypeNode) -> None:
        if node.name.text == "id":
            for arg in node.args:
                self._expression(arg.value)

    def _body(self, block: Block, row: schema.Kind | None) -> None:
        for statement in block.body:
            if isinstance(statement, Setting) and statement.label is None:
                self._field(statement, row)
            elif isinstance(statement, Define):
                self._item = Target(self._names.file, self._local, statement.name.text)
                self._expression(statement.value)
                self._attrs(statement.attrs)
                self._item = self._target
            elif isinstance(statement, Declare) and statement.label is None:
                self._item = Target(self._names.file, self._local, statement.name.text)
                self._declare(statement)
                self._item = self._target
            elif isinstance(statement, nodes.Patch):
                self._patch(statement)
            elif isinstance(statement, Block | Setting):
                self._nested(statement)

    def _nested(self, statement: Block | Setting) -> None:
        name = statement.label.text if statement.label is not None else ""
        bound = None
        if self._bound is not None:
            bound = next((each for each in self._bound.blocks if each.name == name and each.kind == kind_of(statement)), None)
        row = schema.kind(kind_of(statement))
        target = self._target if row is not None and row.label == "refers" else Target(self._names.file, self._local, name)
        inner = _Reader(self._names, target, bound, self._bound)
        inner.statement(statement)

    def _field(self, node: Setting, row: schema.Kind | None) -> None:
        field = None if row is None else row.fields.get(node.name.text)
        if field is not None:
            self._value(node.value, field.form)
        elif row is not None and row.open_fields is not None:
            self._value(node.value, ("one", ("call", "space"), ("const",)))
        else:
            self._expression(node.value)

    def _patch(self, node: nodes.Patch) -> None:
        names = self._names
        head, *inner = node.path
        if head.text in names._paths and len(inner) > 1:
            self._patch_elsewhere(node, head, inner)
            return
        if head.text not in names._blocks:
            return
        names.name(head, Target(names.file, head.text), self._item)
        for part in inner[:1]:
            member = Target(names.file, head.text, part.text)
            if member in names.declared:
                names.name(part, member, self._item)
        statement = names._blocks[head.text]
        row = schema.kind(kind_of(statement))
        field = None if row is None else row.fields.get((inner or [head])[-1].text)
        self._value(node.value, None if field is None else field.form)

    def _patch_elsewhere(self, node: nodes.Patch, head: nodes.Name, inner: list[nodes.Name]) -> None:
        """A patch of a block of another file."""
        names = self._names
        names.ref(Ref(node.span, (head, *inner[:2])), self._item, "", None)
        block = None if names._spec is None else names._spec.named(f"{head.text}.{inner[0].text}")
        row = None if block is None else schema.kind(block.kind)
        field = None if row is None else row.fields.get(inner[-1].text)
        self._value(node.value, None if field is None else field.form)

    # ---- values by the form that the schema gives them

    def _value(self, node: Expr, form: Any) -> None:
        head: Any = form[0] if isinstance(form, tuple) else form
        if head == "path" and isinstance(node, Ref):
            self._names.ref(node, self._item, "", None)  # the place that a waiver is about
        elif head == "one":
            self._value(node, _of_one(form, node))
        elif head == "list" and isinstance(node, nodes.ListExpr):
            for item in node.items:
                self._value(item, form[1])
        elif head in ("enum", "metric", "estimator", "name", "path", "sibling"):
            return
        elif head == "call" and isinstance(node, Call):
            self._constructor(node, form[1])
        elif head == "rows" and isinstance(node, nodes.ListExpr):
            self._literal_rows(node)
        elif head == "secret" and isinstance(node, Call):
            self._constructor(node, "secret_from")
        else:
            self._expression(node)

    def _constructor(self, node: Call, group: str) -> None:
        row = schema.constructor(group, node.callee.text)
        if row is None:
            for arg in node.args:
                self._expression(arg.value)
            return
        for form, arg in zip(_forms(row.parameters, node.args), node.args, strict=True):
            self._value(arg.value, form)

    def _attrs(self, attrs: Iterable[Attr]) -> None:
        for attr in attrs:
            row = schema.attribute(attr.name.text)
            if row is not None:
                for form, arg in zip(_forms(row.parameters, attr.args), attr.args, strict=True):
                    self._value(arg.value, form)

    def _literal_rows(self, node: nodes.ListExpr) -> None:
        """`[row(age: 1)]`: the names of arguments are columns, or gates or alerts whose numbers are given."""
        known = {} if self._rows is None else self._rows.definitions if self._rows.kind in JUDGED else self._rows.columns
        for item in node.items:
            for arg in item.args if isinstance(item, Call) else ():
                if arg.name is not None and self._rows is not None and arg.name.text in known:
                    member = Target(self._rows.head.source.name, self._rows.name, arg.name.text)
                    self._names.name(arg.name, member, self._item)
                self._expression(arg.value)

    # ---- expressions

    def _expression(self, node: object) -> None:
        if isinstance(node, Ref):
            if not self._names.ref(node, self._item, self._local, self._rows) and self._prompt is not None:
                self._names.ref(node, self._item, self._local, self._prompt)
        elif isinstance(node, Call):
            self._call(node)
        elif isinstance(node, tuple):
            for item in node:
                self._expression(item)
        elif isinstance(node, nodes.Node):
            for name in node.__match_args__:
                if name not in ("span", "name"):
                    self._expression(getattr(node, name))

    def _call(self, node: Call) -> None:
        if len(node.callee.parts) == 1 and node.callee.text in self._names._blocks:
            self._names.ref(node.callee, self._item, "", None)  # an extern
        words = [_words(node.callee.text, place, arg) for place, arg in enumerate(node.args)]
        for arg, known in zip(node.args, words, strict=True):
            if not (isinstance(arg.value, Ref) and arg.value.text in known):
                self._expression(arg.value)


def kind_of(statement: Stmt) -> str:
    """The first word of a statement that names a block."""
    if isinstance(statement, Use):
        return "import"
    if isinstance(statement, Extern):
        return "extern"
    if isinstance(statement, Block):
        return statement.kind.text
    return statement.name.text if isinstance(statement, Setting | Declare) else ""


def _words(function: str, place: int, arg: Arg) -> frozenset[str]:
    """The words that a function's parameter takes as they are."""
    found: set[str] = set()
    for row in catalogue.functions(function):
        if arg.name is not None:
            parameter = row.parameter(arg.name.text)
        else:
            parameter = row.parameters[place] if place < len(row.parameters) else None
        if parameter is not None and parameter[1].startswith("enum:"):
            found.update(parameter[1].removeprefix("enum:").split("|"))
    return frozenset(found)


def _forms(parameters: Iterable[schema.Parameter], args: Iterable[Arg]) -> Iterator[Any]:
    """The form of each argument."""
    rows = list(parameters)
    by_name = {row.name: row for row in rows}
    places = iter(rows)
    rest: schema.Parameter | None = None
    for arg in args:
        if arg.name is not None:
            row = by_name.get(arg.name.text)
        else:
            row = rest or next(places, None)
            rest = row if row is not None and row.many else None
        yield None if row is None else row.form


def _of_one(form: Any, node: Expr) -> Any:
    """The form of several that the shape of a value fits."""
    for each in form[1:]:
        head = each if isinstance(each, str) else each[0]
        if head == "enum":
            if isinstance(node, Ref) and node.text in each[1:]:
                return each
            continue
        shapes: dict[str, type] = {"list": nodes.ListExpr, "range": nodes.Range, "call": Call, "tag": nodes.Literal}
        shape = shapes.get(head)
        if shape is None or isinstance(node, shape):
            return each
    return None


__all__ = ["Declared", "Names", "Place", "Target", "kind_of"]
