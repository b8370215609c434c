"""Writing to the terminal: colours where a person looks, and messages in one shape."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pathlib import Path

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


def wants_color(stream: TextIO, refused: bool = False) -> bool:
    """Whether text for this stream is coloured: a terminal, unless `--no-color` or NO_COLOR says otherwise."""
    if refused or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def paint(style: str, text: str) -> str:
    """Text in a style, for terminals."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def plain(style: str, text: str) -> str:
    """Text as it is."""
    return text


def clean(text: str) -> str:
    """Text without control characters, so that data cannot drive the terminal."""
    return "".join(character if character.isprintable() or character in "\n\t" else repr(character)[1:-1] for character in text)


def shown_path(path: Path) -> Path:
    """A path from the current folder when it lies below it, as a person would type it."""
    here = path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def out(text: str) -> None:
    """Write to standard output."""
    sys.stdout.write(text)


def err(text: str) -> None:
    """Write to standard error."""
    sys.stderr.write(text)


def complain(message: str, *, expected: str = "", found: str = "", help: str = "", color: bool = False) -> None:
    """An error that has no place in a spec."""
    style = paint if color else plain
    lines = [f"{style('red', 'error')}: {clean(message)}"]
    for name, text in (("expected", expected), ("found", found), ("help", help)):
        if text:
            lines.append(f"  {style('cyan', name)}: {clean(text)}")
    err("\n".join(lines) + "\n")
