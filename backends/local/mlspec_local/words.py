"""How figures and tables look on a terminal: durations, memory, numbers, columns, colours; control characters are escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_CODES = {"plain": "", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2"}
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class Paint:
    """Colours text, or leaves it as it is."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, name: str, text: str, *, bold: bool = False) -> str:
        codes = ";".join(code for code in ("1" if bold else "", _CODES[name]) if code)
        return f"\x1b[{codes}m{text}\x1b[0m" if self._colour and codes else text


def clean(text: str) -> str:
    """The text with control characters escaped, so that data cannot drive the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def cut(text: str, width: int) -> str:
    """The text, cut to `width` with an ellipsis."""
    return text if len(text) <= width else text[: width - 1] + "…"


def duration(seconds: float) -> str:
    """`0.4 s`, `12.3 s`, `3 min 05 s`."""
    if seconds < 0.095:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def memory(size: int) -> str:
    """`312 MiB`, `2.1 GiB`."""
    mebibytes = size / (1 << 20)
    return f"{mebibytes:.0f} MiB" if mebibytes < 1000 else f"{mebibytes / 1024:.1f} GiB"


def number(value: object) -> str:
    """A metric: four digits after the point, or as it is when it is no float."""
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.1f}"
    return "" if value is None else clean(str(value))


def in_unit(value: object, unit: str | None) -> str:
    """A number in the unit of its gate: `1.47%`, `4.53pp`, `5.02 ms`, `4.2 KiB`; any other as `number` writes it."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return number(value)
    if unit in ("ratio", "points"):
        return f"{value * 100:.2f}{'%' if unit == 'ratio' else 'pp'}"
    if unit == "duration":
        return f"{value * 1000:.2f} ms" if abs(value) < 1 else f"{value:,.2f} s"
    return _bytes(value) if unit == "bytes" else number(value)


def _bytes(size: float) -> str:
    for name in ("B", "KiB", "MiB"):
        if abs(size) < 1024:
            return f"{size:.0f} B" if name == "B" else f"{size:.1f} {name}"
        size /= 1024
    return f"{size:,.1f} GiB"


def width(text: str) -> int:
    """The columns that a text takes, colours apart."""
    return len(_ESCAPES.sub("", text))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int], paint: Paint) -> Iterator[str]:
    """The lines of a table; the columns in `right` are aligned right, empty columns are left out."""
    used = [column for column in range(len(header)) if any(row[column] for row in rows)]
    widths = {column: max(width(row[column]) for row in [header, *rows]) for column in used}
    for index, row in enumerate([header, *rows]):
        cells = [_pad(row[column], widths[column], column in right) for column in used]
        line = "  " + "  ".join(cells).rstrip()
        yield paint("dim", line) if index == 0 else line


def _pad(text: str, columns: int, right: bool) -> str:
    space = " " * (columns - width(text))
    return space + text if right else text + space
