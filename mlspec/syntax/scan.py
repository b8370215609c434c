"""Text to tokens: one compiled pattern finds the next token, small readers take over for numbers and strings."""

from __future__ import annotations

import re

from mlspec.diagnostics import Diagnostic, Edit, code
from mlspec.source import SourceFile, Span
from mlspec.syntax.nodes import Comment
from mlspec.syntax.numbers import read_number
from mlspec.syntax.strings import read_string, read_text
from mlspec.syntax.tokens import MARKS, WORDS, Token

_NEXT = re.compile(
    r"[ \t]*(?:([A-Za-z_][A-Za-z0-9_]*)|(\n)|(:=|->|==|!=|<=|>=|\?\?|\.\.|[=:?.,@+\-*/()\[\]{}<>])|([0-9])|(\")|(#[^\n]*))"
)
_NAME, _LINE, _MARK, _DIGIT, _QUOTE, _COMMENT = range(1, 7)
_BLANK = re.compile(r"[ \t]*")
_DIGEST = re.compile(r"sha256:([0-9A-Za-z]+)")
_HEX = re.compile(r"[0-9a-f]{64}")
_FRACTION = re.compile(r"\.[0-9][A-Za-z0-9_%]*")
# A run that a name could have been meant by: letters of any script, digits, `_`, `$` and `-` between letters.
_WORDLIKE = re.compile(r"[^\W\d][\w$]*|[\w$]+")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
MAX_NAME = 64
# Codes whose edit picks one of several readings: a month or a minute, a number that was mistyped, an edition with other defaults.
_GUESSED = frozenset(("MLS004", "MLS010", "MLS012", "MLS014"))


class Scan:
    """The tokens of a source, its comments, and what is wrong with its text. `docs` maps an offset to the `##` text above it.

    `start` and `end` bound it to a part of the text that begins and ends with whole lines.
    """

    def __init__(self, source: SourceFile, start: int = 0, end: int | None = None) -> None:
        self.source = source
        self.start = start
        self.end = len(source.text) if end is None else end
        self.tokens: list[Token] = []
        self.comments: list[Comment] = []
        self.docs: dict[int, str] = {}
        self.found: list[Diagnostic] = []
        self._doc: list[str] = []
        self._characters()
        self._run()

    def report(
        self, id: str, data: dict[str, str], start: int, end: int, fix: str = "", note: tuple[str, int, int] | None = None
    ) -> None:
        """Adds a diagnostic; `fix` replaces the text it points at, `note` is (text, start, end) of a second place."""
        span = Span(self.source, start, end)
        if note is not None:
            from mlspec.diagnostics import Note

            self.found.append(Diagnostic(code(id), span, data, [Note(note[0], Span(self.source, *note[1:]))]))
            return
        self.found.append(Diagnostic(code(id), span, data, edits=[Edit(span, fix, id in _GUESSED)] if fix else ()))

    def _characters(self) -> None:
        """Forbidden characters are refused everywhere, comments included."""
        text = self.source.text if self.end - self.start == len(self.source.text) else self.source.text[self.start : self.end]
        if text.isascii() and not _FORBIDDEN.search(text):
            return
        from mlspec.diagnostics.hidden import forbidden, shown

        for place, id in forbidden(text):
            char, offset = text[place], place + self.start
            if char == "\r" and any(one.data.get("char", "").startswith("U+000D") for one in self.found):
                continue  # line ends of another system are one fault
            if char == "\ufeff" and offset == 0:
                data = {"what": "the file starts with a byte order mark", "wanted": "UTF-8 without a mark"}
                span = Span(self.source, 0, 1)
                self.found.append(Diagnostic(code("MLS015"), span, data, edits=[Edit(span, "")]))
                continue
            hint = (
                "end lines with a line feed, or with both"
                if char == "\r"
                else "use a plain space, or an escape inside a string"
            )
            data = {"char": shown(char), "wanted": "", "hint": hint, "escape": f"\\u{{{ord(char):x}}}"}
            self.report(id, data, offset, offset + 1)

    def _run(self) -> None:
        text = self.source.text
        at, end = self.start or int(text.startswith("\ufeff")), self.end
        match_next = _NEXT.match
        while True:
            match = match_next(text, at, end)
            if match is None:
                at = self._stray(at)
                if at < 0:
                    break
                continue
            kind = match.lastindex
            assert kind is not None
            start, at = match.span(kind)
            if kind == _NAME:
                at = self._name(match[1], start, at)
            elif kind == _MARK:
                at = self._mark(match[3], start, at)
            elif kind == _LINE:
                self.tokens.append(Token("NL", "\n", start, at))
            elif kind == _DIGIT:
                at = self._number(start)
            elif kind == _QUOTE:
                at = self._string(start, start)
            else:
                self._comment(match[6], start, at)
            if self._doc and kind not in (_LINE, _COMMENT):
                self.docs[start] = "\n".join(self._doc)
                self._doc.clear()

    @property
    def whole(self) -> bool:
        """Whether the last token, and `##` text with the statement that it documents, end within `end`."""
        return not self._doc and bool(self.tokens) and self.tokens[-1].type == "NL" and self.tokens[-1].end == self.end

    def _mark(self, mark: str, start: int, end: int) -> int:
        text = self.source.text
        if (
            mark == "."
            and _FRACTION.match(text, start)
            and not (start and (text[start - 1].isalnum() or text[start - 1] in "_)]"))
        ):
            return self._bare_fraction(start)
        if mark == "-" and text.startswith(("-- ", "--\t"), start):
            data = {"got": "`--`", "wanted": "an operator or the end of the line", "hint": "a comment starts with `#`"}
            self.report("MLS001", data, start, start + 2, "#")
            line_end = text.find("\n", start)
            return line_end if line_end >= 0 else len(text)
        self.tokens.append(Token(MARKS[mark], mark, start, end))
        return end

    def _name(self, name: str, start: int, end: int) -> int:
        text = self.source.text
        if text.startswith('"""', end):
            return self._string(start, end)
        if name == "sha256" and text.startswith(":", end):
            digest = _DIGEST.match(text, start)
            if digest:
                return self._digest(digest)
        if end < len(text) and (not text[end].isascii() or text[end] == "$") and _wordy(text[end]):
            return self._foreign(start)
        type = WORDS.get(name, "NAME")
        if name[0] == "_" or end - start > MAX_NAME:
            why = f"it has {end - start} characters" if end - start > MAX_NAME else "it starts with `_`"
            short = name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…"
            fix = name.lstrip("_") if why.startswith("it starts") and name.lstrip("_")[:1].isalpha() else ""
            self.report("MLS010", {"name": short, "why": why, "fix": fix}, start, end, fix)
        self.tokens.append(Token(type, name, start, end, value={"TRUE": True, "FALSE": False}.get(type)))
        return end

    def _digest(self, match: re.Match[str]) -> int:
        token = Token("DIGEST", match[0], match.start(), match.end(), value=match[1])
        if not _HEX.fullmatch(match[1]):
            shown = match[0] if len(match[0]) <= 40 else match[0][:37] + "…"
            token.type = "BAD_LITERAL"
            self.report("MLS014", {"got": shown, "wanted": "64 digits of 0-9 and a-f after `sha256:`"}, token.start, token.end)
        self.tokens.append(token)
        return token.end

    def _number(self, start: int) -> int:
        token, trouble = read_number(self.source.text, start)
        self.tokens.append(token)
        if trouble is not None:
            self.report(trouble.code.id, trouble.data, token.start, token.end, trouble.fix)
        return token.end

    def _bare_fraction(self, start: int) -> int:
        match = _FRACTION.match(self.source.text, start)
        assert match is not None
        self.report(
            "MLS014",
            {"got": match[0], "wanted": "a digit before the point", "hint": f"write `0{match[0]}`"},
            start,
            match.end(),
            f"0{match[0]}",
        )
        self.tokens.append(Token("BAD_LITERAL", match[0], start, match.end()))
        return match.end()

    def _string(self, start: int, quote: int) -> int:
        text = self.source.text
        token, faults = read_text(text, start, quote) if text.startswith('"""', quote) else read_string(text, start)
        self.tokens.append(token)
        for row, data, first, last in faults:
            self.report(row.id, data, first, last, _composed(text[first:last]) if row.id == "MLS015" else "")
        return token.end

    def _comment(self, text: str, start: int, end: int) -> None:
        line_start = self.source.text.rfind("\n", 0, start) + 1
        own_line = not self.source.text[line_start:start].strip(" \t\ufeff")
        self.comments.append(Comment(Span(self.source, start, end), text, own_line))
        if own_line and text.startswith("##"):
            self._doc.append(text[2:].removeprefix(" ").rstrip())

    def _stray(self, at: int) -> int:
        """Something that starts no token; reports it and gives the offset to go on from, -1 at the end."""
        text = self.source.text
        blank = _BLANK.match(text, at)
        at = blank.end() if blank else at
        if at >= self.end:
            return -1
        if _wordy(text[at]):
            return self._foreign(at)
        from mlspec.diagnostics.hidden import shown, verdict

        char = text[at]
        if not verdict(char):  # else it is reported already
            from mlspec.syntax.stray import read_stray

            named = f"`{char}`" if char.isascii() else f"`{char}` ({shown(char)})"
            stray = read_stray(text, at, self.tokens[-1] if self.tokens else None)
            self.report("MLS008", {"char": stray.shown or named, "hint": stray.hint}, at, stray.end, stray.fix)
            if stray.token is not None:
                self.tokens.append(stray.token)
            return stray.end
        return at + 1

    def _foreign(self, start: int) -> int:
        """A name with letters outside ASCII."""
        from mlspec.diagnostics.hidden import shown
        from mlspec.syntax.characters import ascii_name

        match = _WORDLIKE.match(self.source.text, start)
        assert match is not None
        word = match[0][:MAX_NAME]
        odd = next(char for char in match[0] if not (char.isascii() and (char.isalnum() or char == "_")))
        data = {"name": word, "why": f"it holds {shown(odd)}", "fix": ascii_name(word)}
        id, fix = ("MLS008", "") if odd.isnumeric() else ("MLS010", data["fix"])
        self.report(id, {**data, "char": f"`{odd}` ({shown(odd)})"}, start, match.end(), fix)
        glued = bool(self.tokens) and self.tokens[-1].end == start and self.tokens[-1].type not in {"NL", *MARKS.values()}
        if not glued:
            self.tokens.append(Token("BAD_LITERAL" if word[0].isnumeric() else "NAME", word, start, match.end()))
        return match.end()


def _composed(text: str) -> str:
    """A text with its letters composed, as it should be written."""
    from unicodedata import normalize

    return normalize("NFC", text)


def _wordy(char: str) -> bool:
    return char.isalnum() or char in "_$"
