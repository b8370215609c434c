"""Makes text from outside safe to print: control and hidden characters are shown as escapes, never sent to the terminal."""

from __future__ import annotations

from mlspec.diagnostics.hidden import verdict


def escape(text: str) -> str:
    """`text` with every control, bidi and invisible character as `\\u{…}`; newlines too."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() and not verdict(char) else f"\\u{{{ord(char):x}}}" for char in text)


def escape_lines(text: str) -> str:
    """As `escape`, for wording of several lines: newlines stay."""
    return "\n".join(escape(line) for line in text.split("\n"))
