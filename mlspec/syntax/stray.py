"""A character that starts no token: what was meant by it, and the token that stands in for it, so that the parse goes on.

Imported only where there is one.
"""

from __future__ import annotations

import re

from mlspec.syntax.tokens import Token

_SINGLE = re.compile(r"'([^'\"\\\n]*)'|`([^`\"\\\n]*)`")
_CURLY = re.compile(r"[\u201c\u201d\u201e\u00ab]([^\u201c\u201d\u00bb\"\\\n]*)[\u201c\u201d\u00bb]")
_ANY = '"…"'
_WORDS = {"&&": "and", "||": "or"}
_HINTS = {
    ";": "a statement ends with its line",
    "'": 'strings take double quotes, `"…"`',
    "&": "write `and`",
    "|": "between conditions write `or`; a type with null among its values is `type?`",
    "!": "write `not`",
    "^": "there is no power operator: write `x * x`",
    "`": 'strings take double quotes, `"…"`',
}


class Stray:
    """What is said of the characters up to `end`: a hint, the text that is right, and a token in their place."""

    __slots__ = ("end", "fix", "hint", "shown", "token")

    def __init__(self, end: int, hint: str, fix: str = "", token: Token | None = None, shown: str = "") -> None:
        self.end = end
        self.hint = hint
        self.fix = fix
        self.token = token
        self.shown = shown


def read_stray(text: str, at: int, before: Token | None) -> Stray:
    """The stray characters at offset `at`."""
    curly = _CURLY.match(text, at)
    if curly:
        fix = f'"{curly[1]}"'
        return Stray(
            curly.end(),
            f"strings take straight double quotes: `{fix if len(fix) <= 40 else _ANY}`",
            fix,
            Token("BAD_LITERAL", curly[0], at, curly.end()),
        )
    single = _SINGLE.match(text, at)
    if single:
        value = single[1] if single[1] is not None else single[2]
        fix = f'"{value}"'
        token = Token("BAD_LITERAL", single[0], at, single.end())
        return Stray(single.end(), f"strings take double quotes: `{fix if len(fix) <= 40 else _ANY}`", fix, token)
    pair = _WORDS.get(text[at : at + 2])
    if pair:
        token = Token(pair.upper(), pair, at, at + 2)
        return Stray(at + 2, f"write `{pair}`", pair, token, f"`{text[at]}`")
    if text[at] == "!":
        return Stray(at + 1, _HINTS["!"], "not ", Token("NOT", "not", at, at + 1))
    if text[at] == "%":
        return Stray(at + 1, _percent(text, at, before))
    return Stray(at + 1, _HINTS.get(text[at], ""))


def _percent(text: str, at: int, before: Token | None) -> str:
    """`8 %` was meant as `8%`; `a % b` has no other spelling."""
    follows = re.match(r"[ \t]*[\w(.]", text[at + 1 :])
    if before is None or before.type not in ("INT", "FLOAT") or follows:
        return "there is no remainder operator; a percentage is a number with `%` right behind it: `5%`"
    return f"a percentage is a number with `%` right behind it: `{before.text}%`"
