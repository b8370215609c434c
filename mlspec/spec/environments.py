"""Environments and `-p`: which values they put in place of the file's, and which they may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlspec.diagnostics import Note
from mlspec.source import SourceFile, Span
from mlspec.spec import schema
from mlspec.spec.constants import INVALID
from mlspec.spec.expressions.context import Context
from mlspec.spec.fields import convert
from mlspec.spec.findings import nearest
from mlspec.spec.model import Block
from mlspec.spec.rows import rows_of
from mlspec.spec.scope import Scope
from mlspec.syntax import nodes
from mlspec.syntax.nodes import File, Patch


def choose_env(file: File, scope: Scope, env: str | None) -> None:
    """Notes the patches of the chosen env before any block is bound; an unknown env is reported."""
    if env is None:
        return
    blocks = [node for node in file.statements if isinstance(node, nodes.Block) and node.kind.text == "env"]
    for node in blocks:
        if node.label is not None and node.label.text == env:
            scope.env = scope.spec.env = env
            patches = [statement for statement in node.body if isinstance(statement, Patch)]
            scope.patches = {".".join(name.text for name in patch.path): patch for patch in patches}
            return
    names = [node.label.text for node in blocks if node.label is not None]
    scope.findings.unknown("MLS101", Span(file.span.source, 0, 0), env, names, kind="env")


def read_parameters(params: dict[str, str], scope: Scope, file: File) -> None:
    """Parses the values of `-p name=value` as the language's own constants."""
    from mlspec.syntax import parse

    for name, text in params.items():
        source = SourceFile(f"-p {name}", f"{_head(file)}\nparam {_identifier(name)}: string = {text}\n")
        parsed, found = parse(source)
        statement = parsed.statements[0] if parsed is not None and parsed.statements else None
        if isinstance(statement, nodes.Declare) and statement.default is not None and not found:
            scope.parameters[name] = statement.default
        else:
            bare = nodes.Literal(Span(source, 0, 0), "string", text, text)
            scope.parameters[name] = bare


def _head(file: File) -> str:
    return f"mlspec {file.edition}\n" if file.edition else "mlspec 2026.1\n"


def _identifier(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else "value"


def check_env(node: nodes.Block, block: Block, scope: Scope) -> None:
    """Checks every patch of an env, whether it is in force or not."""
    seen: dict[str, Span] = {}
    for statement in node.body:
        if not isinstance(statement, Patch):
            continue
        path = ".".join(name.text for name in statement.path)
        whole = ".".join(part.text for part in scope.whole(nodes.Ref(statement.span, statement.path)).parts)
        if whole in seen:  # by whichever alias of a file it is called
            scope.findings.add("MLS102", statement.span, kind="patch", name=path)
            continue
        seen[whole] = statement.span
        scope.spec.spans[f"{block.name}.{path}"] = statement.span
        _check_patch(statement, path, block, scope)


def _check_patch(patch: Patch, path: str, env: Block, scope: Scope) -> None:
    head, *inner = scope.whole(nodes.Ref(patch.span, patch.path)).parts
    block = scope.get(head.text)
    if block is None:
        if head.text not in scope.broken and head.text not in scope.absent and not scope.nameless:
            known = [block.name for block in scope.spec.blocks.values() if scope.nameable(block)]
            _refuse(patch, path, scope, "hits nothing", "the path of a field: `block.field`", nearest(head.text, known))
        return
    block, rest = _inner(block, tuple(inner))
    name = ".".join(part.text for part in rest)
    top = scope.get(head.text) or block
    if _reads_later(patch, top, scope) or (top.alias and _reads_here(patch, path, scope)):
        return
    row = schema.kind(block.kind)
    field = row.fields.get(name) if row is not None else None
    if field is None and row is not None and row.open_fields and name in block.fields:
        _check_value(("const",), patch, block, scope)
    elif field is None:
        if head.text not in scope.doubled:
            _no_field(patch, path, name, block, env, scope)
    elif field.override == "locked":
        _locked(patch, path, block, env, scope)
    else:
        _check_value(field.form, patch, block, scope)


def _reads_later(patch: Patch, block: Block, scope: Scope) -> bool:
    """Whether a patch reads what is declared below the block that it changes: the block would be bound without it."""
    for name in _names_read(patch.value):
        later = scope.declared.get(name.text)
        if later is not None and later.span.source is block.head.source and later.span.start > block.head.start:
            scope.findings.add("MLS103", name.span, [Note("defined here", later.span)], name=name.text, kind=later.kind)
            return True
    return False


def _reads_here(patch: Patch, path: str, scope: Scope) -> bool:
    """Whether a patch of an imported block reads a name of this file, which the file of that block cannot."""
    for name in _names_read(patch.value):
        if name.text in scope.declared:
            scope.findings.add(
                "MLS109", patch.value.span, name=path, why=f"reads `{name.text}`, which the file of that block does not know",
                wanted="a value that reads no name of this file",
                hint="write the value itself, or declare a param there, which an env and `-p` can set",
            )  # fmt: skip
            return True
    return False


def _names_read(node: object) -> Iterator[nodes.Name]:
    """The first name of every reference in an expression."""
    if isinstance(node, nodes.Ref):
        yield node.parts[0]
    elif isinstance(node, tuple):
        for each in node:
            yield from _names_read(each)
    elif isinstance(node, nodes.Node):
        for field in node.__match_args__:
            yield from _names_read(getattr(node, field))


def _inner(block: Block, rest: tuple[nodes.Name, ...]) -> tuple[Block, tuple[nodes.Name, ...]]:
    """Follows a path into nested blocks."""
    while len(rest) > 1:
        nested = next((each for each in block.blocks if each.name == rest[0].text), None)
        if nested is None:
            break
        block, rest = nested, rest[1:]
    return block, rest


def _no_field(patch: Patch, path: str, name: str, block: Block, env: Block, scope: Scope) -> None:
    if name in block.definitions or name in block.parts or name in block.columns:
        _locked(patch, path, block, env, scope)
        return
    row = schema.kind(block.kind)
    known = (
        [key for key, field in row.fields.items() if field.override != "locked" and key != "value"] if row is not None else []
    )
    near = nearest(name, known)
    _refuse(patch, path, scope, "hits nothing", "a field of " + f"`{block.kind}`", f"{block.path}.{near}" if near else "")


def _locked(patch: Patch, path: str, block: Block, env: Block, scope: Scope) -> None:
    if block.kind == "gates":
        scope.findings.add("MLS507", patch.span, env=env.name, name=path)
        return
    row = schema.kind(block.kind)
    known = [key for key, field in row.fields.items() if field.override != "locked"] if row is not None else []
    hint = f"an env may set {', '.join(f'`{key}`' for key in known if key != 'value')} of `{block.kind}`" if known else ""
    _refuse(patch, path, scope, "changes a locked field", "a field that may differ between environments", "", hint)


def _refuse(patch: Patch, path: str, scope: Scope, why: str, wanted: str, near: str, hint: str = "") -> None:
    span = patch.path[0].span.to(patch.path[-1].span)
    scope.findings.add("MLS109", span, name=path, why=why, wanted=wanted, nearest=near, hint=hint)


def _check_value(form: Any, patch: Patch, block: Block, scope: Scope) -> bool:
    context = Context(scope, block, "field", f"`{patch.path[-1].text}`", None, rows_of(block, None, scope.spec))
    return convert(form, patch.value, context) is not INVALID
