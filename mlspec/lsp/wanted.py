"""Blocks as they stand in the text, and the calls that a form takes: what completion needs of a spec that may be half written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mlspec.lsp.hover import estimator_of
from mlspec.lsp.names import kind_of
from mlspec.syntax.nodes import Block, File, Setting, Stmt


class Written(NamedTuple):
    """A block in the text: its kind, its name, the fields that it sets, and the estimator that it names."""

    kind: str
    name: str
    fields: tuple[str, ...]
    estimator: str


def written_blocks(tree: File | None) -> Iterator[Written]:
    """Every block and short block of a file, nested ones too."""
    yield from _written(() if tree is None else tree.statements)


def _written(statements: tuple[Stmt, ...]) -> Iterator[Written]:
    for statement in statements:
        label = getattr(statement, "label", None)
        if label is None:
            if isinstance(statement, Block):
                yield _of_block(statement, "")
            continue
        if isinstance(statement, Block):
            yield _of_block(statement, label.text)
            yield from _written(statement.body)
        else:
            yield Written(kind_of(statement), label.text, (), "")


def _of_block(block: Block, name: str) -> Written:
    fields = tuple(each.name.text for each in block.body if isinstance(each, Setting) and each.label is None)
    return Written(block.kind.text, name, fields, estimator_of(block))


def groups(form: Any) -> list[str]:
    """The groups of calls that a form takes, at any depth."""
    if form == "secret":
        return ["secret_from"]
    if not isinstance(form, tuple) or not form:
        return []
    if form[0] == "call":
        return [str(form[1])]
    return [group for each in form[1:] for group in groups(each)]
