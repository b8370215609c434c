"""The canonical form of a file: one rendering for one meaning, comments kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlspec.source import SourceFile
from mlspec.syntax.comments import Comments, spelt
from mlspec.syntax.nodes import Block, Comment, Declare, Define, Extern, File, Patch, Setting, Stmt, Use
from mlspec.syntax.printer import STEP, Printer
from mlspec.syntax.unparse import Pieces, Unparser

# The order of a block's fields: (kind of the block, names as written) → names in canonical order.
Order = Callable[[str, list[str]], Sequence[str]]


def format_file(file: File, source: SourceFile, order: Order | None = None) -> str:
    """The text of `file` in canonical form; formatting it again gives the same text.

    Takes only a tree that parsed without errors: of a broken statement nothing is left to print.
    """
    if file.edition is None:
        raise ValueError("a file with errors has no canonical form")
    return _Formatter(source, order).file(file)


class _Placed:
    """A statement with its comments: above it (with "" for a blank line, which only the file keeps), behind it, inside it."""

    __slots__ = ("above", "behind", "inside", "node")

    def __init__(self, node: Stmt) -> None:
        self.node = node
        self.above: list[str] = []
        self.behind = ""
        self.inside: list[Comment] = []


class _Formatter:
    def __init__(self, source: SourceFile, order: Order | None) -> None:
        self._source = source
        self._order = order

    # ---- the file

    def file(self, file: File) -> str:
        header_end = self._source.text.find("\n")
        header_end = len(self._source.text) if header_end < 0 else header_end
        comments = list(file.comments)
        first = f"mlspec {file.edition}"
        if comments and comments[0].span.start < header_end:
            first += f"  {spelt(comments.pop(0))}"
        placed, left = self._place(file.statements, comments, header_end, len(self._source.text))
        out = [first]
        previous: tuple[str, bool] | None = None
        for entry in placed:
            lines = self._statement(entry, 0)
            single = len(lines) == 1 and not entry.above and not entry.node.doc
            kind = _kind(entry.node)
            if previous is None or not (single and previous == (kind, True)):
                out.append("")
            out += entry.above
            out += lines
            previous = (kind, len(lines) == 1 or (len(lines) > 1 and _one_line(entry.node, lines)))
        if left:
            out += ["", *left]
        return "\n".join(out) + "\n"

    def _place(
        self, statements: tuple[Stmt, ...], comments: list[Comment], start: int, end: int
    ) -> tuple[list[_Placed], list[str]]:
        """Gives each comment to its statement; the rest stand below the last one."""
        placed = []
        queue = [comment for comment in comments if start <= comment.span.start < end]
        for node in statements:
            entry = _Placed(node)
            while queue and queue[0].span.start < node.span.start:
                comment = queue.pop(0)
                if not (comment.text.startswith("##") and node.doc):  # an empty `##` documents nothing and stays a comment
                    entry.above.append(spelt(comment))
                    if self._blank_below(comment):
                        entry.above.append("")
            while queue and queue[0].span.start < node.span.end:
                entry.inside.append(queue.pop(0))
            if queue and not queue[0].own_line and self._same_line(node.span.end, queue[0].span.start):
                entry.behind = spelt(queue.pop(0))
            placed.append(entry)
        return placed, [spelt(comment) for comment in queue]

    def _same_line(self, start: int, end: int) -> bool:
        return "\n" not in self._source.text[start:end]

    def _blank_below(self, comment: Comment) -> bool:
        """Whether the line under a comment is blank, so that it speaks of more than the next statement."""
        rest = self._source.text[comment.span.end : comment.span.end + 200].split("\n", 2)
        return len(rest) > 1 and not rest[1].strip()

    # ---- statements

    def _statement(self, entry: _Placed, indent: int) -> list[str]:
        """The lines of a statement, its `##` above, without the comments above it."""
        node = entry.node
        margin = " " * indent
        doc = [f"{margin}## {line}".rstrip() for line in node.doc.split("\n")] if node.doc else []
        if isinstance(node, (Block, Extern)):
            return doc + self._block(entry, node, indent)
        comments = Comments(entry.inside)
        pieces = _line(node, Unparser(comments))
        printer = Printer(indent)
        printer.print(pieces)
        lines = printer.lines
        if entry.behind:
            lines[-1] += f"  {entry.behind}"
        entry.above += comments.take(len(self._source.text) + 1)  # from inside parentheses, which are no bracket of ours
        return doc + lines

    def _block(self, entry: _Placed, node: Block | Extern, indent: int) -> list[str]:
        body_start = self._body_start(node, entry.inside)
        head_comments = Comments(comment for comment in entry.inside if comment.span.start < body_start)
        printer = Printer(indent)
        printer.print([*_head(node, Unparser(head_comments)), " {"])
        head = printer.lines
        rest = head_comments.take(body_start)
        if rest:
            head[-1] += f"  {rest[-1]}"
            entry.above += rest[:-1]
        placed, left = self._place(node.body, entry.inside, body_start, node.span.end)
        lines = head
        margin = " " * (indent + STEP)
        for inner in self._ordered(node, placed):
            inner_lines = self._statement(inner, indent + STEP)
            lines += [margin + comment for comment in inner.above if comment] + inner_lines
        lines += [margin + comment for comment in left]
        lines.append(" " * indent + "}" + (f"  {entry.behind}" if entry.behind else ""))
        return lines

    def _body_start(self, node: Block | Extern, inside: list[Comment]) -> int:
        """The end of the line on which the block opens: the first one behind the head that no bracket or comment hides."""
        if not inside:
            return node.span.start
        at = node.result.span.end if isinstance(node, Extern) else node.head.end
        end = self._source.text.find("\n", self._source.text.index("{", at))
        return node.span.end if end < 0 else end

    def _ordered(self, node: Block | Extern, placed: list[_Placed]) -> list[_Placed]:
        """Fields in schema order, each in the place of a field; all other statements stay where they are."""
        slots = [index for index, entry in enumerate(placed) if isinstance(entry.node, Setting) and entry.node.label is None]
        if self._order is None or len(slots) < 2:
            return placed
        names = [entry.node.name.text for entry in placed if isinstance(entry.node, Setting) and entry.node.label is None]
        wanted = list(self._order(node.kind.text, names))
        if sorted(wanted) != sorted(names):
            raise ValueError(f"the order of {names} must hold the same names, not {wanted}")
        waiting: dict[str, list[_Placed]] = {}
        for index in slots:
            waiting.setdefault(names[slots.index(index)], []).append(placed[index])
        out = list(placed)
        for index, name in zip(slots, wanted, strict=True):
            out[index] = waiting[name].pop(0)
        return out


def _kind(node: Stmt) -> str:
    """What decides whether two one-line statements of a file stand together."""
    if isinstance(node, (Block, Extern)):
        return node.kind.text
    if isinstance(node, (Setting, Declare)):
        return node.name.text if node.label is not None else type(node).__name__
    return type(node).__name__


def _one_line(node: Stmt, lines: list[str]) -> bool:
    """A one-line statement under its `##`."""
    return len(lines) == 1 + (node.doc.count("\n") + 1 if node.doc else 0)


def _head(node: Block | Extern, unparser: Unparser) -> Pieces:
    if isinstance(node, Block):
        return [node.kind.text if node.label is None else f"{node.kind.text} {node.label.text}"]
    params = unparser.params(node.params, node.span)
    return [f"extern {node.kind.text} {node.label.text}", params, " -> ", *unparser.type(node.result)]


def _line(node: Stmt, unparser: Unparser) -> Pieces:
    """A statement that is no block."""
    if isinstance(node, Use):
        return [f"use {node.path.raw} as {node.alias.text}"]
    if isinstance(node, Patch):
        path = ".".join(name.text for name in node.path)
        return [f"set {path} = ", *unparser.expr(node.value)]
    if isinstance(node, Define):
        return [f"{node.name.text} := ", *unparser.expr(node.value), *unparser.attrs(node.attrs)]
    assert isinstance(node, (Setting, Declare))
    name = node.name.text if node.label is None else f"{node.name.text} {node.label.text}"
    if isinstance(node, Setting):
        return [f"{name} = ", *unparser.expr(node.value), *unparser.attrs(node.attrs)]
    out: Pieces = [f"{name}: ", *unparser.type(node.type), *unparser.attrs(node.attrs)]
    return out if node.default is None else [*out, " = ", *unparser.expr(node.default)]
