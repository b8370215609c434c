"""Words for a token that does not fit: what it is, what would have fitted, and what was probably meant."""

from __future__ import annotations

from mlspec.diagnostics import Diagnostic, code
from mlspec.source import SourceFile, Span
from mlspec.syntax.meant import Place, habit
from mlspec.syntax.tokens import LITERALS, SHOWN, WORDS, Token

_OPERATORS = frozenset(
    ["PLUS", "MINUS", "STAR", "SLASH", "COALESCE", "RANGE", "EQ", "NE", "LT", "LE", "GT", "GE", "IN", "AND", "OR"]
)


def unexpected(source: SourceFile, token: Token, before: Token | None, expected: list[str]) -> Diagnostic:
    """MLS001 at `token`, which follows `before` where one of `expected` should stand."""
    place = Place(source, token, before, set(expected))
    hint, edits = habit(place) or (_hint(place), [])
    data = {"got": _shown(token), "wanted": _wanted(place.expected, before), "hint": hint}
    if token.type == "NL" and place.head.rstrip().endswith(":") and hint.startswith("a block has braces"):
        data |= {"indented": "1", "wanted": "`{`"}
    return Diagnostic(code("MLS001"), Span(source, token.start, token.end), data, edits=edits)


def _shown(token: Token) -> str:
    if token.type in {"NL", "$END"} or not token.text:
        return "end of the file" if token.type == "$END" else "end of the line"
    if token.type == "NAME":
        return f"name `{token.text}`"
    text = token.text.split("\n", 1)[0]
    return f"`{text[:40]}{'…' if len(text) > 40 or text != token.text else ''}`"


def _wanted(expected: set[str], before: Token | None) -> str:
    """The expected terminals in words; the many that start a value or continue one are named together."""
    if expected == {"NAME"} and before is not None and before.type == "COLON":
        return "a type"
    parts: list[str] = []
    rest = set(expected)
    if "INT" in rest:
        parts.append("a value")
        rest -= LITERALS | {"NAME", "LPAR", "LSQB", "MINUS", "NOT", "IF"}
    if {"USE", "SET", "EXTERN"} <= rest:
        parts.append("a statement")
        rest -= {"USE", "SET", "EXTERN", "NAME"}
    if {"PLUS", "STAR"} & rest:
        parts.append("an operator")
        rest -= _OPERATORS
    parts += sorted(
        {SHOWN[type] for type in rest if type not in {"DOT", "LPAR"} or len(rest) < 3}, key=lambda text: (text[0] != "`", text)
    )
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " or " + parts[-1] if parts else ""


def _hint(place: Place) -> str:
    """What the grammar itself says about the place, or ""."""
    token, before, expected = place.token, place.before, place.expected
    if expected == {"NL"}:
        return "each statement stands on a line of its own, and so does the `}` that ends a block"
    if token.type == "CLOSE":
        return "no block is open here" if "CLOSE" not in expected else ""
    if token.text in WORDS and "NAME" in expected:
        return f"`{token.text}` is a word of the language and cannot be a name"
    if before is not None and before.type == "COLON" and "NAME" in expected and "INT" not in expected:
        return "`:` declares a typed name; `=` sets a field, `:=` defines a name by an expression"
    if token.type == "NL" and place.head.strip() and "EQUAL" in expected:
        return "a statement is `field = value`, `name: type`, `name := expression`, or a block `kind name { … }`"
    return ""
