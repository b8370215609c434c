"""Words for a token that does not fit: what it is, what would have fitted, and what was probably meant."""

from __future__ import annotations

from mlspec.diagnostics import Diagnostic, code
from mlspec.source import SourceFile, Span
from mlspec.syntax.tokens import LITERALS, SHOWN, WORDS, Token

_OPERATORS = frozenset(
    ["PLUS", "MINUS", "STAR", "SLASH", "COALESCE", "RANGE", "EQ", "NE", "LT", "LE", "GT", "GE", "IN", "AND", "OR"]
)
_COMPARISONS = frozenset(["EQ", "NE", "LT", "LE", "GT", "GE", "IN"])


# The token found, what could have stood there (any of these), what was probably meant.
_PAIRS = (
    (_COMPARISONS, {"AND"}, "comparisons do not chain: join two of them with `and`"),
    ({"EQUAL"}, {"COMMA", "RPAR"}, "arguments are named with `:`, as in `name: value`"),
    ({"EQUAL"}, {"PLUS"}, "to compare write `==`"),
    ({"EQ"}, {"EQUAL"}, "to set a field write `=`"),
    ({"DOT"}, {"EQUAL"}, "a field is set by its own name; `set a.b = …` overrides one inside `env`"),
    ({"OPEN"}, {"INT"}, "a block has no `=`: write `kind name {`"),
)


def unexpected(source: SourceFile, token: Token, before: Token | None, expected: list[str]) -> Diagnostic:
    """MLS001 at `token`, which follows `before` where one of `expected` should stand."""
    data = {"got": _shown(token), "wanted": _wanted(set(expected)), "hint": _hint(source, token, before, set(expected))}
    return Diagnostic(code("MLS001"), Span(source, token.start, token.end), data)


def _shown(token: Token) -> str:
    if token.type in {"NL", "$END"} or not token.text:
        return "end of the file" if token.type == "$END" else "end of the line"
    if token.type == "NAME":
        return f"name `{token.text}`"
    text = token.text.split("\n", 1)[0]
    return f"`{text[:40]}{'…' if len(text) > 40 or text != token.text else ''}`"


def _wanted(expected: set[str]) -> str:
    """The expected terminals in words; the many that start a value or continue one are named together."""
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


def _hint(source: SourceFile, token: Token, before: Token | None, expected: set[str]) -> str:
    """What was probably meant, or ""."""
    line_start = source.text.rfind("\n", 0, token.start) + 1
    head = source.text[line_start : token.start]
    pair = next((text for types, wanted, text in _PAIRS if token.type in types and wanted & expected), "")
    if pair:
        return pair
    if expected == {"NL"}:
        return "each statement stands on a line of its own, and so does the `}` that ends a block"
    if token.type == "CLOSE":
        return "no block is open here" if "CLOSE" not in expected else ""
    if token.text in WORDS and "NAME" in expected:
        return f"`{token.text}` is a word of the language and cannot be a name"
    if before is not None and before.type == "COLON" and "NAME" in expected and "INT" not in expected:
        return "`:` declares a typed name; `=` sets a field, `:=` defines a name by an expression"
    if token.type == "NL" and head.strip() and "EQUAL" in expected:
        return "a statement is `field = value`, `name: type`, `name := expression`, or a block `kind name { … }`"
    return ""
