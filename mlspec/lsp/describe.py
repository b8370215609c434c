"""What hover, completion and signature help say of blocks, fields, functions, metrics, types, attributes and literals: Markdown."""

from __future__ import annotations

from typing import Any

from mlspec import catalogue
from mlspec.catalogue import Function, Metric
from mlspec.lsp.names import Target
from mlspec.lsp.workspace import Workspace
from mlspec.spec import schema
from mlspec.spec.kinds import LEVELS, TAINTS
from mlspec.spec.model import Block, Column, Definition, Part
from mlspec.spec.text import default_text, form_text, value_text

_OVERRIDES = {
    "open": "an env may set it",
    "guarded": "an env that sets it cannot release",
    "locked": "the same in every environment",
}
_NOT_BUILT = "Not built in this version."


def code(text: str) -> str:
    """A block of mlspec."""
    return f"```mlspec\n{text}\n```"


def paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def of_kind(row: schema.Kind) -> str:
    """A block kind."""
    return paragraphs(code(f"{row.name} …"), row.doc, "" if row.built else _NOT_BUILT)


def of_field(row: schema.Kind, field: schema.Field) -> str:
    """A field of a kind: what it takes, its default, who may override it."""
    default = "required" if field.required else f"default `{default_text(field.default, field.form)}`"
    facts = f"{form_text(field.form)}; {default}; {_OVERRIDES.get(field.override, field.override)}"
    return paragraphs(
        code(f"{field.name} = …"), field.doc, facts, "" if field.built else _NOT_BUILT, f"A field of `{row.name}`."
    )


def of_parameter(estimator: str, name: str, row: dict[str, Any]) -> str:
    """A parameter of an estimator."""
    options = ", ".join(f"`{option}`" for option in row.get("options", ()))
    ranges = ", ".join(_range(each) for each in row.get("ranges", ()))
    return paragraphs(
        code(f"{name} = …"),
        f"A parameter of `{estimator}`; {' or '.join(row.get('types', ())) or 'a constant'}; default `{row.get('default')}`.",
        f"One of {options}." if options else "",
        f"In {ranges}." if ranges else "",
    )


def _range(row: list[Any]) -> str:
    _, low, high, closed = row
    left, right = "[" if closed in ("left", "both") else "(", "]" if closed in ("right", "both") else ")"
    return f"{left}{'−∞' if low is None else low}, {'∞' if high is None else high}{right}"


def of_function(row: Function) -> str:
    """A function of the catalogue."""
    facts = f"{row.level} level; result {row.result}; nulls {row.null}; taint {row.taint}"
    formula = f"`{row.formula}`" if row.formula else ""
    source = f"After {row.source}." if row.source else ""
    return paragraphs(
        code(signature(row.name, row.parameters)), row.doc, formula, facts, source, "" if row.built else _NOT_BUILT
    )


def of_metric(row: Metric) -> str:
    """A metric of a model."""
    facts = f"{' and '.join(row.tasks)}; {row.type}; {row.direction} is better; interval: {row.interval}"
    head = code(signature(row.name, (("model", "model", ...), *row.parameters)))
    return paragraphs(
        head, row.doc, f"`{row.formula}`" if row.formula else "", facts, f"After {row.source}." if row.source else ""
    )


def of_call(row: schema.Constructor | schema.Attribute) -> str:
    """A constructor of a field's value, or an attribute."""
    mark = "@" if isinstance(row, schema.Attribute) else ""
    lines = [f"* `{one.name}`: {form_text(one.form)}. {one.doc}" for one in row.parameters]
    built = "" if getattr(row, "built", True) else _NOT_BUILT
    return paragraphs(code(mark + call_text(row)), row.doc, "\n".join(lines), built)


def call_text(row: schema.Constructor | schema.Attribute) -> str:
    """`folds(count, stratify: …)`."""
    return f"{row.name}({', '.join(parameter_text(one) for one in row.parameters)})"


def parameter_text(row: schema.Parameter) -> str:
    star = "*" if row.many else ""
    return f"{star}{row.name}" if row.required else f"{star}{row.name}: {default_text(row.default, row.form)}"


def signature(name: str, parameters: tuple[tuple[str, str, Any], ...]) -> str:
    """`round(x: number, digits: const:int = 0)`."""
    return f"{name}({', '.join(catalogue_parameter(row) for row in parameters)})"


def catalogue_parameter(row: tuple[str, str, Any]) -> str:
    """One parameter of a function as a signature shows it."""
    name, kind, default = row
    shown = kind.removeprefix("const:").removeprefix("enum:").replace("|", " | ")
    return f"{name}: {shown}" if default is ... or name.startswith("*") else f"{name}: {shown} = {default}"


def of_callable(name: str) -> str:
    """Whatever the catalogue has under a name."""
    metric = catalogue.metric(name)
    found = [of_function(row) for row in catalogue.functions(name)]
    return "\n\n---\n\n".join([*found, *([of_metric(metric)] if metric is not None else [])])


def of_target(workspace: Workspace, target: Target) -> str:
    """A block, column, definition or part: what it is, its type, level and tags, where it comes from and who reads it."""
    analysis = workspace.of_file(target.file)
    declared = analysis.names.declared.get(target)
    if declared is None:
        return ""
    spec = analysis.spec
    name, *inner = target.block.split(".")
    block = None if spec is None else spec.blocks.get(name) or next((each for each in spec.unnamed if each.name == name), None)
    for part in inner:
        block = None if block is None else next((each for each in block.blocks if each.name == part), None)
    if not target.member:
        row = schema.kind(declared.noun)
        head = " ".join(declared.whole.text.partition("\n")[0].removesuffix("{").split())
        return paragraphs(code(head), _doc(declared.node), row.doc if row is not None else "", _reads(workspace, target))
    head = code(" ".join(declared.whole.text.split()) if "\n" not in declared.whole.text else declared.whole.text)
    facts = "" if block is None else _member(block, target.member)
    return paragraphs(
        head,
        _doc(declared.node),
        f"{declared.noun} of `{target.block}`{'; ' + facts if facts else ''}",
        _reads(workspace, target),
    )


def _doc(node: object) -> str:
    return str(getattr(node, "doc", ""))


def _member(block: Block, name: str) -> str:
    """Type, level, taint and tags of what a block declares."""
    item = block.columns.get(name) or block.definitions.get(name) or block.parts.get(name)
    if isinstance(item, Column):
        tags = "".join(f" @{tag}" for tag in item.tags)
        come = block.fields.get("from")
        origin = f"; from `{value_text(come, None)}`" if come is not None else ""
        return f"type `{item.type}`{f'; tags{tags}' if tags else ''}{_taint(item.taint)}{origin}"
    if isinstance(item, Definition):
        level = LEVELS[item.value.level]
        return f"type `{item.value.type}`; level {level}{_taint(item.value.taint)}"
    if isinstance(item, Part):
        return f"{item.share:.0%} of the rows" if item.share is not None else "an interval of time"
    return ""


def _taint(taint: int) -> str:
    return f"; personal data: {TAINTS[taint]}" if taint else ""


def _reads(workspace: Workspace, target: Target) -> str:
    from mlspec.lsp.lineage import lineage

    found = lineage(workspace)
    lines = []
    for word, names in (("Reads", found.read_by(target)), ("Read by", found.readers(target, everywhere=False))):
        shown = [f"`{each.block}.{each.member}`" if each.member else f"`{each.block}`" for each in names]
        if shown:
            lines.append(f"{word} {', '.join(shown[:12])}{f' and {len(shown) - 12} more' if len(shown) > 12 else ''}.")
    return "  \n".join(lines)
