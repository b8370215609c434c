"""Every block of the spec with every field that its kind has: the value, whether it was given, the default, and what it means."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.doc.pages.site import framed
from mlspec.doc.subject import Subject, cites
from mlspec.page.frame import Page, anchor, section, table, tag
from mlspec.page.html import Html, el, join, prose
from mlspec.spec import schema
from mlspec.spec.model import Block
from mlspec.spec.text import default_text, form_text, value_text
from mlspec.spec.values import Value


class _Marks:
    """Anchors that each stand once: blocks inside others may go by one path, as the rows given to one test do."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def of(self, path: str) -> str:
        self._used[path] = self._used.get(path, 0) + 1
        return anchor(path) if self._used[path] == 1 else f"{anchor(path)}-again{self._used[path]}"


def fields_page(subject: Subject) -> Page:
    """A section a block, nested ones behind the block that holds them."""
    ordered = sorted(subject.spec.taken, key=lambda block: (block.kind != "spec", not block.name))
    blocks, marks = list(_with_nested(ordered)), _Marks()
    ids = [marks.of(f"b.{block.kind}.{block.path}") for block in blocks]
    parts = [_block(subject, block, id_, marks) for block, id_ in zip(blocks, ids, strict=True)]
    listed = [(id_, f"{block.kind} {block.name}".strip()) for block, id_ in zip(blocks, ids, strict=True)]
    summary = "Values that the spec leaves out have the documented default of its edition."
    return framed(subject, "fields.html", join(parts), summary=summary, sections=listed, title="Every block and field")


def _with_nested(blocks: list[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        yield from _with_nested(block.blocks)


def _block(subject: Subject, block: Block, id_: str, marks: _Marks) -> Html:
    row = schema.kind(block.kind)
    parts: list[object] = [el("p", block.doc) if block.doc else None, el("p", prose(row.doc), class_="note") if row else None]
    fields = list(_fields(subject, block, marks))
    if fields:
        parts.append(
            table(["Field", "Value", "Default", "Override", "What it is"], fields, label=f"Fields of {block.kind} {block.path}")
        )
    statements = _statements(subject, block)
    if statements:
        parts.append(table(["Name", "Written as", "Where"], statements, label=f"Statements of {block.kind} {block.path}"))
    title = f"{block.kind} {block.path}".strip()
    return section(title, cites([subject.cite(block.head)]), parts, code=True, id_=id_)


def _fields(subject: Subject, block: Block, marks: _Marks) -> Iterator[Html]:
    row = schema.kind(block.kind)
    names = [*row.fields] if row is not None else []
    for name in [*names, *(name for name in block.fields if name not in names)]:
        value = block.fields.get(name)
        field = row.fields.get(name) if row is not None else None
        if value is None and (field is None or not field.built):
            continue
        if value is not None and isinstance(value.item, dict | list):
            continue  # attributes and types of a declaration: its statement shows them
        yield _field(subject, name, value, field, marks.of(f"{block.path}.{name}"))


def _field(subject: Subject, name: str, value: Value | None, field: schema.Field | None, id_: str) -> Html:
    given = value is not None and value.origin != "default"
    shown = "none" if value is None or value.item is None else value_text(value, field)
    if field is not None and field.form == "rows":
        shown = "rows, not shown here"  # literal rows of a test may hold values of tagged columns
    default = "" if field is None else "required" if field.required else default_text(field.default, field.form)
    origin = tag(value.origin, "warn") if value is not None and given and value.origin != "given" else None
    place = subject.cite(value.span) if value is not None and given else None
    cell = join(
        [
            el("code", shown),
            " ",
            origin,
            el("small", subject.line(value.span)) if value is not None and place is not None else None,
        ]
    )
    meaning = "a parameter of the estimator" if field is None else prose(field.doc)
    takes = None if field is None else el("small", prose(form_text(field.form)))
    return el("tr", el("th", name, scope="row"), el("td", cell, class_="text" if given else "text dim"), el("td", el("code", default), class_="nowrap" if len(default) < 24 else None),
              el("td", field.override if field else ""), el("td", meaning, takes, class_="text"), id=id_)  # fmt: skip


def _statements(subject: Subject, block: Block) -> list[Html]:
    items = (*block.columns.values(), *block.parts.values(), *block.definitions.values())
    return [
        el("tr", el("th", item.name, scope="row"), el("td", el("code", " ".join(item.span.text.split())), el("small", item.doc) if item.doc else None,
           class_="text"), el("td", subject.line(item.span)))
        for item in items
    ]  # fmt: skip
