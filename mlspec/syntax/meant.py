"""What was probably meant by a token that does not fit: habits of other languages, with the text that would be right.

Imported only where there is such a token.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mlspec.diagnostics import Edit
from mlspec.source import SourceFile, Span
from mlspec.syntax.tokens import LITERALS, Token
from mlspec.syntax.units import nearest

Meant = tuple[str, list[Edit]] | None
"""The help of the message, and the edits that make it right where that is certain."""

_COMPARISONS = frozenset(["EQ", "NE", "LT", "LE", "GT", "GE", "IN"])
_NUMBERS = frozenset(["INT", "FLOAT"])
_ATTRIBUTES = frozenset(
    ["for", "delay", "notify", "key", "range", "pii", "protected", "outcome", "audit", "label", "was", "event_time", "allow",
     "named"]
)  # fmt: skip
# `owner` before a colon that stands for `=`; `assistant.replicas` likewise inside `set`.
_FIELD = re.compile(r"\s*([A-Za-z_]\w*)\s*:\s*$")
# `age: int = 3` before an attribute: what declares, the kind where there is one, the default.
_DEFAULT = re.compile(r"\s*((?:([A-Za-z_]\w*)\s+)?[A-Za-z_]\w*\s*:\s*[^=]+?)\s*=\s*([^=].*?)\s*$")
_BLOCK_HEAD = re.compile(r"\s*([A-Za-z_]\w*\s+[A-Za-z_]\w*)\s*:\s*$")


class Place:
    """A token that does not fit, with what stands around it."""

    __slots__ = ("before", "expected", "head", "line_end", "source", "token")

    def __init__(self, source: SourceFile, token: Token, before: Token | None, expected: set[str]) -> None:
        self.source = source
        self.token = token
        self.before = before
        self.expected = expected
        self.head = source.text[source.text.rfind("\n", 0, token.start) + 1 : token.start]
        end = source.text.find("\n", token.start)
        self.line_end = end if end >= 0 else len(source.text)

    @property
    def tail(self) -> str:
        """The line from the token on, without a comment."""
        return self.source.text[self.token.start : self.line_end].split(" #")[0].rstrip()

    def replace(self, start: int, end: int, text: str) -> list[Edit]:
        return [Edit(Span(self.source, start, end), text)]

    def after(self, type: str) -> bool:
        """Whether the token before is of `type`."""
        return self.before is not None and self.before.type == type

    @property
    def adjacent(self) -> bool:
        """Whether nothing stands between the token and the one before."""
        return self.before is not None and self.before.end == self.token.start


def _field_by_colon(place: Place) -> Meant:
    """`seed: 7` for `seed = 7`."""
    match = _FIELD.match(place.head)
    if place.token.type not in LITERALS | {"LSQB"} or match is None or place.before is None or place.before.type != "COLON":
        return None
    tail = place.tail if len(place.tail) <= 40 else "…"
    block = place.source.text[: place.token.start].rpartition("{\n")[0].rpartition("\n")[2].split()
    if block[:1] == ["split"] and place.token.type == "PERCENT":
        return f"a part is defined by `:=`: `{match[1]} := {tail}`", place.replace(place.before.start, place.before.end, " :=")
    edits = place.replace(place.before.start, place.before.end, " =")
    return f"a field is set by `=`: `{match[1]} = {tail}`; `:` gives a name a type", edits


def _block_by_colon(place: Place) -> Meant:
    """`spec demo:` for `spec demo {`."""
    match = _BLOCK_HEAD.match(place.head)
    if place.token.type != "NL" or match is None:
        return None
    return (
        f"a block has braces: `{' '.join(match[1].split())} {{`, then `field = value` lines, and `}}` on a line of its own",
        [],
    )


def _set_by_colon(place: Place) -> Meant:
    if place.token.type == "COLON" and place.head.lstrip().startswith("set "):
        return "`set` takes `=`", place.replace(place.token.start, place.token.end, " =")
    return None


def _chained(place: Place) -> Meant:
    if place.token.type in _COMPARISONS and "AND" in place.expected:
        return "comparisons do not chain: join two of them with `and`", []
    return None


def _equals(place: Place) -> Meant:
    token, expected = place.token, place.expected
    if token.type == "EQUAL" and expected & {"COMMA", "RPAR"}:
        text = ": " if not place.source.text.startswith(" ", token.end) else ":"
        start = place.before.end if place.before is not None else token.start
        return "arguments are named with `:`, as in `name: value`", place.replace(start, token.end, text)
    if token.type == "EQUAL" and "PLUS" in expected:
        return "to compare write `==`", place.replace(token.start, token.end, "==")
    if token.type == "EQ" and "EQUAL" in expected:
        return "to set a field write `=`", place.replace(token.start, token.end, "=")
    return None


def _override(place: Place) -> Meant:
    if place.token.type == "DOT" and "EQUAL" in place.expected:
        return "a field is set by its own name; `set a.b = …` overrides one inside `env`", []
    return None


def _comma(place: Place) -> Meant:
    if place.token.type == "COMMA" and "NL" in place.expected and place.tail == ",":
        return "a statement ends with its line: remove the comma", place.replace(place.token.start, place.token.end, "")
    return None


def _spaced_unit(place: Place) -> Meant:
    """`30 d` and `30 days` for `30d`."""
    if place.token.type != "NAME" or place.before is None or place.before.type not in _NUMBERS:
        return None
    unit = nearest(place.token.text)
    if not unit:
        return None
    fix = place.before.text + unit
    return f"a unit stands right behind its number: `{fix}`", place.replace(place.before.start, place.token.end, fix)


def _foreign_operator(place: Place) -> Meant:
    """`**` and `//`."""
    if place.token.type == "STAR" and place.after("STAR") and place.adjacent:
        return "there is no power operator: write `x * x`", []
    if place.token.type != "SLASH":
        return None
    if place.after("SLASH") and place.adjacent:
        return "a comment starts with `#`; the whole part of a quotient is `floor(a / b)`", []
    if "USE" in place.expected or place.tail.startswith("/*"):
        return "a comment starts with `#`", []
    return None


def _ternary(place: Place) -> Meant:
    if place.token.type == "IF" and "PLUS" in place.expected:
        return "a choice starts with its condition: `if CONDITION then A else B`", []
    return None


def _prefixed_string(place: Place) -> Meant:
    """`f"…"` and `r"…"`."""
    if place.token.type == "STRING" and place.adjacent and place.after("NAME") and place.before is not None:
        edits = place.replace(place.before.start, place.before.end, "")
        return f"a string has no letters before its quotes: remove `{place.before.text}`", edits
    return None


def _index(place: Place) -> Meant:
    """`census["age"]` for `census.age`, `category["a"]` for `category("a")`."""
    if place.token.type != "LSQB" or place.before is None or not place.adjacent:
        return None
    if "QUESTION" in place.expected:
        return f"the values of a type stand in round brackets: `{place.before.text}(…)`", []
    inner = re.match(r'\["([A-Za-z]\w*)"\]', place.tail)
    if inner is None:
        return "there is no indexing: a column is `source.column`", []
    start, end = place.token.start, place.token.start + inner.end()
    return f"a column is `{place.before.text}.{inner[1]}`", place.replace(start, end, f".{inner[1]}")


def _apart(place: Place) -> Meant:
    """Items of a list without commas, a list without brackets, names with dashes or quotes."""
    token, before = place.token, place.before
    if token.type in LITERALS | {"NAME"} and "COMMA" in place.expected and before is not None:
        return "items are parted by commas", place.replace(before.end, before.end, ",")
    if token.type == "COMMA" and "NL" in place.expected:
        return "several values are a list, in brackets: `[a, b]`", []
    if token.type == "RPAR" and "RPAR" not in place.expected:
        return "this closes a bracket that nothing opened: remove it", place.replace(token.start, token.end, "")
    words = place.head.split()
    if token.type == "STRING" and {"NAME", "OPEN"} <= place.expected and len(words) == 1:
        bare = token.text.strip('"')
        return f"a name takes no quotes: `{words[0]} {bare}`", place.replace(token.start, token.end, bare)
    if token.type == "MINUS" and "OPEN" in place.expected and len(words) == 2 and place.adjacent:
        tail = re.match(r"-[\w-]*", place.tail)
        name = words[1] + (tail[0] if tail else "")
        start = token.start - len(words[1])
        return f"a name has `_` in place of `-`: `{name.replace('-', '_')}`", place.replace(
            start, start + len(name), name.replace("-", "_")
        )
    return None


def _optional(place: Place) -> Meant:
    """`Optional[category]` and `category or null` for `category?`."""
    inner = re.match(r"\[(\w+)\]", place.tail)
    if (
        place.token.type == "LSQB"
        and place.after("NAME")
        and place.before is not None
        and place.before.text == "Optional"
        and inner
    ):
        return f"a type with null among its values is `{inner[1]}?`", place.replace(
            place.before.start, place.token.start + inner.end(), f"{inner[1]}?"
        )
    if place.token.type == "OR" and "QUESTION" in place.expected and place.before is not None:
        return f"a type with null among its values is `{place.before.text}?`", []
    return None


def _attribute(place: Place) -> Meant:
    if place.token.type == "NAME" and "AT" in place.expected and place.token.text in _ATTRIBUTES:
        return f"an attribute starts with `@`: `@{place.token.text}(…)`", []
    return None


def _default_first(place: Place) -> Meant:
    """`age: int = 3 @range(0..10)`: a default before the attributes, where a parameter has it last and a column has none."""
    match = _DEFAULT.match(place.head) if place.token.type == "AT" else None
    if match is None:
        return None
    declared, default = match[1], match[3]
    if match[2] is None:
        fix = f"{declared} {place.tail}"
        return f"a column has no value of its own: `{fix}`, and `?? {default}` where it is used and may be null", []
    text = f"{declared} {place.tail} = {default}"
    start = place.token.start - len(place.head.lstrip())
    edits = place.replace(start, place.token.start + len(place.tail), text)
    return f"attributes stand before the default: `{text}`", edits


def _lambda(place: Place) -> Meant:
    if place.before is not None and place.before.text in ("lambda", "def"):
        return "there are no functions of one's own: write the expression over the columns themselves", []
    return None


def _imports(place: Place) -> Meant:
    """`import shared`, `from shared import x`, and `use` without its alias."""
    words = [*place.head.split(), *place.tail.split()]
    if place.token.type == "NL" and "AS" in place.expected and words[:1] == ["use"]:
        return f"the file gets a name here: `{' '.join(words)} as NAME`", []
    if len(words) > 1 and words[0] in ("import", "from", "include", "require") and "OPEN" in place.expected:
        name = words[1].strip('";')
        return (
            f'another spec is imported by `use`: `use "./{name.removesuffix(".mlspec")}.mlspec" as {name.partition(".")[0]}`',
            [],
        )
    return None


def _function(place: Place) -> Meant:
    """`def f(x):` and `function f(x) {`."""
    if place.head.split()[:1] in (["def"], ["function"], ["fn"], ["func"]):
        return "there are no functions of one's own: name a value by `:=` in its block", []
    return None


def _dictionary(place: Place) -> Meant:
    if place.token.type == "OPEN" and "INT" in place.expected and place.tail[1:].lstrip()[:1] in ('"', "'"):
        return "there are no dictionaries: call it with named arguments, as in `hyperopt(algorithm: tpe)`", []
    return None


def _changes(place: Place) -> Meant:
    """`seed += 1`."""
    if place.tail[1:2] == "=" and place.token.type in ("PLUS", "MINUS", "STAR", "SLASH") and "EQUAL" in place.expected:
        return "nothing is changed by steps: a field is set once, by `=`", []
    return None


def _section(place: Place) -> Meant:
    """`[spec]` and `"owner": "x"`."""
    inner = re.match(r"\[([A-Za-z]\w*)\]$", place.tail)
    if inner and not place.head.strip():
        return f"a block is `{inner[1]} NAME {{`, and `}}` on a line of its own", []
    field = re.match(r'"([A-Za-z]\w*)"\s*[:=]', place.tail)
    if field and not place.head.strip():
        return f"a name takes no quotes, and a field is set by `=`: `{field[1]} = …`", []
    return None


def _optional_name(place: Place) -> Meant:
    if place.token.type == "QUESTION" and place.after("NAME") and place.before is not None and "COLON" in place.expected:
        return f"`?` stands behind the type: `{place.before.text}: category?`", []
    return None


def _bare_path(place: Place) -> Meant:
    if place.token.type == "SLASH" and place.after("LPAR"):
        return "a path is text, in double quotes, relative to the spec", []
    return None


def _brace(place: Place) -> Meant:
    if place.token.type == "OPEN" and "INT" in place.expected:
        return "a block has no `=`: write `kind name {`", []
    if place.token.type == "NL" and "OPEN" in place.expected and len(place.head.split()) == 2:
        return f"a block opens on the line of its name: `{' '.join(place.head.split())} {{`", []
    return None


_HABITS: tuple[Callable[[Place], Meant], ...] = (
    _imports, _function, _dictionary, _changes, _section, _optional_name, _bare_path, _optional, _chained, _equals, _override, _comma, _spaced_unit, _foreign_operator, _ternary, _prefixed_string, _index, _attribute, _default_first,
    _lambda, _apart, _brace, _field_by_colon, _block_by_colon, _set_by_colon,
)  # fmt: skip


def habit(place: Place) -> Meant:
    """The first habit that explains the token."""
    return next((found for each in _HABITS if (found := each(place)) is not None), None)
