"""Lays out one statement: brackets stay on their line or break to one item a line.

A piece is a string, a `Lines` (text over several lines) or a `Bracket`. A bracket breaks if it has more than 5 items, if something inside
it breaks, if comments stand inside it, or if the text up to the next bracket would pass column 100.
"""

from __future__ import annotations

WIDTH = 100
MAX_ITEMS = 5
STEP = 2

Piece = "str | Lines | Bracket"


class Lines:
    """A tagged text: `head` on the current line, `body` indented under it, `tail` under the start of the statement."""

    __slots__ = ("body", "head", "tail")

    def __init__(self, head: str, body: list[str], tail: str) -> None:
        self.head = head
        self.body = body
        self.tail = tail


class Item:
    """One item of a bracket with the comments above it and the one behind it."""

    __slots__ = ("above", "behind", "pieces")

    def __init__(self, pieces: list[str | Lines | Bracket], above: list[str], behind: str) -> None:
        self.pieces = pieces
        self.above = above
        self.behind = behind


class Bracket:
    """`open item, item close`; `below` are comments between the last item and the end."""

    __slots__ = ("broken", "close", "items", "open", "width")

    def __init__(self, open: str, items: list[Item], close: str, below: list[str]) -> None:
        self.open = open
        self.close = close
        self.items = items
        if below:
            items.append(Item([], below, ""))
        commented = any(item.above or item.behind for item in items)
        self.broken = commented or len(items) > MAX_ITEMS or any(_broken(item.pieces) for item in items)
        self.width = len(open) + len(close) + sum(_width(item.pieces) + 2 for item in items) - (2 if items else 0)


def _broken(pieces: list[str | Lines | Bracket]) -> bool:
    return any(isinstance(piece, Bracket) and piece.broken for piece in pieces)


def _width(pieces: list[str | Lines | Bracket]) -> int:
    """Columns that the pieces take on the current line when nothing breaks."""
    total = 0
    for piece in pieces:
        if isinstance(piece, Lines):
            return total + len(piece.head)
        total += len(piece) if isinstance(piece, str) else piece.width
        if isinstance(piece, Bracket) and piece.items and _ends_in_lines(piece):
            return total
    return total


def _ends_in_lines(bracket: Bracket) -> bool:
    return any(isinstance(piece, Lines) for item in bracket.items for piece in item.pieces)


def _reach(pieces: list[str | Lines | Bracket]) -> int:
    """Columns up to the first place where the line may end."""
    total = 0
    for piece in pieces:
        if isinstance(piece, Bracket) and piece.items:
            return total + len(piece.open)
        if isinstance(piece, Lines):
            return total + len(piece.head)
        total += len(piece) if isinstance(piece, str) else piece.width
    return total


class Printer:
    """Collects the lines of one statement."""

    def __init__(self, indent: int) -> None:
        self.lines: list[str] = [" " * indent]
        self._indent = indent

    def print(self, pieces: list[str | Lines | Bracket], after: int = 0) -> None:
        """Adds `pieces` to the current line; `after` columns follow them there."""
        for index, piece in enumerate(pieces):
            if isinstance(piece, str):
                self.lines[-1] += piece
            elif isinstance(piece, Lines):
                self._text(piece)
            else:
                rest = pieces[index + 1 :]
                self._bracket(piece, _reach(rest) + (0 if any(not isinstance(p, str) for p in rest) else after))

    def _text(self, text: Lines) -> None:
        self.lines[-1] += text.head
        margin = " " * (self._indent + STEP)
        self.lines += [margin + line if line else "" for line in text.body]
        self.lines.append(" " * self._indent + text.tail)

    def _bracket(self, bracket: Bracket, after: int) -> None:
        fits = _ends_in_lines(bracket) or len(self.lines[-1]) + bracket.width + after <= WIDTH
        if not bracket.items or (fits and not bracket.broken):
            self._flat(bracket, after)
            return
        self.lines[-1] += bracket.open
        self._indent += STEP
        for item in bracket.items:
            for comment in item.above:
                self.lines.append(" " * self._indent + comment)
            if item.pieces:
                self.lines.append(" " * self._indent)
                self.print([*item.pieces, ","])
                self.lines[-1] += f"  {item.behind}" if item.behind else ""
        self._indent -= STEP
        self.lines.append(" " * self._indent + bracket.close)

    def _flat(self, bracket: Bracket, after: int) -> None:
        self.lines[-1] += bracket.open
        for index, item in enumerate(bracket.items):
            if index:
                self.lines[-1] += ", "
            last = index == len(bracket.items) - 1
            self.print(item.pieces, len(bracket.close) + after if last else 1)
        self.lines[-1] += bracket.close
