"""Two texts side by side: which line stands beside which, and which words of a changed line differ."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Literal, NamedTuple

MOST = 4_000
"""Of a longer stretch that differs lines are not matched: they stand beside each other as they come."""
LONGEST = 2_000
"""Words of a longer line are not matched."""

Kind = Literal["same", "changed", "gone", "new"]


class Row(NamedTuple):
    """A line of each side, by number from 1; 0 and "" where a side has none."""

    kind: Kind
    old: int
    old_text: str
    new: int
    new_text: str


def side_by_side(old: str, new: str) -> list[Row]:
    """Every line of both texts, once."""
    before, after = _lines(old), _lines(new)
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    rows = [Row("same", n + 1, before[n], n + 1, before[n]) for n in range(start)]
    rows += _between(before[start : len(before) - end], after[start : len(after) - end], start)
    for n in range(end, 0, -1):
        rows.append(Row("same", len(before) - n + 1, before[-n], len(after) - n + 1, after[-n]))
    return rows


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def _between(before: list[str], after: list[str], start: int) -> list[Row]:
    """The stretch in which the two differ."""
    if max(len(before), len(after)) > MOST:
        return _beside(before, after, start, start)
    rows: list[Row] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            rows += [Row("same", start + a + n + 1, before[a + n], start + c + n + 1, after[c + n]) for n in range(b - a)]
        else:
            rows += _beside(before[a:b], after[c:d], start + a, start + c)
    return rows


def _beside(before: list[str], after: list[str], old: int, new: int) -> list[Row]:
    """Lines of both sides in the order they have; what is left over of one stands alone."""
    rows = []
    for n in range(max(len(before), len(after))):
        has_old, has_new = n < len(before), n < len(after)
        kind: Kind = "changed" if has_old and has_new else "gone" if has_old else "new"
        rows.append(Row(kind, old + n + 1 if has_old else 0, before[n] if has_old else "", new + n + 1 if has_new else 0,
                        after[n] if has_new else ""))  # fmt: skip
    return rows


def words_apart(old: str, new: str) -> tuple[list[tuple[bool, str]], list[tuple[bool, str]]]:
    """Each text as pieces (differs, text), by words and signs."""
    if max(len(old), len(new)) > LONGEST:
        return [(True, old)], [(True, new)]
    one, other = _words(old), _words(new)
    left: list[tuple[bool, str]] = []
    right: list[tuple[bool, str]] = []
    for tag, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        differs = tag != "equal"
        left += [(differs, "".join(one[a:b]))] if b > a else []
        right += [(differs, "".join(other[c:d]))] if d > c else []
    return left, right


def _words(text: str) -> list[str]:
    """Runs of letters, digits, `_` and `.`; every other character by itself."""
    found: list[str] = []
    for char in text:
        inside = char.isalnum() or char in "_."
        if inside and found and (found[-1][-1].isalnum() or found[-1][-1] in "_."):
            found[-1] += char
        else:
            found.append(char)
    return found
