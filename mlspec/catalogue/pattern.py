"""Patterns of `matches`: a small language that every engine reads alike and that runs in linear time.

    alternatives  a|b        groups  (ab)      any character  .
    repetition    * + ? {2} {2,} {2,5}         sets  [a-z] [^0-9_]
    classes       \\d \\w \\s (ASCII)              escapes  \\. \\* \\\\ \\n \\t …

No back-references, no look-around, no anchors (a pattern matches the whole text), no lazy marks (they change no whole match). The pattern is
parsed here once; DuckDB gets it printed in a form that RE2 reads the same way, and Python runs it as an automaton, one set of states per
character, since its own `re` can take exponential time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

MAX_STATES = 2_000
MAX_REPEAT = 200
_LAST = 0x10FFFF
_CLASSES = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 10), (12, 13), (32, 32)),
}
_ESCAPES = {"n": 10, "t": 9, "r": 13}
_SPECIAL = frozenset("\\.^$|?*+()[]{}-/\"'#& ~@%!,:;<>=_`")

Ranges = tuple[tuple[int, int], ...]
HELP = "patterns have sets, groups, `|`, `* + ? {2,5}`, `.` and the classes \\d \\w \\s; escape marks with \\"


class PatternError(ValueError):
    """A pattern that cannot be read: what stands where something else is expected."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class Pattern(NamedTuple):
    """A parsed pattern: what was written, the same for RE2, and the automaton."""

    text: str
    re2: str
    moves: tuple[tuple[Ranges, int] | None, ...]
    jumps: tuple[tuple[int, ...], ...]

    def matches(self, text: str) -> bool:
        """Whether the pattern matches the whole text; in time of len(text) times the number of states."""
        states = self._closure({0})
        for character in text:
            point = ord(character)
            reached = set()
            for state in states:
                move = self.moves[state]
                if move is not None and any(low <= point <= high for low, high in move[0]):
                    reached.add(move[1])
            states = self._closure(reached)
            if not states:
                return False
        return len(self.moves) - 1 in states

    def _closure(self, states: set[int]) -> set[int]:
        pending = list(states)
        while pending:
            for state in self.jumps[pending.pop()]:
                if state not in states:
                    states.add(state)
                    pending.append(state)
        return states


def parse(text: str) -> Pattern:
    """The pattern, or a PatternError with the place at which it cannot be read."""
    reader = _Reader(text)
    tree = reader.alternatives(0)
    if reader.place < len(text):
        raise reader.error("no open `(`" if reader.peek() == ")" else "an end of the pattern")
    machine = _Machine(reader)
    end = machine.add(tree, machine.state())
    final = machine.state()
    machine.jumps[end].append(final)
    return Pattern(text, _print(tree), tuple(machine.moves), tuple(tuple(items) for items in machine.jumps))


class _Reader:
    """A recursive-descent reader; trees are ("set", ranges), ("seq", items), ("alt", items), ("rep", item, low, high)."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    def error(self, expected: str) -> PatternError:
        found = (
            f"`{self.text[self.place]}` at character {self.place + 1}"
            if self.place < len(self.text)
            else "the end of the pattern"
        )
        return PatternError(expected, found)

    def peek(self) -> str:
        return self.text[self.place] if self.place < len(self.text) else ""

    def take(self) -> str:
        if not self.peek():
            raise self.error("a character")
        self.place += 1
        return self.text[self.place - 1]

    def alternatives(self, depth: int) -> Any:
        if depth > 32:
            raise self.error("at most 32 groups inside each other")
        items = [self.sequence(depth)]
        while self.peek() == "|":
            self.place += 1
            items.append(self.sequence(depth))
        return items[0] if len(items) == 1 else ("alt", items)

    def sequence(self, depth: int) -> Any:
        items = []
        while self.peek() not in ("", "|", ")"):
            items.append(self.repeated(self.atom(depth)))
        return ("seq", items)

    def atom(self, depth: int) -> Any:
        mark = self.take()
        if mark == "(":
            if self.peek() == "?":
                raise self.error("a plain group")
            inner = self.alternatives(depth + 1)
            if self.peek() != ")":
                raise self.error("`)`")
            self.place += 1
            return inner
        if mark == "[":
            return ("set", self.set())
        if mark == ".":
            return ("set", ((0, _LAST),))
        if mark == "\\":
            return ("set", self.escape())
        if mark in "*+?{}]^$":
            self.place -= 1
            raise self.error("a character, a set or a group (escape a mark with \\)")
        return ("set", ((ord(mark), ord(mark)),))

    def escape(self) -> Ranges:
        mark = self.take()
        if mark in _CLASSES:
            return _CLASSES[mark]
        if mark in ("D", "W", "S"):
            return _complement(_CLASSES[mark.lower()])
        if mark in _ESCAPES:
            return ((_ESCAPES[mark], _ESCAPES[mark]),)
        if mark in _SPECIAL:
            return ((ord(mark), ord(mark)),)
        self.place -= 1
        raise self.error("an escape: \\d \\w \\s \\n \\t \\r or an escaped mark")

    def set(self) -> Ranges:
        negated = self.peek() == "^"
        self.place += negated
        ranges: list[tuple[int, int]] = []
        while self.peek() != "]" or not ranges:
            ranges.extend(self.member())
        self.place += 1
        merged = _merge(ranges)
        return _complement(merged) if negated else merged

    def member(self) -> Ranges:
        first = self.single()
        if self.peek() != "-" or self.text[self.place + 1 : self.place + 2] == "]":
            return first
        self.place += 1
        last = self.single()
        if len(first) != 1 or len(last) != 1 or first[0][0] != first[0][1] or last[0][0] < first[0][0]:
            raise self.error("a range such as a-z")
        return ((first[0][0], last[0][0]),)

    def single(self) -> Ranges:
        mark = self.take()
        if mark == "\\":
            return self.escape()
        if mark == "[":
            self.place -= 1
            raise self.error("a character of the set (escape `[` with \\)")
        return ((ord(mark), ord(mark)),)

    def repeated(self, item: Any) -> Any:
        bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self.peek())
        if bounds is not None:
            self.place += 1
        elif self.peek() == "{":
            self.place += 1
            bounds = self.bounds()
        else:
            return item
        if self.peek() and self.peek() in "*+?{":
            raise self.error("one repetition mark")
        return ("rep", item, *bounds)

    def bounds(self) -> tuple[int, int | None]:
        end = self.text.find("}", self.place)
        low, comma, high = self.text[self.place : end].partition(",") if end > 0 else ("", "", "")
        numbers = [number for number in (low, high) if number]
        if not low or not all(number.isascii() and number.isdigit() and int(number) <= MAX_REPEAT for number in numbers):
            raise self.error(f"a repetition such as {{2,5}}, at most {MAX_REPEAT}")
        if high and int(high) < int(low):
            raise self.error("a repetition whose second number is not below its first")
        self.place = end + 1
        return (int(low), int(high) if high else None if comma else int(low))


def _merge(ranges: list[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _complement(ranges: Ranges) -> Ranges:
    found, start = [], 0
    for low, high in ranges:
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    if start <= _LAST:
        found.append((start, _LAST))
    return tuple(found)


class _Machine:
    """Thompson's construction: a state has at most one move on a character, and any number of free jumps."""

    def __init__(self, reader: _Reader) -> None:
        self.moves: list[tuple[Ranges, int] | None] = []
        self.jumps: list[list[int]] = []
        self.reader = reader

    def state(self) -> int:
        if len(self.moves) >= MAX_STATES:
            raise self.reader.error(f"a pattern of at most {MAX_STATES:,} states")
        self.moves.append(None)
        self.jumps.append([])
        return len(self.moves) - 1

    def add(self, tree: Any, start: int) -> int:
        """Append the tree behind `start`; the state behind it."""
        if tree[0] == "set":
            end = self.state()
            step = self.state() if self.moves[start] is not None else start
            if step != start:
                self.jumps[start].append(step)
            self.moves[step] = (tree[1], end)
            return end
        if tree[0] == "seq":
            for item in tree[1]:
                start = self.add(item, start)
            return start
        if tree[0] == "alt":
            return self._alternatives(tree[1], start)
        return self._repetition(tree[1], tree[2], tree[3], start)

    def _alternatives(self, items: list[Any], start: int) -> int:
        end = self.state()
        for item in items:
            first = self.state()
            self.jumps[start].append(first)
            self.jumps[self.add(item, first)].append(end)
        return end

    def _repetition(self, item: Any, low: int, high: int | None, start: int) -> int:
        for _ in range(low):
            start = self.add(item, start)
        if high is None:
            loop, end = self.state(), self.state()
            self.jumps[start].append(loop)
            self.jumps[self.add(item, self._fresh(loop))].append(loop)
            self.jumps[loop].append(end)
            return end
        end = self.state()
        for _ in range(high - low):
            self.jumps[start].append(end)
            start = self.add(item, self._fresh(start))
        self.jumps[start].append(end)
        return end

    def _fresh(self, start: int) -> int:
        inner = self.state()
        self.jumps[start].append(inner)
        return inner


def _print(tree: Any) -> str:
    """The tree as RE2 reads it: code points by number, groups without capture."""
    if tree[0] == "set":
        return (
            "[" + "".join(f"{_point(low)}-{_point(high)}" for low, high in tree[1]) + "]"
            if tree[1]
            else "[^\\x{0}-\\x{10FFFF}]"
        )
    if tree[0] == "seq":
        return "(?:" + "".join(_print(item) for item in tree[1]) + ")"
    if tree[0] == "alt":
        return "(?:" + "|".join(_print(item) for item in tree[1]) + ")"
    low, high = tree[2], tree[3]
    return f"(?:{_print(tree[1])}){{{low},{'' if high is None else high}}}"


def _point(number: int) -> str:
    return f"\\x{{{number:X}}}"
