"""The names that a text declares, bound or not: what has an error in the new text is there, and not gone."""

from __future__ import annotations

from mlspec.syntax import nodes


def names_written(tree: nodes.File) -> frozenset[str]:
    """`block`, `block.member`, `block.inner.member` of every statement; also `kind name`, for blocks whose kind may be wrong."""
    found: set[str] = set()
    for statement in tree.statements:
        found |= _names(statement, "")
    return frozenset(found)


def _names(statement: nodes.Stmt, path: str) -> set[str]:
    if isinstance(statement, nodes.Block):
        label = statement.label.text if statement.label is not None else statement.kind.text
        inner = f"{path}{label}"
        found = {inner, f"{path}{statement.kind.text} {label}"}
        for each in statement.body:
            found |= _names(each, f"{inner}.")
        return found
    if isinstance(statement, nodes.Setting | nodes.Declare):
        return {f"{path}{(statement.label or statement.name).text}"}
    if isinstance(statement, nodes.Define):
        return {f"{path}{statement.name.text}"}
    return {f"{path}{statement.label.text}"} if isinstance(statement, nodes.Extern) and statement.label else set()
