"""Binds a block: its statements to the rows of the schema, in one pass from top to bottom."""

from __future__ import annotations

from typing import Any

from mlspec.diagnostics import Edit, Note
from mlspec.source import Span
from mlspec.spec import schema
from mlspec.spec.columns import TYPES, bind_attributes, bind_column, type_of
from mlspec.spec.constants import INVALID, of_type
from mlspec.spec.constructors import default_item
from mlspec.spec.definitions import bind_definition
from mlspec.spec.estimators import bind_parameters
from mlspec.spec.expressions.context import Context, Operand
from mlspec.spec.expressions.names import of_column
from mlspec.spec.expressions.operators import short
from mlspec.spec.fields import convert, wanted
from mlspec.spec.findings import listing, nearest
from mlspec.spec.locals import as_local, local_names
from mlspec.spec.measured import JUDGED
from mlspec.spec.model import Block
from mlspec.spec.rows import rows_of
from mlspec.spec.rules import block_rules
from mlspec.spec.schema import Field, Kind
from mlspec.spec.scope import Scope, dotted
from mlspec.spec.values import Value
from mlspec.syntax import nodes
from mlspec.syntax.nodes import Declare, Define, Patch, Setting

Statement = nodes.Block | Setting | Declare | nodes.Extern


def bind_block(node: Statement, scope: Scope, parent: Block | None = None, quiet: bool = False) -> Block | None:
    """The checked block of a statement; None where its kind is unknown or its place is wrong."""
    keyword = nodes.Name(node.span, "extern") if isinstance(node, nodes.Extern) else _keyword(node)
    row = _kind(keyword, node, scope, parent)
    if row is None:
        if node.label is not None:
            scope.broken.add(node.label.text)
        return None
    before = scope.findings.errors
    label = node.label
    name = _name(label, row, scope)
    path = f"{parent.path}.{name or row.name}" if parent is not None else name or row.name
    head = (
        node.head if isinstance(node, nodes.Block | nodes.Extern) else (keyword.span.to(label.span) if label else keyword.span)
    )
    block = Block(row.name, name, path, node.span, head, node.doc)
    _label(row, block, node, scope)
    if not row.built and not quiet:
        scope.findings.add("MLS901", head, what=f"`{f'{row.name} {name}'.strip()}`")
    _Binder(row, block, scope, parent, quiet or not row.built).bind(node)
    scope.spec.spans.setdefault(path, head)
    if scope.findings.errors > before and row.built and _broken(scope, before):
        # What is given to a test may be wrong: the source whose name it bears is not.
        scope.broken.add(parent.name if parent is not None and parent.kind == "test" else name)
    return block


def _name(label: nodes.Name | None, row: Kind, scope: Scope) -> str:
    """The name of a block; of one whose label refers, as this file knows that block."""
    if label is None or "." not in label.text:
        return "" if label is None else label.text
    if row.label != "refers":
        last = label.text.rpartition(".")[2]
        scope.findings.add("MLS201", label.span, edits=[Edit(label.span, last)], what=f"the name of `{row.name}`", got=f"`{label.text}`",
                           wanted="a name without a dot", hint="what another file declares has its name there")  # fmt: skip
    return scope.whole(dotted(label)).text


def _broken(scope: Scope, before: int) -> bool:
    """Whether an error other than "not built yet" was found since `before`: what refers to the block is then not reported."""
    return any(found.code.id != "MLS901" and found.severity == "error" for found in scope.findings.found[before:])


def _keyword(node: nodes.Block | Setting | Declare) -> nodes.Name:
    return node.kind if isinstance(node, nodes.Block) else node.name


def _kind(keyword: nodes.Name, node: Statement, scope: Scope, parent: Block | None) -> Kind | None:
    """The schema row of a block's kind, if it may stand here in this form."""
    row = schema.kind(keyword.text)
    place = parent.kind if parent is not None else ""
    inner = schema.kind(place)
    allowed = schema.top_kinds() if inner is None else inner.blocks
    if row is None or keyword.text not in allowed:
        if row is not None:
            homes = " or ".join(f"`{home}`" for home in row.inside) or "the file"
            scope.wrong(keyword.text, keyword.span, f"block that stands in {homes}", "one of " + listing(allowed))
        else:
            label = node.label.text if node.label is not None else "field"
            hint = f"`set` names the block as well: `set BLOCK.{label} = …`" if keyword.text == "set" else ""
            scope.findings.unknown("MLS101", keyword.span, keyword.text, allowed, kind="block kind", hint=hint)
        return None
    form = _form(node)
    if form not in row.forms and not isinstance(node, nodes.Extern):
        shapes = {"block": "{ … }", "short": "NAME = …", "declare": "NAME: type"}
        ways = " or ".join(f"`{row.name} {shapes[way]}`" for way in row.forms)
        scope.findings.add(
            "MLS201", node.span, what=f"`{row.name}`", got=f"written as `{row.name} {shapes[form]}`", wanted=ways
        )
        return None
    return row


def _form(node: Statement) -> str:
    if isinstance(node, Setting):
        return "short"
    return "declare" if isinstance(node, Declare) else "block"


def _label(row: Kind, block: Block, node: Statement, scope: Scope) -> None:
    if row.label == "required" and not block.name:
        scope.nameless.add(row.name)
        scope.findings.add(
            "MLS106",
            block.head,
            kind="block",
            block=row.name,
            name="name",
            wanted="a name after the kind",
            fix=f"{row.name} NAME",
        )


class _Binder:
    """Fills one block from its statements."""

    def __init__(self, row: Kind, block: Block, scope: Scope, parent: Block | None, quiet: bool) -> None:
        self.row = row
        self.block = block
        self.scope = scope
        self.parent = parent
        self.quiet = quiet
        self.seen: dict[str, Span] = {}
        self.local: dict[str, Operand] | None = None

    def bind(self, node: Statement) -> None:
        if isinstance(node, Setting):
            self._short(node)
        elif isinstance(node, Declare):
            self._declare(node)
        else:
            self._body(node)

    def _context(self, where: str, role: str = "field") -> Context:
        context = Context(self.scope, self.block, role, where, None, rows_of(self.block, self.parent, self.scope.spec))
        context.quiet = self.quiet
        return context

    def _short(self, node: Setting) -> None:
        """`kind name = value`."""
        self._fields({"value": node}, only=("value",))
        if node.attrs:
            self.scope.findings.unknown("MLS101", node.attrs[0].name.span, node.attrs[0].name.text, (), kind="attribute")

    def _declare(self, node: Declare) -> None:
        """`param name: type = default` and `entity name: type`."""
        context = self._context(f"`{self.block.name}`")
        kind = type_of(node.type, context)
        attributes = bind_attributes(node.attrs, self.row.name, context)
        self.block.fields["attributes"] = Value(attributes, node.span)
        if kind is None:
            return
        self.block.fields["type"] = Value(kind, node.type.span)
        if self.row.name == "param":
            self._default(node, kind, context)

    def _default(self, node: Declare, kind: Any, context: Context) -> None:
        given = self.scope.parameters.pop(self.block.name, None)
        expression = given if given is not None else node.default
        if given is not None and node.default is not None:
            of_type(kind, node.default, context)
        if expression is None:
            self.scope.findings.add(
                "MLS106", self.block.head, kind="param", block=self.block.name, name="value", wanted=f"a value of type `{kind}`",
                fix=f"-p {self.block.name}=…",
            )  # fmt: skip
            return
        typed = of_type(kind, expression, context)
        if typed is not None:
            origin = "given" if given is None else f"-p {self.block.name}"
            self.block.fields["default"] = Value(typed, expression.span, origin)
            if given is not None:
                self.scope.overridden(self.block.name, None, self.block.fields["default"], "open", origin, None)

    def _body(self, node: nodes.Block | nodes.Extern) -> None:
        settings: dict[str, Setting] = {}
        rest: list[nodes.Stmt] = []
        for statement in node.body:
            if isinstance(statement, Setting) and statement.label is None:
                self._collect(statement, settings)
            else:
                rest.append(statement)
        extra = self._fields(settings)
        if self.row.open_fields is not None:
            bind_parameters(self.block, self.row, extra, self._context("a parameter"), self._patched)
        else:
            self._unknown_fields(extra)
        self._patch_defaults()
        if isinstance(node, nodes.Extern):
            from mlspec.spec.externs import bind_signature

            bind_signature(node, self.block, self._context(f"`{self.block.name}`"))
        self.block.later = {each.name.text: each.name.span for each in rest if isinstance(each, Define)}
        for statement in rest:
            self._statement(statement)
        block_rules(self.block, self.scope, self._context("the block"))

    def _collect(self, statement: Setting, settings: dict[str, Setting]) -> None:
        name = statement.name.text
        if name in settings:
            note = Note("first given here", settings[name].span)
            self.scope.findings.add("MLS102", statement.span, [note], kind="field", name=name)
            return
        settings[name] = statement
        self.scope.spec.spans[f"{self.block.path}.{name}"] = statement.span

    def _fields(self, settings: dict[str, Setting], only: tuple[str, ...] | None = None) -> dict[str, Setting]:
        """Converts the fields of the schema in its order; returns the settings that are none of them."""
        short = only is not None
        for name, field in self.row.fields.items():
            if (name == "value") != short and name == "value":
                continue
            statement = settings.get(name) if not short or name == "value" else None
            if statement is not None:
                self._field(field, statement)
            elif field.required and (not short or name == "value"):
                self._missing(field)
            elif not field.required and field.default is not None and (not short or name in _COMMON):
                self.block.fields[name] = Value(default_item(field.default, field.form), None, "default")
        return {
            name: statement
            for name, statement in settings.items()
            if name not in self.row.fields or (name == "value" and not short)
        }

    def _field(self, field: Field, statement: Setting) -> None:
        if not field.built:
            self._context("").not_built(f"field `{field.name}`", statement.name.span)
        if statement.attrs:
            attr = statement.attrs[0]
            self.scope.findings.add(
                "MLS104", attr.span, name=f"@{attr.name.text}", got="an attribute", wanted="a field without attributes"
            )
        item = convert(field.form, statement.value, self._context(f"`{field.name}`"))
        if item is INVALID:
            return
        value = Value(item, statement.value.span)
        self.block.fields[field.name] = self._patched(field.name, field.form, field.override, value)

    def _patched(self, name: str, form: Any, override: str, value: Value | None) -> Value:
        """The value after the chosen env: its patch, if it has one and the field may be overridden."""
        patch = self.scope.patches.get(f"{self.block.path}.{name}")
        if patch is None or override == "locked":
            assert value is not None
            return value
        mark = len(self.scope.findings.found)
        item = convert(form, patch.value, self._context(f"`{name}`"))
        self.scope.findings.take_back(mark)  # the env block itself reports it
        if item is INVALID:
            assert value is not None
            return value
        patched = Value(item, patch.value.span, f"env {self.scope.env}")
        self.scope.overridden(f"{self.block.path}.{name}", value, patched, override, f"env {self.scope.env}", patch.span)
        return patched

    def _patch_defaults(self) -> None:
        """Lets the chosen env set fields that the block leaves to their default."""
        for name, field in self.row.fields.items():
            value = self.block.fields.get(name)
            if f"{self.block.path}.{name}" in self.scope.patches and (value is None or value.origin == "default"):
                patched = self._patched(name, field.form, field.override, value or Value(None, None, "default"))
                if patched.item is not None:
                    self.block.fields[name] = patched

    def _missing(self, field: Field) -> None:
        kind = self.row.name if self.block.name else "block"
        self.scope.findings.add(
            "MLS106", self.block.head, kind=kind, block=self.block.name or self.row.name,
            name=field.name, wanted=wanted(field.form), fix=f"{field.name} = …",
        )  # fmt: skip

    def _unknown_fields(self, extra: dict[str, Setting]) -> None:
        for name, statement in extra.items():
            known = [field for field in self.row.fields if field != "value"]
            if nearest(name, known) or not self._meant_other_mark(statement, known):
                hint = "" if nearest(name, known) else "what mlspec does not know is never ignored: remove it"
                self.scope.findings.unknown(
                    "MLS105", statement.name.span, name, known, noun="field", kind=f"`{self.row.name}`", hint=hint
                )

    def _meant_other_mark(self, statement: Setting, known: list[str]) -> bool:
        """Reports `age = int` and `gain = log1p(…)` where `:` and `:=` are meant; False where neither can be."""
        name, span = statement.name.text, statement.value.span
        first = statement.value.callee.text if isinstance(statement.value, nodes.Call) else span.text
        mark = Span(span.source, statement.name.span.end, span.start)
        if self.row.columns and first in TYPES:
            hint, edit = f"a column is declared by `:`: `{name}: {short(span)}`", Edit(mark, ": ")
        elif self.row.role is not None and (self.row.role == "part" or not isinstance(statement.value, nodes.Literal)):
            role = schema.role(self.row.role)
            hint, edit = f"{role.noun} is defined by `:=`: `{name} := {short(span)}`", Edit(mark, " := ")
        else:
            return False
        self.scope.findings.add("MLS105", statement.name.span, edits=[edit], noun="field", kind=f"`{self.row.name}`", name=name,
                                known=listing(known), hint=hint)  # fmt: skip
        return True

    def _statement(self, statement: nodes.Stmt) -> None:
        if isinstance(statement, Declare) and statement.label is None:
            self._column(statement)
        elif isinstance(statement, Define):
            self._definition(statement)
        elif isinstance(statement, nodes.Block | Setting | Declare | nodes.Extern):
            self._nested(statement)
        elif isinstance(statement, Patch) and self.row.name == "env":
            return
        else:
            got = "patch" if isinstance(statement, Patch) else "statement of the file"
            self.scope.wrong(statement.span.text.split()[0], statement.span, got, f"a statement of `{self.row.name}`")

    def _name_free(self, name: str, span: Span, noun: str) -> bool:
        """Whether a name is new in this block; names differ by more than case."""
        first = self.seen.setdefault(name.lower(), span)
        if first is span:
            return True
        self.scope.findings.add("MLS102", span, [Note("first declared here", first)], kind=noun, name=name)
        return False

    def _column(self, statement: Declare) -> None:
        if not self.row.columns:
            defined = self.row.role is not None and statement.name.text not in self.row.fields
            hint = f"`{statement.name.text} := …` defines {schema.role(self.row.role or '').noun}" if defined else ""
            self.scope.wrong(statement.name.text, statement.name.span, "column", f"a statement of `{self.row.name}`", hint=hint)
            return
        if not self._name_free(statement.name.text, statement.name.span, "column"):
            return
        self._shadows(statement.name)
        column = bind_column(statement, self.block, self._context(f"`{statement.name.text}`"))
        self.scope.spec.spans[f"{self.block.path}.{statement.name.text}"] = statement.span
        if column is not None:
            self.block.columns[column.name] = column
            if self.local is not None:
                self.local[column.name] = of_column(column, column.span, True)

    def _shadows(self, name: nodes.Name) -> None:
        """Reports a local name that the file also declares (108)."""
        other = self.scope.declared.get(name.text)
        if other is not None:
            note = Note("declared here", other.span)
            self.scope.findings.add("MLS108", name.span, [note], name=name.text, got=f"the {other.kind}")

    def _definition(self, statement: Define) -> None:
        if self.row.role is None or (self.row.name == "search" and statement.name.text in self.row.fields):
            self.scope.wrong(
                statement.name.text, statement.span, "definition", f"a statement of `{self.row.name}`",
                hint=f"a field is set by `=`: `{statement.name.text} = …`" if statement.name.text in self.row.fields else "",
            )  # fmt: skip
            return
        role = schema.role(self.row.role)
        if not self._name_free(statement.name.text, statement.name.span, role.name):
            return
        if role.name not in ("logged", "part"):
            self._shadows(statement.name)
        self.scope.spec.spans[f"{self.block.path}.{statement.name.text}"] = statement.span
        context = self._context(f"{role.noun}", role.name)
        if self.local is None:
            self.local = local_names(self.block, self.parent, self.scope)
        context.local = self.local
        bind_definition(statement, role, self.block, context)
        if role.name not in ("logged", "part"):
            self.local[statement.name.text] = as_local(self.block, statement.name.text)

    def _nested(self, statement: nodes.Block | Setting | Declare | nodes.Extern) -> None:
        nested = bind_block(statement, self.scope, self.block, self.quiet)
        if nested is None:
            return
        row = schema.kind(nested.kind)
        if row is not None and row.label != "refers" and nested.name:
            self._name_free(nested.name, nested.head, nested.kind)
        elif row is not None and row.label == "refers":
            self._refers(statement, nested)
        self.block.blocks.append(nested)

    def _refers(self, statement: nodes.Block | Setting | Declare | nodes.Extern, nested: Block) -> None:
        if statement.label is not None:
            ref = dotted(statement.label)
            homes = ("source", *JUDGED) if nested.kind == "given" else ("source",)
            convert(("ref", *homes), ref, self._context(f"`{nested.kind}`"))


_COMMON = frozenset(("cpu", "memory", "gpu", "time_limit", "retry", "image"))
