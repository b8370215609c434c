"""A tree that follows the edits of its text: only the statements that an edit touches are lexed and parsed again.

The text is cut into pieces at line ends where no statement and no bracket is open, and a block again between its statements. A piece
reads the same whatever stands around it, so an edit needs its own pieces read again, and the spans of those below moved. Pieces with
faults are read again at every edit, since what is said of a fault may speak of other lines. Where brackets do not balance, or anything
else reaches over the edge of a piece, more is read, up to the whole text: what comes out is always what `parse` would give.

The nodes of untouched pieces are kept and *their spans are moved in place*: a tree is good until the next edit, as is all that was
worked out from it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from mlspec.diagnostics import Diagnostic
from mlspec.source import SourceFile, Span
from mlspec.syntax.build import Builder
from mlspec.syntax.driver import MAX_REPORTS, Driver
from mlspec.syntax.layout import Layout, TooDeep
from mlspec.syntax.nodes import Block, Comment, File, Node, Stmt
from mlspec.syntax.parse import MAX_FILE, in_order, reporter, too_large
from mlspec.syntax.scan import Scan

T = TypeVar("T")


class Reading:
    """What `parse` says of a text that changes: `tree` and `found`, brought up to date by `edit`.

    `read` counts the characters that were lexed for the last edit.
    """

    def __init__(self, source: SourceFile) -> None:
        self._whole(source)

    def edit(self, source: SourceFile, start: int, end: int, size: int) -> None:
        """The text is now that of `source`: the characters `start` to `end` of the old one became `size` others."""
        if not self._pieces or start < self._pieces[0].end or len(source.text) > MAX_FILE // 4:
            self._whole(source)  # near the limit of bytes, which one character may have four of
            return
        renewal = _Renewal(source)
        pieces = renewal.of(self._pieces, _Edit(start, end, size - (end - start)), 0)
        self.read = renewal.read
        if pieces is None:
            self._whole(source)
        else:
            self._keep(source, pieces)

    def _whole(self, source: SourceFile) -> None:
        """Reads all of a text."""
        self.read = len(source.text)
        self._pieces: list[Piece] = []
        limit = too_large(source)
        window = None if limit is not None else _Window(source, 0, len(source.text))
        self.edition = None if window is None else window.edition
        if window is None or window.statements is None:
            self.tree: File | None = None
            self.found = in_order(window.found) if window is not None else [limit] if limit is not None else []
            return
        pieces = window.pieces()
        if pieces is not None:
            self._keep(source, pieces)
            return
        self.tree = self._file(source, window.statements, window.comments)
        self.found = in_order(window.found)

    def _file(self, source: SourceFile, statements: list[Stmt], comments: list[Comment]) -> File:
        return File(Span(source, 0, len(source.text)), self.edition, tuple(statements), tuple(comments))

    def _keep(self, source: SourceFile, pieces: list[Piece]) -> None:
        raw = [found for piece in pieces for found in piece.found]
        self._pieces = pieces if len(pieces) > 1 and len(raw) < MAX_REPORTS else []
        statements = [node for piece in pieces for node in piece.statements]
        self.tree = self._file(source, statements, [node for piece in pieces for node in piece.comments])
        self.found = in_order(raw)


class Piece:
    """The text from `start` to `end`: whole lines, and what was read of them.

    One that is a block alone has `inner` ones: the lines of its head, those of its statements, and the lines of its end.
    """

    __slots__ = ("_spans", "comments", "end", "found", "inner", "start", "statements")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.statements: list[Stmt] = []
        self.comments: list[Comment] = []
        self.found: list[Diagnostic] = []
        self.inner: list[Piece] = []
        self._spans: list[Span] | None = None

    def move(self, source: SourceFile, by: int) -> None:
        """To the same text in another source, `by` characters further down; only of one without faults."""
        if self._spans is None:
            self._spans = spans_of([*self.statements, *self.comments]) if not self.inner else _shell(self.block)
        for piece in self.inner:
            piece.move(source, by)
        self.start += by
        self.end += by
        if by:
            for span in self._spans:
                span.source = source
                span.start += by
                span.end += by
        else:
            for span in self._spans:
                span.source = source

    @property
    def block(self) -> Block:
        """The block of one with inner pieces."""
        (node,) = self.statements
        assert isinstance(node, Block)
        return node


class _Edit(NamedTuple):
    """The characters that an edit replaces, and how much longer the text became."""

    start: int
    end: int
    by: int


class _Renewal:
    """One edit on its way through the pieces."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.read = 0

    def of(self, pieces: list[Piece], edit: _Edit | None, shift: int, inside: bool = False) -> list[Piece] | None:
        """The pieces after an edit, if it is among them, that lie `shift` further down; None where they cannot be told apart."""
        first, last = (len(pieces), len(pieces)) if edit is None else _touched(pieces, edit)
        if inside and (first == 0 or (edit is not None and last == len(pieces) - 1) or pieces[0].found or pieces[-1].found):
            return None  # the head or the end of the block
        renewed: list[Piece] = []
        for index, piece in enumerate(pieces):
            if first < index <= last:
                continue
            touched = edit if index == first else None
            moved = shift + edit.by if edit is not None and index > last else shift
            if touched is None and not piece.found:
                piece.move(self.source, moved)
                renewed.append(piece)
                continue
            fresh = self._again(piece, pieces[last] if touched else piece, touched, moved, inside)
            if fresh is None and edit is not None and touched is not None and last + 1 < len(pieces) - inside:
                last += 1  # a bracket that is open here ends at the next statement
                fresh = self._window(piece.start + shift, pieces[last].end + shift + edit.by, inside)
            if fresh is None:
                return None
            renewed += fresh
        return renewed

    def _again(self, piece: Piece, to: Piece, edit: _Edit | None, shift: int, inside: bool) -> list[Piece] | None:
        """The pieces that stand for those from one to another that an edit touched, or for one with faults."""
        if piece.inner and piece is to:
            inner = self.of(piece.inner, edit, shift, inside=True)
            if inner is not None:
                return [_rebuilt(piece, self.source, inner, shift, edit.by if edit else 0)]
        return self._window(piece.start + shift, to.end + shift + (edit.by if edit else 0), inside)

    def _window(self, start: int, end: int, inside: bool) -> list[Piece] | None:
        self.read += end - start
        return _Window(self.source, start, end, inside).pieces()


def _touched(pieces: list[Piece], edit: _Edit) -> tuple[int, int]:
    """The first and the last piece that an edit changes, or that it joins to a line before."""
    first = min(bisect_right(pieces, edit.start, key=lambda piece: piece.end), len(pieces) - 1)
    last = first
    while last + 1 < len(pieces) and pieces[last + 1].start <= edit.end:
        last += 1
    return first, last


def _rebuilt(piece: Piece, source: SourceFile, inner: list[Piece], shift: int, by: int) -> Piece:
    """The piece of a block some of whose statements are new."""
    old = piece.block
    for span in _shell(old):
        span.source = source
        span.start += shift
        span.end += shift
    old.span.end += by
    body = tuple([node for each in inner for node in each.statements])
    fresh = Piece(inner[0].start, inner[-1].end)
    fresh.inner = inner
    fresh.statements = [Block(old.span, old.head, old.kind, old.label, body, old.doc)]
    fresh.comments = [comment for each in inner for comment in each.comments]
    fresh.found = [found for each in inner for found in each.found]
    return fresh


def _shell(block: Block) -> list[Span]:
    """The spans of a block without those of its body."""
    return [block.span, block.head, block.kind.span, *([block.label.span] if block.label is not None else [])]


class _Window:
    """Whole lines of a text, read as if a file, or with `inside` a block, began and ended with them.

    `statements` is None where they are nested too deep.
    """

    def __init__(self, source: SourceFile, start: int, end: int, inside: bool = False) -> None:
        self.start, self.end, self._inside = start, end, inside
        self.statements: list[Stmt] | None = None
        self.edition: str | None = None
        self._tops: list[tuple[int, int]] = []
        self._scan = Scan(source, start, end)
        self.found, self.comments = self._scan.found, self._scan.comments
        try:
            layout = Layout(self._scan, inside)
        except TooDeep:
            return
        self.edition = layout.edition
        builder = Builder(source, self._scan.docs, self._scan.report)
        statements, tops, opened = Driver(layout.tokens, builder, reporter(self._scan)).run_noting(layout.tops)
        self.statements = list(statements[0].body) if inside and len(statements) == 1 else statements
        self._open = opened or not layout.closed or (inside and len(statements) != 1)
        self._tops = [(layout.tokens[top - 1].end, depth) for top, depth in tops]

    def pieces(self) -> list[Piece] | None:
        """Cut where no statement is open; None where something reaches over the edges."""
        if self.statements is None or self._open or not (self._begins_here() and self._ends_here()):
            return None
        if any(not _stays(found) for found in self.found):
            return None
        pieces = self._cut(self.start, self.end, int(self._inside))
        if not _balanced(self._scan, pieces):
            return None
        _share(pieces, [(node.span.start, node) for node in self.statements], lambda piece: piece.statements)
        _share(pieces, [(node.span.start, node) for node in self.comments], lambda piece: piece.comments)
        _share(pieces, [(one.span.start, one) for one in self.found if one.span is not None], lambda piece: piece.found)
        for piece in [] if self._inside else pieces:
            self._open_up(piece)
        return pieces

    def _cut(self, start: int, end: int, depth: int) -> list[Piece]:
        cuts = [top for top, level in self._tops if level == depth and start < top < end]
        return [Piece(one, other) for one, other in zip([start, *cuts], [*cuts, end], strict=True)]

    def _open_up(self, piece: Piece) -> None:
        """Cuts the piece of a block between its statements."""
        if len(piece.statements) != 1 or not isinstance(piece.statements[0], Block) or not piece.statements[0].body:
            return
        inner = self._cut(piece.start, piece.end, 1)
        if len(inner) < 4 or piece.statements[0].body[0].span.start < inner[0].end:
            return
        _share(inner, [(node.span.start, node) for node in piece.statements[0].body], lambda each: each.statements)
        _share(inner, [(node.span.start, node) for node in piece.comments], lambda each: each.comments)
        _share(inner, [(one.span.start, one) for one in piece.found if one.span is not None], lambda each: each.found)
        if not inner[-1].statements and _balanced_inside(self._scan, inner):
            piece.inner = inner

    def _begins_here(self) -> bool:
        """A file begins with its edition on a line of its own."""
        return self.start > 0 or (self.edition is not None and bool(self._tops))

    def _ends_here(self) -> bool:
        """Whether the last token and the last `##` text end with the lines."""
        return self.end == len(self._scan.source.text) or self._scan.whole


def _stays(found: Diagnostic) -> bool:
    """Whether a fault has a place, and is not told once for a whole file."""
    return found.span is not None and not found.data.get("char", "").startswith("U+000D")


def _balanced(scan: Scan, pieces: list[Piece]) -> bool:
    """Whether each piece has as many `{` as `}`: indentation then means nothing, as if it stood alone."""
    return not any(_surplus(scan, pieces))


def _balanced_inside(scan: Scan, inner: list[Piece]) -> bool:
    """Whether that holds of the statements of a block, whose head has one `{` and whose end one `}`."""
    head, *rest, end = _surplus(scan, inner)
    return head == 1 and end == -1 and not any(rest)


def _surplus(scan: Scan, pieces: list[Piece]) -> list[int]:
    """How many more `{` than `}` each piece has."""
    starts = [piece.start for piece in pieces]
    found = [0] * len(pieces)
    for token in scan.tokens:
        if token.type in ("OPEN", "CLOSE") and pieces[0].start <= token.start < pieces[-1].end:
            found[bisect_right(starts, token.start) - 1] += 1 if token.type == "OPEN" else -1
    return found


def _share(pieces: list[Piece], placed: Iterable[tuple[int, T]], of: Callable[[Piece], list[T]]) -> None:
    """Puts each thing into the piece that its offset lies in; the end of the text belongs to the last."""
    starts = [piece.start for piece in pieces]
    for offset, item in placed:
        of(pieces[max(bisect_right(starts, offset) - 1, 0)]).append(item)


def spans_of(nodes: Iterable[Node]) -> list[Span]:
    """Every span of these nodes and of all inside them, each once."""
    found: dict[int, Span] = {}
    waiting: list[object] = list(nodes)
    while waiting:
        item = waiting.pop()
        if isinstance(item, Node):
            for name in item.__match_args__:
                value = getattr(item, name)
                if type(value) is Span:
                    found[id(value)] = value
                elif isinstance(value, Node | tuple):
                    waiting.append(value)
        elif isinstance(item, tuple):
            waiting.extend(item)
    return list(found.values())
