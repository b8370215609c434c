"""A token: one terminal of the grammar with its place and, for a literal, its value."""

from __future__ import annotations


class Token:
    """`type` is a terminal of the grammar; `value` is what a literal means, `unit` its tag or rate unit."""

    __slots__ = ("type", "text", "start", "end", "value", "unit")  # noqa: RUF023  the order of reading

    def __init__(self, type: str, text: str, start: int, end: int, value: object = None, unit: str = "") -> None:
        self.type = type
        self.text = text
        self.start = start
        self.end = end
        self.value = value
        self.unit = unit

    def __repr__(self) -> str:
        return f"{self.type}({self.text!r} at {self.start})"


# Words that are keywords wherever they stand. `mlspec use as set extern` are keywords only where a statement starts.
WORDS = {
    "if": "IF",
    "then": "THEN",
    "else": "ELSE",
    "or": "OR",
    "and": "AND",
    "not": "NOT",
    "in": "IN",
    "true": "TRUE",
    "false": "FALSE",
    "null": "NULL",
}

MARKS = {
    ":=": "DEFINE",
    "->": "ARROW",
    "==": "EQ",
    "!=": "NE",
    "<=": "LE",
    ">=": "GE",
    "<": "LT",
    ">": "GT",
    "??": "COALESCE",
    "..": "RANGE",
    "=": "EQUAL",
    ":": "COLON",
    "?": "QUESTION",
    ".": "DOT",
    ",": "COMMA",
    "@": "AT",
    "+": "PLUS",
    "-": "MINUS",
    "*": "STAR",
    "/": "SLASH",
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    "{": "OPEN",
    "}": "CLOSE",
}

LITERALS = frozenset(
    [
        "INT",
        "FLOAT",
        "STRING",
        "TRUE",
        "FALSE",
        "NULL",
        "DATE",
        "INSTANT",
        "DURATION",
        "BYTES",
        "RATE",
        "PERCENT",
        "POINTS",
        "DIGEST",
        "TEXT",
        "BAD_LITERAL",
    ]
)

# What a token is called in a message.
SHOWN = {
    "NAME": "a name",
    "INT": "a number",
    "FLOAT": "a number",
    "STRING": "a string",
    "TEXT": "a tagged text",
    "DATE": "a date",
    "INSTANT": "a timestamp",
    "DURATION": "a duration",
    "BYTES": "a size",
    "RATE": "a rate",
    "PERCENT": "a percentage",
    "POINTS": "points",
    "DIGEST": "a digest",
    "BAD_LITERAL": "a literal",
    "NL": "the end of the line",
    "$END": "the end of the file",
    "EDITION": "an edition",
    "MLSPEC": "`mlspec`",
    "USE": "`use`",
    "AS": "`as`",
    "SET": "`set`",
    "EXTERN": "`extern`",
    **{type: f"`{word}`" for word, type in WORDS.items()},
    **{type: f"`{mark}`" for mark, type in MARKS.items()},
}
