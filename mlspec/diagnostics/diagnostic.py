"""A diagnostic: one finding about a spec, with its code, its place, and a way out.

These are plain classes with slots: importing `dataclasses` costs as much as starting Python, and every check pays for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mlspec.source import Span

_FIELD = re.compile(r"\{([a-z_]+)\}")


class Code:
    """One row of the table of codes. The wordings are format strings over the diagnostic's data.

    `severity` is "error" or "warning"; `fixable` says that a diagnostic of this code may carry an edit. A line of `expected`,
    `found` or `help` whose data is missing or empty is left out, so one wording serves with and without a suggestion.
    """

    __slots__ = ("expected", "fixable", "found", "help", "id", "message", "severity", "slug")

    def __init__(
        self,
        id: str,
        slug: str,
        severity: str,
        message: str,
        expected: str = "",
        found: str = "",
        help: str = "",
        fixable: bool = False,
    ) -> None:
        self.id = id
        self.slug = slug
        self.severity = severity
        self.message = message
        self.expected = expected
        self.found = found
        self.help = help
        self.fixable = fixable

    def __repr__(self) -> str:
        return f"Code({self.id!r}, {self.slug!r})"

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the data that the wordings use, in order of first use."""
        found: dict[str, None] = {}
        for wording in (self.message, self.expected, self.found, self.help):
            found.update(dict.fromkeys(_FIELD.findall(wording)))
        return tuple(found)

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the data without which the message has a hole."""
        return tuple(dict.fromkeys(_FIELD.findall(self.message)))


class Note:
    """A second place that explains the first, `first declared here`."""

    __slots__ = ("message", "span")

    def __init__(self, message: str, span: Span | None = None) -> None:
        self.message = message
        self.span = span

    def __repr__(self) -> str:
        return f"Note({self.message!r}, {self.span!r})"


class Edit:
    """Replace the text of `span` by `text`; `guess` where something else may have been meant, such as another name."""

    __slots__ = ("guess", "span", "text")

    def __init__(self, span: Span, text: str, guess: bool = False) -> None:
        self.span = span
        self.text = text
        self.guess = guess

    def __repr__(self) -> str:
        return f"Edit({self.span!r}, {self.text!r})"


class Waived:
    """Who accepted a finding, why, and until which day; `level` is what it would be otherwise, `span` the waiver's place."""

    __slots__ = ("expires", "level", "name", "owner", "reason", "span")

    def __init__(self, name: str, owner: str, reason: str, expires: str, level: str, span: Span) -> None:
        self.name = name
        self.owner = owner
        self.reason = reason
        self.expires = expires
        self.level = level
        self.span = span

    def __repr__(self) -> str:
        return f"Waived({self.name!r}, {self.owner!r}, {self.expires!r})"

    @property
    def sentence(self) -> str:
        """`waived by ml-risk until 2027-01-31: …`; without the name of a waiver it was approved where the change is reviewed."""
        if not self.name:
            return f"approved by {self.owner}: {self.reason}"
        return f"waived by {self.owner} until {self.expires}: {self.reason}"


class Diagnostic:
    """A finding: the code's wording filled with `data`. `span` is None only where there is no text to point at.

    `severity` is "error", "warning", or "waived" where an approver accepted it: `waived` then says who and why, and it counts as neither.
    """

    __slots__ = ("code", "data", "edits", "notes", "severity", "span", "waived")

    def __init__(
        self,
        code: Code,
        span: Span | None,
        data: Mapping[str, str] | None = None,
        notes: Sequence[Note] = (),
        edits: Sequence[Edit] = (),
        severity: str = "",
    ) -> None:
        self.code = code
        self.severity = severity or code.severity  # a code may be milder at some places than it is at others
        self.span = span
        self.data: dict[str, str] = dict(data or {})
        self.notes = tuple(notes)
        self.edits = tuple(edits)
        self.waived: Waived | None = None

    def at_level(self, severity: str) -> Diagnostic:
        """The same finding, more or less grave."""
        return Diagnostic(self.code, self.span, self.data, self.notes, self.edits, severity)

    def as_waived(self, waived: Waived) -> Diagnostic:
        """The same finding, accepted."""
        found = self.at_level("waived")
        found.waived = waived
        return found

    @property
    def level(self) -> str:
        """How grave it is where nobody waives it."""
        return self.severity if self.waived is None else self.waived.level

    def __repr__(self) -> str:
        return f"Diagnostic({self.code.id}, {self.span!r}, {self.message!r})"

    def _value(self, match: re.Match[str]) -> str:
        return str(self.data.get(match[1], "")) or "?"

    def _fill(self, wording: str) -> str:
        kept = [line for line in wording.split("\n") if all(self.data.get(name) for name in _FIELD.findall(line))]
        return _FIELD.sub(self._value, "\n".join(kept))

    @property
    def message(self) -> str:
        return _FIELD.sub(self._value, self.code.message)

    @property
    def expected(self) -> str:
        text = self._fill(self.code.expected)
        # "one of" a single thing is that thing.
        return text if ", " in self.data.get("known", ", ") else text.removeprefix("one of ")

    @property
    def found(self) -> str:
        return self._fill(self.code.found)

    @property
    def help(self) -> str:
        return self._fill(self.code.help)
