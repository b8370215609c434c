"""Tokens to statements: newlines inside brackets go, brackets are paired, depth and length are bounded, soft keywords are found.

All limits are counted here, on tokens, before any tree exists.
"""

from __future__ import annotations

from mlspec.syntax.scan import Scan
from mlspec.syntax.tokens import SHOWN, Token

MAX_DEPTH = 32
MAX_ITEMS = 10_000
EDITIONS = ("2026.1",)

_OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "OPEN": "CLOSE"}
_CLOSERS = {closer: opener for opener, closer in _OPENERS.items()}
# A token behind which `-` has a left side.
_OPERANDS = frozenset(
    {"NAME", "RPAR", "RSQB", "INT", "FLOAT", "STRING", "TRUE", "FALSE", "NULL", "DATE", "INSTANT", "DURATION", "BYTES"}
) | {
    "RATE",
    "PERCENT",
    "POINTS",
    "DIGEST",
    "TEXT",
    "BAD_LITERAL",
}
_JOINS = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "COALESCE", "OR", "AND", "DOT", "AT"})
_SOFT = {"use": ("USE", "STRING"), "set": ("SET", "NAME"), "extern": ("EXTERN", "NAME")}
# Marks that only a statement has: inside a bracket they show that the bracket was never closed.
_STATEMENT_MARKS = frozenset({"EQUAL", "DEFINE", "OPEN", "CLOSE"})


class TooDeep(Exception):
    """The text goes past a limit; nothing behind this point is read."""


class _Level:
    """An open bracket: its token, where its statement starts in the output, what nests inside it."""

    __slots__ = ("token", "statement", "prefixes", "ifs", "items", "joins", "column", "body_column")  # noqa: RUF023

    def __init__(self, token: Token, statement: int, column: int) -> None:
        self.token = token
        self.statement = statement
        self.prefixes = 0
        self.ifs = 0
        self.items = 0
        self.joins = 0
        self.column = column
        self.body_column = 0


class Layout:
    """One pass over the tokens of a scan; `tokens` is what the parser reads, ending in `$END`.

    A scan of a part of the text has no header: one is made up, and with `inside` the head and the end of a block around it. `tops` are
    the places in `tokens` behind each line that ends outside every bracket, with the number of blocks that are open there; `closed`
    says whether all that the text opens is closed at its end.
    """

    def __init__(self, scan: Scan, inside: bool = False) -> None:
        self.scan = scan
        self.tokens: list[Token] = []
        self.tops: list[tuple[int, int]] = []
        self.levels: list[_Level] = []
        self.edition: str | None = None
        self._raw = scan.tokens
        self._base = _Level(Token("$END", "", 0, 0), 0, 1)
        self._start = 0  # index in `tokens` of the statement being read
        self._depth = 0
        self._text_open = False
        self._lacking = sum((token.type == "OPEN") - (token.type == "CLOSE") for token in scan.tokens)
        index = self._header() if scan.start == 0 else self._surround(inside)
        while index < len(self._raw):
            index = self._step(index)
        self.closed = len(self.levels) == inside and not self._in_brackets()
        if inside and self.closed:
            self._close(Token("CLOSE", "}", scan.end, scan.end))
        self._finish()

    # ---- the first line

    def _header(self) -> int:
        """Reads `mlspec 2026.1` from line 1; makes the tokens up where they are missing, so that the rest is still read."""
        raw = self._raw
        at = 0
        while at < len(raw) and raw[at].type == "NL":
            at += 1
        named = (
            at + 1 < len(raw)
            and raw[at].text == "mlspec"
            and raw[at].type == "NAME"
            and raw[at + 1].type not in {"EQUAL", "COLON", "DEFINE", "OPEN"}
        )
        first = raw[at] if at < len(raw) else Token("$END", "", 0, 0)
        if not named:
            self._no_edition(first)
            self.tokens += [Token("MLSPEC", "mlspec", 0, 0), Token("EDITION", "", 0, 0), Token("NL", "\n", 0, 0)]
            self._start = 3
            return at
        edition = raw[at + 1]
        if edition.text in EDITIONS:
            self.edition = edition.text
            if self.scan.source.position(first.start)[0] != 1:
                data = {"what": "the edition does not stand on the first line", "wanted": f"mlspec {edition.text}"}
                self.scan.report("MLS004", data, first.start, edition.end)
        else:
            self._drop_reports(edition)
            last = at + 1
            while (
                edition.type != "NL"
                and last + 1 < len(raw)
                and raw[last + 1].type != "NL"
                and raw[last + 1].start == raw[last].end
            ):
                last += 1  # `v2026.1` is three tokens and one word
            text = self.scan.source.text[edition.start : raw[last].end]
            data = {
                "what": f"this compiler does not know the edition `{text}`",
                "wanted": f"mlspec {EDITIONS[-1]}",
                "got": f"`{text}`",
            }
            self.scan.report("MLS004", data, edition.start, raw[last].end, EDITIONS[-1] if edition.type != "NL" else "")
            at = last - 1
        self.tokens += [
            Token("MLSPEC", "mlspec", first.start, first.end),
            Token("EDITION", edition.text, edition.start, edition.end),
        ]
        return at + 1 if edition.type == "NL" else self._rest_of_header(at + 2)

    def _surround(self, inside: bool) -> int:
        """Stands for the header, the head of a block, and the line end before this part of the text."""
        start = self.scan.start
        line = Token("NL", "\n", start - 1, start)
        self.tokens += [Token("MLSPEC", "mlspec", 0, 0), Token("EDITION", "", 0, 0), line]
        self._start = 3
        if inside:
            self.tokens.append(Token("NAME", "", start - 1, start - 1))
            self._open(Token("OPEN", "{", start - 1, start - 1))
            self._line_end(line)
        return 0

    def _rest_of_header(self, at: int) -> int:
        """Nothing else stands on the first line."""
        first = at
        while at < len(self._raw) and self._raw[at].type != "NL":
            at += 1
        if at > first:
            data = {
                "got": f"`{self._raw[first].text[:40]}`",
                "wanted": SHOWN["NL"],
                "hint": "the edition has the first line to itself",
            }
            self.scan.report("MLS001", data, self._raw[first].start, self._raw[at - 1].end)
        return at

    def _drop_reports(self, edition: Token) -> None:
        """A wrong edition is one fault, not also a bad number."""
        self.scan.found[:] = [d for d in self.scan.found if d.span is None or d.span.start != edition.start]

    def _no_edition(self, first: Token) -> None:
        from mlspec.diagnostics import Diagnostic, Edit, code
        from mlspec.source import Span

        empty = first.type == "$END"
        what = "the file is empty" if empty else "the file does not start with its edition"
        if empty and self.scan.comments:
            what = "the file holds nothing but comments"
        got = "" if empty else f"`{self.scan.source.line(self.scan.source.position(first.start)[0])[:60].strip()}`"
        line = f"mlspec {EDITIONS[-1]}"
        start = 1 if self.scan.source.text.startswith("\ufeff") else 0
        edit = Edit(Span(self.scan.source, start, start), line + "\n\n")
        span = Span(self.scan.source, first.start, first.end)
        self.scan.found.append(Diagnostic(code("MLS004"), span, {"what": what, "wanted": line, "got": got}, edits=[edit]))

    # ---- one token

    def _step(self, index: int) -> int:
        token = self._raw[index]
        type = token.type
        if type == "NL":
            self._line_end(token)
        elif type in _OPENERS and not (type == "OPEN" and self._in_brackets()):
            self._open(token)
        elif type in _CLOSERS and not (type == "CLOSE" and self._in_brackets()):
            self._close(token)
        elif type in _STATEMENT_MARKS and self._in_brackets():
            return self._unclosed_above(index)
        else:
            self._plain(index, token)
        return index + 1

    def _in_brackets(self) -> bool:
        return bool(self.levels) and self.levels[-1].token.type != "OPEN"

    def _line_end(self, token: Token) -> None:
        if self._in_brackets():
            return
        if self.tokens[-1].type != "NL":
            self.tokens.append(token)
            self._reset()
            self.tops.append((len(self.tokens), len(self.levels)))
        self._start = len(self.tokens)

    def _reset(self) -> None:
        level = self.levels[-1] if self.levels else self._base
        self._depth -= level.prefixes + level.ifs
        level.prefixes = level.ifs = level.joins = 0

    def _open(self, token: Token) -> None:
        column = 0
        if token.type == "OPEN":
            self._reset()
            column = self._column(self.tokens[self._start]) if self._start < len(self.tokens) else 0
        self.levels.append(_Level(token, self._start, column))
        self._deeper(token)
        self.tokens.append(token)

    def _column(self, token: Token) -> int:
        return token.start - self.scan.source.text.rfind("\n", 0, token.start)

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.scan.report(
                "MLS006",
                {"what": "this is nested too deep", "limit": f"{MAX_DEPTH} levels", "hint": "name the inner parts"},
                token.start,
                token.end,
            )
            raise TooDeep

    def _close(self, token: Token) -> None:
        if self.levels and _OPENERS[self.levels[-1].token.type] == token.type:
            self._pop()
        elif self._in_brackets() and any(_OPENERS[level.token.type] == token.type for level in self._bracket_levels()):
            while _OPENERS[self.levels[-1].token.type] != token.type:
                opener = self.levels[-1].token
                self._report_unclosed(opener, f"`{token.text}`", token)
                self.tokens.append(Token(_OPENERS[opener.type], "", token.start, token.start))
                self._pop()
            self._pop()
        elif self._in_brackets():
            opener = self.levels[-1].token
            wanted = SHOWN[_OPENERS[opener.type]]
            self.scan.report(
                "MLS001",
                {"got": f"`{token.text}`", "wanted": f"{wanted}, which closes `{opener.text}`"},
                token.start,
                token.end,
            )
            self._pop()
            token = Token(_OPENERS[opener.type], token.text, token.start, token.end)
        self._operand()
        self.tokens.append(token)

    def _bracket_levels(self) -> list[_Level]:
        """The open brackets of this expression, innermost first."""
        found = []
        for level in reversed(self.levels):
            if level.token.type == "OPEN":
                break
            found.append(level)
        return found

    def _operand(self) -> None:
        """What `-` and `not` stand before is here: they nest no deeper."""
        level = self.levels[-1] if self.levels else self._base
        self._depth -= level.prefixes
        level.prefixes = 0

    def _pop(self) -> None:
        level = self.levels.pop()
        self._depth -= 1 + level.prefixes + level.ifs

    def _plain(self, index: int, token: Token) -> None:
        type = token.type
        if type == "NULL" and self._in_brackets() and self._raw[index + 1 : index + 2] and self._raw[index + 1].type == "COLON":
            type = token.type = "NAME"  # `null: ["NA"]` names an argument
        if type == "NAME":
            if self.tokens[-1].type in {"NL", "OPEN"}:
                self._soft(index, token)
                self._outdented(token)
        elif type == "COMMA":
            self._comma(index, token)
        elif type == "IF" or type == "NOT" or (type == "MINUS" and self.tokens[-1].type not in _OPERANDS):
            self._prefix(token)
        elif type in _JOINS:
            self._join(token)
        if type in _OPERANDS:
            self._operand()
        self.tokens.append(token)

    def _prefix(self, token: Token) -> None:
        """Words and marks that nest what follows them, without a bracket."""
        level = self.levels[-1] if self.levels else self._base
        if token.type == "IF":
            level.ifs += 1
        else:
            level.prefixes += 1
        self._deeper(token)

    def _comma(self, index: int, token: Token) -> None:
        self._reset()
        if self.levels:
            self.levels[-1].items += 1
            if self.levels[-1].items >= MAX_ITEMS:
                self._too_many(index, token)

    def _too_many(self, index: int, token: Token) -> None:
        if any(after.type != "NL" and after.type not in _CLOSERS for after in self._raw[index + 1 : index + 3]):
            self.scan.report(
                "MLS006",
                {"what": "this list is too long", "limit": f"{MAX_ITEMS:,} items", "hint": "put the data into a file"},
                token.start,
                token.end,
            )
            raise TooDeep

    def _join(self, token: Token) -> None:
        """Operators, dots and attributes make long chains without nesting."""
        level = self.levels[-1] if self.levels else self._base
        level.joins += 1
        if level.joins > MAX_ITEMS:
            data = {"what": "this expression is too long", "limit": f"{MAX_ITEMS:,} operators", "hint": "name its parts"}
            self.scan.report("MLS006", data, token.start, token.end)
            raise TooDeep

    def _soft(self, index: int, token: Token) -> None:
        """`use "…"`, `set a.b`, `extern kind name(`: words only here, so that a column may still be called `set`."""
        row = _SOFT.get(token.text)
        after = self._raw[index + 1 : index + 5]
        if row is None or not after or after[0].type != row[1]:
            return
        if token.text == "use":
            token.type = "USE"
            if len(after) > 1 and after[1].text == "as":
                after[1].type = "AS"
        elif (token.text == "set" and len(after) > 1 and after[1].type in {"DOT", "EQUAL"} and self._is_patch(index)) or (
            token.text == "extern" and len(after) > 2 and after[1].type == "NAME"
        ):
            token.type = row[0]

    def _is_patch(self, index: int) -> bool:
        """`set a.b = 1` patches; `set census = …` is a short block of kind `set`, which the checker refuses by name."""
        return self._raw[index + 2].type == "DOT"

    # ---- brackets that nobody closed

    def _outdented(self, token: Token) -> None:
        """A statement at the margin of its block's head, where the block's own statements are indented: the `}` is missing.

        Only where the file has fewer `}` than `{`: indentation means nothing by itself.
        """
        while self.levels and self._lacking > 0:
            level = self.levels[-1]
            column = self._column(token)
            if level.body_column == 0:
                level.body_column = column
            if not (level.column == column < level.body_column):
                return
            self._lacking -= 1
            self._report_unclosed(level.token, f"line {self.scan.source.position(token.start)[0]}", token)
            self._pop()
            self.tokens += [Token("CLOSE", "", token.start, token.start), Token("NL", "", token.start, token.start)]
            self._start = len(self.tokens)

    def _unclosed_above(self, index: int) -> int:
        """`=`, `:=`, `{` or `}` inside a bracket: if a line ended since the bracket opened, it was never closed."""
        token = self._raw[index]
        line = index
        while line and self._raw[line].type != "NL":
            line -= 1
        opener = self.levels[-1].token
        if (
            self._raw[line].type != "NL" or self._raw[line].start < opener.start
        ):  # still the opener's line: `f(a = 1)`, which the parser explains
            self.tokens.append(token)
            return index + 1
        start = self.levels[-1].statement
        while self._in_brackets():
            start = self.levels[-1].statement
            self._pop()
        first = self._raw[line + 1]
        self._report_unclosed(opener, f"line {self.scan.source.position(first.start)[0]}", first)
        del self.tokens[start:]
        self._start = len(self.tokens)
        return line + 1

    def _report_unclosed(self, opener: Token, before: str, behind: Token | None = None) -> None:
        """`behind` is the token before which the closing mark is missing."""
        if self._text_open:
            return
        closer = {"(": ")", "[": "]", "{": "}"}[opener.text]
        note = None if behind is None else (f"`{closer}` is missing before this", behind.start, behind.end)
        self.scan.report("MLS002", {"mark": opener.text, "wanted": closer, "got": before}, opener.start, opener.end, note=note)

    def _finish(self) -> None:
        end = self.scan.end
        if self._raw and self._raw[-1].type == "BAD_LITERAL" and '"""' in self._raw[-1].text and self._raw[-1].end == end:
            self._text_open = True  # an unclosed text has swallowed every bracket that follows: it alone is reported
        if self._in_brackets():
            opener = self.levels[-1].token
            start = next(level.statement for level in self.levels if level.token.type != "OPEN")
            while self._in_brackets():
                self._pop()
            self._report_unclosed(opener, SHOWN["$END"])
            del self.tokens[start:]
        if self.tokens and self.tokens[-1].type != "NL":
            self.tokens.append(Token("NL", "", end, end))
        while self.levels:
            self._report_unclosed(self.levels[-1].token, SHOWN["$END"])
            self._pop()
            self.tokens += [Token("CLOSE", "", end, end), Token("NL", "", end, end)]
        self.tokens.append(Token("$END", "", end, end))
