"""A diagnostic: one finding about a spec, with its code, its place, and a way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlspec.source import Span


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table of codes. The wordings are format strings over the diagnostic's data.

    `severity` is "error" or "warning"; `fixable` says that a diagnostic of this code may carry an edit.
    """

    id: str
    slug: str
    severity: str
    message: str
    expected: str = ""
    found: str = ""
    help: str = ""
    fixable: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that explains the first, `first declared here`."""

    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `span` by `text`."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding: the code's wording filled with `data`. `span` is None only where there is no text to point at."""

    code: Code
    span: Span | None
    data: dict[str, str] = field(default_factory=dict)
    notes: Sequence[Note] = ()
    edits: Sequence[Edit] = ()

    def _fill(self, wording: str) -> str:
        return wording.format_map(self.data) if wording else ""

    @property
    def severity(self) -> str:
        return self.code.severity

    @property
    def message(self) -> str:
        return self._fill(self.code.message)

    @property
    def expected(self) -> str:
        return self._fill(self.code.expected)

    @property
    def found(self) -> str:
        return self._fill(self.code.found)

    @property
    def help(self) -> str:
        return self._fill(self.code.help)
