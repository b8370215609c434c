"""Offsets of a text and positions as an editor counts them: lines, and UTF-16 code units unless both sides agreed on others."""

from __future__ import annotations

import re
from bisect import bisect_right

from lsprotocol.types import Position, PositionEncodingKind, Range

from mlspec.source import Span

_LINE_END = re.compile(r"\r\n|\n|\r")


class Positions:
    """The lines of one text."""

    def __init__(self, text: str, encoding: PositionEncodingKind | str = PositionEncodingKind.Utf16) -> None:
        self.text = text
        self.encoding = PositionEncodingKind(encoding)
        self._starts = [0]
        self._ends: list[int] = []
        for end in _LINE_END.finditer(text):
            self._starts.append(end.end())
            self._ends.append(end.start())
        self._ends.append(len(text))

    @property
    def lines(self) -> int:
        """How many lines there are, the one behind the last line end included."""
        return len(self._starts)

    def offset(self, position: Position) -> int:
        """The offset of a position; one behind the end of a line or of the text is that end."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[position.line], self._ends[position.line]
        line = self.text[start:end]
        if self.encoding == PositionEncodingKind.Utf32 or line.isascii():
            return min(start + position.character, end)
        units = 0
        for index, char in enumerate(line):
            if units >= position.character:
                return start + index
            units += self._units(char)
        return end

    def position(self, offset: int) -> Position:
        """The position of an offset."""
        line = bisect_right(self._starts, max(0, min(offset, len(self.text)))) - 1
        before = self.text[self._starts[line] : max(offset, self._starts[line])]
        if self.encoding == PositionEncodingKind.Utf32 or before.isascii():
            return Position(line, len(before))
        return Position(line, sum(map(self._units, before)))

    def range(self, start: int, end: int) -> Range:
        """The range between two offsets."""
        return Range(self.position(start), self.position(end))

    def of(self, span: Span) -> Range:
        """The range of a span of this text."""
        return self.range(span.start, span.end)

    @property
    def all(self) -> Range:
        """The whole text."""
        return self.range(0, len(self.text))

    def _units(self, char: str) -> int:
        point = ord(char)
        if self.encoding == PositionEncodingKind.Utf8:
            return 1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4
        return 2 if point > 0xFFFF else 1
