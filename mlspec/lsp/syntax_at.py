"""The nodes around an offset, from the file down to the innermost one."""

from __future__ import annotations

from mlspec.syntax.nodes import Comment, File, Node


def path_to(tree: File | None, offset: int) -> list[Node]:
    """Every node whose text holds an offset or ends at it, outermost first; of two that touch there, the one that begins."""
    found: list[Node] = []
    node: Node | None = tree
    while node is not None:
        found.append(node)
        inside = [child for child in children(node) if child.span.start <= offset <= child.span.end]
        node = max(inside, key=lambda child: (child.span.start, -child.span.end)) if inside else None
    return found


def children(node: Node) -> list[Node]:
    """The nodes right below a node, in the order of its fields; comments are none."""
    found: list[Node] = []
    for name in node.__match_args__:
        _collect(getattr(node, name), found)
    return found


def _collect(value: object, found: list[Node]) -> None:
    if isinstance(value, Node):
        if not isinstance(value, Comment):
            found.append(value)
    elif isinstance(value, tuple):
        for item in value:
            _collect(item, found)
