"""A checked spec as text and as JSON: what is written, what an env or `-p` put in its place, and what is default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlspec.spec import schema
from mlspec.spec.model import Block, Spec
from mlspec.spec.text import value_text

Paint = Callable[[str, str], str]


def spec_to_text(spec: Spec, *, full: bool, paint: Paint) -> str:
    """The blocks in the language's own form; defaults carry `# default`, overrides say who set them."""
    lines = [f"mlspec {spec.edition}"]
    for alias, path in spec.imports.items():
        lines += ["", f'{paint("bold", "use")} "{path}" as {alias}']
    for block in _blocks(spec):
        lines += ["", *_block(block, full, paint, 0)]
    return "\n".join(lines) + "\n"


def _blocks(spec: Spec) -> Iterator[Block]:
    named = [block for block in spec.blocks.values() if not block.alias]
    yield from (block for block in spec.unnamed if block.kind == "spec")
    yield from named
    yield from (block for block in spec.unnamed if block.kind != "spec")


def _block(block: Block, full: bool, paint: Paint, depth: int) -> list[str]:
    pad = "  " * depth
    head = f"{pad}{paint('bold', block.kind)} {block.name}".rstrip()
    if block.kind in ("param", "entity"):
        return [" ".join(block.span.text.split()) if block.span.text else head]
    short = block.fields.get("value")
    if short is not None and short.span is not None and "{" not in block.span.text.partition("=")[0]:
        return [f"{head} = {value_text(short, None)}"]
    lines = [f"{head} {{"]
    lines += [f"{pad}  {line}" for line in _fields(block, full, paint)]
    for item in (*block.columns.values(), *block.parts.values(), *block.definitions.values()):
        lines.append(f"{pad}  {' '.join(item.span.text.split())}")
    for inner in block.blocks:
        lines += _block(inner, full, paint, depth + 1)
    return [*lines, f"{pad}}}"]


def _fields(block: Block, full: bool, paint: Paint) -> Iterator[str]:
    row = schema.kind(block.kind)
    names = [*row.fields] if row is not None else []
    for name in [*names, *(name for name in block.fields if name not in names)]:
        value = block.fields.get(name)
        field = row.fields.get(name) if row is not None else None
        if value is None:
            if full and field is not None and not field.required and name != "value" and field.built:
                yield paint("dim", f"{name} = none  # default")
        elif value.origin == "default":
            if full:
                yield paint("dim", f"{name} = {value_text(value, field)}  # default")
        elif isinstance(value.item, dict | list):
            continue  # attributes and types of a declaration: its own line shows them
        else:
            who = "" if value.origin == "given" else paint("yellow", f"  # {value.origin}")
            yield f"{name} = {value_text(value, field)}{who}"


def spec_to_json(spec: Spec, *, full: bool) -> dict[str, Any]:
    """The same for programs."""
    return {"format": 1, "name": spec.name, "edition": spec.edition, "env": spec.env, "releasable": spec.releasable,
            "blocks": [_block_json(block, full) for block in _blocks(spec)]}  # fmt: skip


def _block_json(block: Block, full: bool) -> dict[str, Any]:
    row = schema.kind(block.kind)
    fields = {
        name: {"value": value_text(value, row.fields.get(name) if row else None), "origin": value.origin}
        for name, value in block.fields.items()
        if (full or value.origin != "default") and not isinstance(value.item, dict | list)
    }
    items = {item.name: " ".join(item.span.text.split())
             for item in (*block.columns.values(), *block.parts.values(), *block.definitions.values())}  # fmt: skip
    return {"kind": block.kind, "name": block.name, "doc": block.doc, "fields": fields, "statements": items,
            "blocks": [_block_json(inner, full) for inner in block.blocks]}  # fmt: skip
