"""Where the cursor stands, from the tokens before it: in which blocks, in which statement, in which call. Holds for broken text as well."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from mlspec.lsp.analysis import Analysis
from mlspec.syntax.scan import Scan
from mlspec.syntax.tokens import Token

_OPEN = {"LPAR": "RPAR", "LSQB": "RSQB"}


class Surrounding(NamedTuple):
    """A block that is open at the cursor: its kind and its name, "" where it has none."""

    kind: str
    name: str


class InCall(NamedTuple):
    """A call whose bracket is open: its callee, `@` before it for an attribute, the index of the argument, and its name if given."""

    callee: str
    attribute: bool
    place: int
    argument: str
    given: tuple[str, ...]


class Cursor:
    """The surroundings of one offset. `word` is the part of a name before it, from `start`; `before` are the statement's tokens before that."""

    def __init__(self, analysis: Analysis, offset: int) -> None:
        self.text = analysis.text
        self.offset = offset
        scan = Scan(analysis.source)
        self.tokens = scan.tokens
        comments = scan.comments
        count = bisect_left(self.tokens, offset, key=lambda token: token.end)
        self.inside_text = count < len(self.tokens) and _holds(self.tokens[count], offset)
        place = bisect_left(comments, offset, key=lambda comment: comment.span.end)
        self.inside_comment = place < len(comments) and comments[place].span.start < offset
        word = self.tokens[count] if count < len(self.tokens) and self.tokens[count].start < offset else None
        self.current = word
        named = word is not None and (word.type in ("NAME", "BAD_LITERAL") or word.text.isalpha())
        self.start = word.start if word is not None and named else offset
        self.word = self.text[self.start : offset]
        passed = self.tokens[: count if word is None or named else count + 1]
        nesting = _Nesting(passed)
        self.blocks, self.brackets = nesting.blocks, nesting.brackets
        self.before = passed[nesting.start :]

    @property
    def block(self) -> Surrounding | None:
        """The innermost block, None in the file itself."""
        return self.blocks[-1] if self.blocks else None

    @property
    def path(self) -> str:
        """The blocks around, `tune.boost`."""
        return ".".join(block.name for block in self.blocks)

    @property
    def mark(self) -> str:
        """The first `=`, `:=` or `:` of the statement that stands outside brackets, "" before it."""
        depth = 0
        for token in self.before:
            depth += (token.type in _OPEN) - (token.type in _OPEN.values())
            if depth == 0 and token.type in ("EQUAL", "DEFINE", "COLON"):
                return token.text
        return ""

    @property
    def last(self) -> str:
        """The type of the token before the word."""
        return self.before[-1].type if self.before else ""

    @property
    def dotted(self) -> list[str]:
        """The names before the word that dots join to it: of `a.b.` both."""
        found: list[str] = []
        index = len(self.before) - 1
        while index >= 1 and self.before[index].type == "DOT" and self.before[index - 1].type == "NAME":
            found.insert(0, self.before[index - 1].text)
            index -= 2
        return found

    @property
    def call(self) -> InCall | None:
        """The innermost call that is open."""
        for index in reversed(self.brackets):
            if index >= len(self.before) or self.before[index].type != "LPAR":
                continue
            callee, first = _callee(self.before, index)
            if not callee:
                continue
            attribute = first > 0 and self.before[first - 1].type == "AT"
            return InCall(callee, attribute, *_argument(self.before[index + 1 :]))
        return None


def _holds(token: Token, offset: int) -> bool:
    return token.type in ("STRING", "TEXT") and token.start < offset < token.end


class _Nesting:
    """What is open behind some tokens: blocks, the statement that starts at `start`, and its brackets by place in it."""

    def __init__(self, tokens: list[Token]) -> None:
        self.blocks: list[Surrounding] = []
        self.brackets: list[int] = []
        self.start = 0
        self._tokens = tokens
        for index, token in enumerate(tokens):
            self._take(index, token.type)

    def _take(self, index: int, type: str) -> None:
        if type == "OPEN":
            self.blocks.append(_head(self._tokens[self.start : index]))
            self._begin(index + 1)
        elif type == "CLOSE":
            del self.blocks[-1:]
            self._begin(index + 1)
        elif type == "NL" and not self.brackets:
            self.start = index + 1
        elif type in _OPEN:
            self.brackets.append(index - self.start)
        elif type in _OPEN.values():
            del self.brackets[-1:]
        elif type in ("EQUAL", "DEFINE") and self.brackets and index > 1 and self._tokens[index - 2].type == "NL":
            self._begin(index - 1)  # the bracket above was never closed

    def _begin(self, start: int) -> None:
        self.start, self.brackets = start, []


def _head(tokens: list[Token]) -> Surrounding:
    """The block that these tokens begin."""
    names = [token.text for token in tokens if token.type == "NAME"]
    place = 2 if names[:1] == ["extern"] else 1
    return Surrounding(names[0] if names else "", names[place] if len(names) > place else "")


def _callee(tokens: list[Token], bracket: int) -> tuple[str, int]:
    """(the dotted name before a bracket, where it begins)."""
    index = bracket - 1
    if index < 0 or tokens[index].type != "NAME":
        return "", bracket
    parts = [tokens[index].text]
    while index >= 2 and tokens[index - 1].type == "DOT" and tokens[index - 2].type == "NAME":
        index -= 2
        parts.insert(0, tokens[index].text)
    return ".".join(parts), index


def _argument(tokens: list[Token]) -> tuple[int, str, tuple[str, ...]]:
    """(index of the open argument, its name, the names of all that are given) after the bracket of a call."""
    index, depth, first = 0, 0, 0
    given: list[str] = []
    name = ""
    for place, token in enumerate(tokens):
        if token.type in _OPEN:
            depth += 1
        elif token.type in _OPEN.values():
            depth -= 1
        elif depth == 0 and token.type == "COMMA":
            index, first, name = index + 1, place + 1, ""
        elif depth == 0 and token.type == "COLON" and place == first + 1 and tokens[first].type == "NAME":
            name = tokens[first].text
            given.append(name)
        elif token.type == "NL" and place == first:
            first = place + 1
    return index, name, tuple(given)
