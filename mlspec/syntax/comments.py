"""Comments while a file is printed: each is taken exactly once, where its neighbours go."""

from __future__ import annotations

from collections.abc import Iterable

from mlspec.source import Span
from mlspec.syntax.nodes import Comment


class Comments:
    """The comments of one statement, in order; taking removes them."""

    def __init__(self, comments: Iterable[Comment]) -> None:
        self._left = list(comments)

    def any_in(self, span: Span) -> bool:
        """Whether one stands inside `span`."""
        return any(span.start < comment.span.start < span.end for comment in self._left)

    def take(self, before: int) -> list[str]:
        """Removes and gives the comments that start before offset `before`."""
        taken = [comment for comment in self._left if comment.span.start < before]
        self._left = self._left[len(taken) :]
        return [spelt(comment) for comment in taken]

    def take_behind(self, start: int, before: int) -> str:
        """Removes and gives the comment on the line of offset `start`, if it is the next one and starts before `before`."""
        if not self._left or self._left[0].own_line or not start <= self._left[0].span.start:
            return ""
        comment = self._left[0]
        between = comment.span.source.text[start : comment.span.start]
        if "\n" in between or (comment.span.start >= before and between.strip(" \t,)]")):
            return ""
        if comment.span.start >= before and between.strip(" \t,"):
            return ""
        self._left.pop(0)
        return spelt(comment)


def spelt(comment: Comment) -> str:
    """A comment with one space behind its mark and none at its end."""
    text = comment.text.rstrip(" \t")
    mark = text[: len(text) - len(text.lstrip("#"))]
    rest = text[len(mark) :]
    return mark + (" " + rest if rest and not rest.startswith((" ", "\t", "!")) else rest)
