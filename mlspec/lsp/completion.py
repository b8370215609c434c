"""What may be written where the cursor stands: from the schema, the catalogue and the names that are declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lsprotocol import types

from mlspec import catalogue
from mlspec.lsp import describe, wanted
from mlspec.lsp.analysis import Analysis
from mlspec.lsp.cursor import Cursor
from mlspec.lsp.names import Names, Target
from mlspec.lsp.signature import field_at
from mlspec.lsp.workspace import Workspace
from mlspec.spec import schema
from mlspec.spec.columns import TYPES
from mlspec.spec.expressions.names import members as members_of
from mlspec.spec.locals import AMBIENT
from mlspec.spec.rows import rows_of
from mlspec.syntax.layout import EDITIONS
from mlspec.syntax.numbers import UNITS

Kind = types.CompletionItemKind
Item = types.CompletionItem
_NUMBERS = frozenset(("INT", "FLOAT", "BAD_LITERAL"))


def completion(workspace: Workspace, params: types.CompletionParams) -> types.CompletionList:
    """The items for a position."""
    analysis = workspace.analysis(params.text_document.uri)
    cursor = Cursor(analysis, analysis.positions.offset(params.position))
    items = [] if cursor.inside_comment else _Offer(workspace, analysis, cursor).items()
    unique = {item.label: item for item in reversed(items)}
    return types.CompletionList(
        is_incomplete=False, items=[unique[label] for label in dict.fromkeys(item.label for item in items)]
    )


def resolve(workspace: Workspace, item: Item) -> Item:
    """The same item with its documentation, which is worked out only for the one that is looked at."""
    data = item.data
    if isinstance(data, list | tuple) and len(data) == 3 and all(isinstance(part, str) for part in data):
        item.documentation = _markdown(describe.of_target(workspace, Target(*data)))
    return item


def _markdown(text: str) -> types.MarkupContent | None:
    return types.MarkupContent(types.MarkupKind.Markdown, text) if text else None


def item(label: str, kind: Kind, doc: str = "", detail: str = "", insert: str = "", rank: int = 5) -> Item:
    """One item; `insert` is a snippet, and items of a low `rank` come first."""
    return Item(
        label=label, kind=kind, detail=detail or None, documentation=_markdown(doc), insert_text=insert or None,
        insert_text_format=types.InsertTextFormat.Snippet if insert else None, sort_text=f"{rank}{label}",
    )  # fmt: skip


class _Offer:
    """The items for one cursor."""

    def __init__(self, workspace: Workspace, analysis: Analysis, cursor: Cursor) -> None:
        self._workspace = workspace
        self._analysis = analysis
        self._cursor = cursor
        self._row = None if cursor.block is None else schema.kind(cursor.block.kind)

    def items(self) -> list[Item]:
        cursor = self._cursor
        first = cursor.before[0].text if cursor.before else ""
        if cursor.inside_text:
            return self._files() if first == "use" else []
        if cursor.current is not None and cursor.current.type in _NUMBERS and cursor.current.end >= cursor.offset:
            return self._units()
        if cursor.last == "AT":
            return self._attributes()
        if first == "mlspec" and not cursor.blocks:
            return [item(edition, Kind.Value) for edition in EDITIONS]
        if first == "set" and cursor.block is not None and cursor.block.kind == "env" and not cursor.mark:
            return self._patch()
        if cursor.dotted:
            return self._members(cursor.dotted)
        if not cursor.before:
            return self._statements()
        return self._values()

    # ---- statements

    def _statements(self) -> list[Item]:
        if self._cursor.block is None:
            kinds = [self._block(name) for name in schema.top_kinds()]
            use = item(
                "use",
                Kind.Keyword,
                "Imports the blocks of another file.",
                insert='use "./${1:file}.mlspec" as ${2:name}',
                rank=6,
            )
            header = [] if self._cursor.tokens else [item("mlspec", Kind.Keyword, insert=f"mlspec {EDITIONS[-1]}\n", rank=0)]
            return [*header, *kinds, use]
        if self._cursor.block.kind == "env":
            return [
                item(
                    "set",
                    Kind.Keyword,
                    "Puts a value in place of the file's, in this environment.",
                    insert="set ${1:block.field} = $0",
                )
            ]
        if self._row is None:
            return []
        given = self._given()
        fields = [
            item(
                name, Kind.Property, describe.of_field(self._row, field), "required" if field.required else "",
                f"{name} = $0", 0 if field.required else 3 if name not in _LATE else 4,
            )
            for name, field in self._row.fields.items()
            if name not in given and name != "value" and field.built
        ]  # fmt: skip
        return [*fields, *self._parameters(given), *(self._block(name) for name in self._row.blocks)]

    def _block(self, name: str) -> Item:
        row = schema.kind(name)
        assert row is not None
        label = "" if row.label == "none" else " ${1:name}"
        body = {"block": " {\n  $0\n}", "short": " = $0", "declare": ": ${2:type}$0"}[row.forms[0]]
        return item(
            name,
            Kind.Class,
            describe.of_kind(row),
            "" if row.built else "not built yet",
            f"{name}{label}{body}",
            5 if row.built else 9,
        )

    def _given(self) -> set[str]:
        """The fields that the block at the cursor has already."""
        name = self._cursor.path.rpartition(".")[2]
        kind = "" if self._cursor.block is None else self._cursor.block.kind
        return {field for each in self._around() if (each.kind, each.name) == (kind, name) for field in each.fields}

    def _around(self) -> Iterator[wanted.Written]:
        yield from wanted.written_blocks(self._analysis.tree)

    def _parameters(self, given: set[str]) -> list[Item]:
        """The parameters of the estimator that the block names."""
        key = next((each.estimator for each in self._around() if each.name == self._cursor.path.rpartition(".")[2]), "")
        estimator = catalogue.estimator(key) if self._row is not None and self._row.open_fields is not None else None
        if estimator is None:
            return []
        return [
            item(name, Kind.Field, describe.of_parameter(key, name, row), key, f"{name} = $0", 4)
            for name, row in estimator.parameters.items()
            if name not in given and not row.get("runtime") and not row.get("deprecated")
        ]

    # ---- values

    def _values(self) -> list[Item]:
        cursor = self._cursor
        call = cursor.call
        if call is not None and call.attribute:
            attribute = schema.attribute(call.callee)
            return [] if attribute is None else self._arguments(attribute, call.place, call.argument, call.given)
        if cursor.mark == ":":
            return self._types() if cursor.last in ("COLON", "LPAR") else []
        if cursor.mark == "=":
            return self._field_value()
        if cursor.mark == ":=":
            return self._expression()
        return []

    def _types(self) -> list[Item]:
        entities = [item(target.block, Kind.Class) for target in self._names.declared if self._noun(target) == "entity"]
        if self._cursor.last == "LPAR":
            return [*entities, *(item(name, Kind.TypeParameter) for name in TYPES)]
        return [item(name, Kind.TypeParameter) for name in TYPES]

    def _field_value(self) -> list[Item]:
        cursor = self._cursor
        form: Any = None
        field = field_at(cursor)
        call = cursor.call
        if cursor.before[0].text == "set":
            field = self._patched_field()
        if field is not None:
            form = field.form
        elif self._row is not None and self._row.open_fields is not None:
            form = ("one", ("call", "space"), *self._options())
        if call is not None:
            for group in wanted.groups(form):
                row = schema.constructor(group, call.callee)
                if row is not None:
                    return self._arguments(row, call.place, call.argument, call.given)
        return self._of_form(form) if form is not None else self._expression()

    def _options(self) -> list[Any]:
        """The words that the parameter of an estimator takes."""
        key = next((each.estimator for each in self._around() if each.name == self._cursor.path.rpartition(".")[2]), "")
        estimator = catalogue.estimator(key)
        row = {} if estimator is None else estimator.parameters.get(self._cursor.before[0].text, {})
        return [("quoted", *row.get("options", ())), *(["bool"] if "bool" in row.get("types", ()) else [])]

    def _arguments(
        self, row: schema.Constructor | schema.Attribute, index: int, argument: str, given: tuple[str, ...]
    ) -> list[Item]:
        """The values of the parameter at the cursor, then the names of those that follow."""
        by_name = {one.name: one for one in row.parameters}
        parameter = by_name.get(argument)
        names: list[Item] = []
        if parameter is None:
            parameter = row.parameters[index] if index < len(row.parameters) else None
            if self._cursor.last in ("LPAR", "COMMA"):
                names = [
                    item(f"{one.name}:", Kind.Field, one.doc, insert=f"{one.name}: $0", rank=6)
                    for one in row.parameters[index:]
                    if one.name not in given
                ]
        return [*(self._of_form(parameter.form) if parameter is not None else []), *names]

    def _of_form(self, form: Any) -> list[Item]:
        """What a form takes."""
        head = form if isinstance(form, str) else form[0]
        rest: tuple[Any, ...] = () if isinstance(form, str) else form[1:]
        if head == "one":
            return [found for each in rest for found in self._of_form(each)]
        if head in ("list", "range"):
            return self._of_form(rest[0])
        if head == "enum":
            return [item(word, Kind.EnumMember, rank=1) for word in rest]
        if head == "quoted":
            return [item(f'"{word}"', Kind.EnumMember, rank=1) for word in rest]
        if head == "call":
            return [found for name in schema.constructors(rest[0]) if (found := self._constructor(rest[0], name))]
        if head == "bool":
            return [item(word, Kind.Keyword, rank=1) for word in ("true", "false")]
        if head == "metric":
            return [self._metric(name, called=False) for name in catalogue.metric_names()]
        if head == "estimator":
            return [item(name, Kind.Class, rank=1) for name in catalogue.estimator_names()]
        if head == "tag":
            return [item(f'{rest[0]}"""…"""', Kind.Text, insert=f'{rest[0]}"""\n$0\n"""', rank=1)]
        return self._names_of_form(head, rest)

    def _names_of_form(self, head: str, kinds: tuple[str, ...]) -> list[Item]:
        """Declared names that fit a form."""
        if head == "ref":
            return self._blocks(kinds)
        if head in ("features", "secret"):
            return self._blocks((head,))
        if head == "model":
            models = self._blocks(("model", "train", "compress"))
            return [*models, *(item(f"{one.label}.best", Kind.Class, rank=1) for one in self._blocks(("search",)))]
        if head == "part":
            return self._dotted("part")
        if head == "label":
            return [*self._dotted("column"), *self._dotted("derived")]
        if head in ("column", "foreign_column"):
            return [*self._own_columns(), *self._blocks(("source", "frame"))]
        return []

    def _constructor(self, group: str, name: str) -> Item | None:
        row = schema.constructor(group, name)
        if row is None:
            return None
        inner = "$0" if row.parameters else ""
        return item(
            name, Kind.Function, describe.of_call(row), describe.call_text(row), f"{name}({inner})", 1 if row.built else 8
        )

    # ---- expressions and names

    @property
    def _names(self) -> Names:
        return self._analysis.names

    def _noun(self, target: Target) -> str:
        return self._names.declared[target].noun

    def _blocks(self, kinds: Iterable[str]) -> list[Item]:
        wanted_kinds = frozenset(kinds)
        found = [self._of_target(target, target.block) for target in self._names.declared
                 if not target.member and self._noun(target) in wanted_kinds]  # fmt: skip
        return [*found, *self._imports()]

    def _imports(self) -> list[Item]:
        return [item(alias, Kind.Module, rank=6) for alias in self._analysis.imports]

    def _dotted(self, noun: str) -> list[Item]:
        """Members as `block.member`."""
        return [self._of_target(target, f"{target.block}.{target.member}") for target in self._names.declared
                if target.member and self._noun(target) == noun and "." not in target.block]  # fmt: skip

    def _of_target(self, target: Target, label: str) -> Item:
        kind = Kind.Field if self._noun(target) == "column" else Kind.Variable if target.member else Kind.Class
        found = item(label, kind, detail=self._noun(target), rank=1)
        found.data = list(target)
        return found

    def _own_columns(self) -> list[Item]:
        """The columns of the rows that the block works on."""
        spec = self._analysis.spec
        block = None if spec is None or self._cursor.block is None else spec.blocks.get(self._cursor.blocks[0].name)
        rows = rows_of(block, None, spec) if block is not None and spec is not None else None
        if rows is None:
            return []
        file = rows.head.source.name
        return [self._column(Target(file, rows.name, name), name) for name in rows.columns]

    def _column(self, target: Target, label: str) -> Item:
        found = item(label, Kind.Field, detail="column", rank=1)
        found.data = list(target)
        return found

    def _expression(self) -> list[Item]:
        role = None if self._row is None else self._row.role
        own = [self._of_target(target, target.member) for target in self._names.members(self._cursor.path)
               if target.member != self._cursor.before[0].text and self._noun(target) not in ("logged", "part")]  # fmt: skip
        levels = {"check": ("check", "row"), "alert": ("live", "interval", "row"), "guard": ("live", "interval", "row"),
                  "gate": ("interval", "row"), "measure": ("interval", "row"), "part": ()}.get(role or "", ("row", "fitted", "history"))  # fmt: skip
        functions = [
            item(
                name,
                Kind.Function,
                describe.of_callable(name),
                describe.signature(name, row.parameters),
                f"{name}($0)",
                4 if row.built else 9,
            )
            for name in catalogue.function_names()
            for row in catalogue.functions(name)
            if row.level in levels
        ]
        metrics = (
            [self._metric(name) for name in catalogue.metric_names()]
            if role in ("gate", "constraint", "measure", "alert", "guard")
            else []
        )
        blocks = [
            self._of_target(target, target.block)
            for target in self._names.declared
            if not target.member and self._noun(target) in _READ
        ]
        ambient = [item(name, Kind.Variable, rank=2) for name in AMBIENT] if role in ("logged", "guard", "alert") else []
        words = [
            item(word, Kind.Keyword, rank=7)
            for word in ("if", "then", "else", "and", "or", "not", "in", "true", "false", "null")
        ]
        return [*own, *ambient, *metrics, *functions, *blocks, *self._imports(), *words]

    def _metric(self, name: str, called: bool = True) -> Item:
        row = catalogue.metric(name)
        assert row is not None
        return item(
            name, Kind.Function, describe.of_metric(row), "metric", f"{name}($0)" if called else "", 3 if row.built else 9
        )

    def _members(self, heads: list[str]) -> list[Item]:
        """What stands behind a dot."""
        spec = self._analysis.spec
        path = self._analysis.imports.get(heads[0])
        if path is not None:
            names = self._workspace.of_file(path).names
            found = [
                target
                for target in names.declared
                if (target.block == heads[1] and target.member if len(heads) > 1 else not target.member)
            ]
            return [
                item(target.member or target.block, Kind.Field, detail=names.declared[target].noun, rank=1) for target in found
            ]
        members = [self._of_target(target, target.member) for target in self._names.members(heads[0])]
        block = None if spec is None else spec.blocks.get(heads[0])
        brought = [] if block is None else [item(name, Kind.Property, rank=2) for name in members_of(block)]
        estimators = [
            item(name.partition(".")[2], Kind.Class) for name in catalogue.estimator_names() if name.startswith(f"{heads[0]}.")
        ]
        return [*members, *brought, *estimators]

    # ---- the rest

    def _attributes(self) -> list[Item]:
        role = "column" if self._cursor.mark == ":" else (self._row.role if self._row is not None else None)
        if self._cursor.block is None:
            role = "entity"
        taken = {
            token.text
            for before, token in zip(self._cursor.before, self._cursor.before[1:], strict=False)
            if before.type == "AT"
        }
        found = []
        for name in schema.attributes_of(role or ""):
            row = schema.attribute(name)
            if row is not None and name not in taken:
                insert = f"{name}($0)" if any(one.required for one in row.parameters) else name
                found.append(item(name, Kind.Keyword, describe.of_call(row), f"@{describe.call_text(row)}", insert))
        return found

    def _units(self) -> list[Item]:
        assert self._cursor.current is not None
        digits = self._cursor.current.text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%")
        where = self._analysis.positions.range(self._cursor.current.start, self._cursor.offset)
        found = [item(f"{digits}{unit}", Kind.Unit, detail=terminal.lower()) for unit, (terminal, _) in UNITS.items()]
        for one in found:
            one.text_edit = types.TextEdit(where, one.label)
        return found

    def _patched_field(self) -> schema.Field | None:
        names = [token.text for token in self._cursor.before if token.type == "NAME"]
        kind = next((each.kind for each in self._around() if len(names) > 1 and each.name == names[1]), "")
        row = schema.kind(kind)
        return None if row is None else row.fields.get(names[-1])

    def _patch(self) -> list[Item]:
        """A block, then its fields that an env may set."""
        heads = self._cursor.dotted
        if not heads:
            return [self._of_target(target, target.block) for target in self._names.declared if not target.member]
        row = schema.kind(next((each.kind for each in self._around() if each.name == heads[0]), ""))
        if row is None:
            return []
        return [item(name, Kind.Property, describe.of_field(row, field), field.override, rank=1)
                for name, field in row.fields.items() if field.override != "locked" and name != "value"]  # fmt: skip

    def _files(self) -> list[Item]:
        """Specs that may be imported, relative to this one."""
        import os

        folder = os.path.dirname(self._analysis.path)  # noqa: PTH120
        found = [os.path.relpath(path, folder).replace(os.sep, "/") for path in self._workspace.project_files(self._analysis.path)
                 if path != self._analysis.path]  # fmt: skip
        return [item(path if path.startswith("..") else f"./{path}", Kind.File) for path in found]


_LATE = frozenset(("cpu", "memory", "gpu", "time_limit", "retry", "image"))
_READ = frozenset(("param", "source", "frame", "features", "split", "model", "search", "train", "compress", "extern", "prompt"))
