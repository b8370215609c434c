"""Characters that no spec may hold, because they hide or reorder what a reviewer sees."""

from __future__ import annotations

from collections.abc import Iterator

# Written as numbers: this file must obey its own rule.
BIDI = frozenset([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
INVISIBLE = frozenset(
    [
        *(0x00AD, 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0x200B, 0x200E), *range(0x2060, 0x2066), *range(0x206A, 0x2070)),
        *(*range(0xFE00, 0xFE10), *range(0xFFF9, 0xFFFC), *range(0x1D173, 0x1D17B)),
    ]
)
SPACES = frozenset([0x00A0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000])


def verdict(char: str) -> str:
    """ "" for a character that may stand in strings and comments, else the code that refuses it."""
    point = ord(char)
    if point in BIDI or point in INVISIBLE or 0xE0000 <= point <= 0xE0FFF:
        return "MLS009"
    control = (point < 0x20 and char not in "\n\t") or 0x7F <= point < 0xA0
    if control or point in SPACES or 0xD800 <= point <= 0xDFFF or point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF:
        return "MLS008"
    return ""


def shown(char: str) -> str:
    """`U+202E RIGHT-TO-LEFT OVERRIDE`: the character named, never printed."""
    from unicodedata import name

    return f"U+{ord(char):04X} {name(char, _CONTROLS.get(ord(char), ''))}".rstrip()


_CONTROLS = {
    0x00: "NULL",
    0x0B: "LINE TABULATION",
    0x0C: "FORM FEED",
    0x0D: "CARRIAGE RETURN",
    0x1B: "ESCAPE",
    0x7F: "DELETE",
    0x85: "NEXT LINE",
}


def forbidden(text: str) -> Iterator[tuple[int, str]]:
    """Offset and code of every character of `text` that is refused."""
    answers = {char: verdict(char) for char in set(text)}
    bad = {char: answer for char, answer in answers.items() if answer}
    if bad:
        for offset, char in enumerate(text):
            if char in bad:
                yield offset, bad[char]
