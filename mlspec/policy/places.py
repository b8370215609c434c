"""Where each key of a TOML text stands: `tomllib` reads values and keeps no places.

The text has been read by `tomllib` before, so nothing here looks for errors; it only has to follow what TOML may say.
"""

from __future__ import annotations

import re

Path = tuple[str, ...]
DEEPEST = 8
"""Keys further in get no place: no setting stands there, and each would cost as much as it is deep."""

Place = tuple[int, int, int, int]
"""Offsets: of the key (start, end), then of its value; of a table both are its header."""

_SKIP = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^,\]}\n#]*")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL),
    re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def places_of(text: str) -> dict[Path, Place]:
    """The place of every key and table; of a table that is written in several pieces, and of repeated ones, the first."""
    return _Scanner(text).file()


class _Scanner:
    """Follows a text from key to key; `at` is where it is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, Place] = {}

    def file(self) -> dict[Path, Place]:
        prefix: Path = ()
        while True:
            self._move(_SKIP)
            if self.at >= len(self.text):
                return self.found
            if self.text[self.at] == "[":
                prefix = self._header()
            else:
                self._pair(prefix)

    def _move(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            self.at += 1  # never of a text that tomllib has read, and then it still comes to an end
            return ""
        self.at = match.end()
        return match[0]

    def _header(self) -> Path:
        start = self.at
        self.at += 2 if self.text.startswith("[[", start) else 1
        path = self._key()
        self.at = self.text.find("]", self.at) + 1 or len(self.text)
        if self.text.startswith("]", self.at):
            self.at += 1
        self._record(path, start, self.at, start, self.at)
        return path

    def _pair(self, prefix: Path) -> None:
        start = self.at
        path = prefix + self._key()
        end = len(self.text[: self.at].rstrip(" \t"))
        self.at = self.text.find("=", self.at) + 1 or len(self.text)
        self._move(_BLANK)
        value = self.at
        lengths = range(1, min(len(path), DEEPEST) + 1)
        fresh = [path[:length] for length in lengths if path[:length] not in self.found]
        self._record(path, start, end, value, value)
        self._value(path)
        for each in fresh:
            self.found[each] = (start, end, value, self.at)

    def _record(self, path: Path, *place: int) -> None:
        one, two, three, four = place
        for length in range(1, min(len(path), DEEPEST) + 1):
            self.found.setdefault(path[:length], (one, two, three, four))

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._move(_BLANK)
            parts.append(self._part())
            self._move(_BLANK)
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def _part(self) -> str:
        if self.text[self.at : self.at + 1] in ('"', "'"):
            from tomllib import loads

            # One key alone, read by TOML's own rules for escapes.
            return next(iter(loads(f"{self._string()} = 0")))
        return self._move(_BARE)

    def _string(self) -> str:
        for pattern in _STRINGS:
            match = pattern.match(self.text, self.at)
            if match is not None:
                self.at = match.end()
                return match[0]
        return self._move(_PLAIN)

    def _value(self, path: Path) -> None:
        first = self.text[self.at : self.at + 1]
        if first in ('"', "'"):
            self._string()
        elif first == "[":
            self._items(path)
        elif first == "{":
            self._inline(path)
        else:
            self.at += len(_PLAIN.match(self.text, self.at)[0].rstrip())  # type: ignore[index]

    def _items(self, path: Path) -> None:
        self.at += 1
        index = 0
        while True:
            self._move(_SKIP)
            if self.at >= len(self.text) or self.text[self.at] == "]":
                self.at += 1
                return
            start = self.at
            self._value((*path, str(index)))
            self.found.setdefault((*path, str(index)), (start, self.at, start, self.at))
            index += 1
            self._move(_SKIP)
            if self.text.startswith(",", self.at):
                self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while True:
            self._move(_SKIP)
            if self.at >= len(self.text) or self.text[self.at] == "}":
                self.at += 1
                return
            self._pair(path)
            self._move(_SKIP)
            if self.text.startswith(",", self.at):
                self.at += 1
