"""Reading the examples out of a markdown page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\S*)[ ]?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A fenced block: its language, the words behind it (`sh background`), its text and the line it starts on."""

    language: str
    words: tuple[str, ...]
    text: str
    page: Path
    line: int

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def examples(page: Path) -> list[Example]:
    """Every fenced block of a page, in order."""
    text = page.read_text()
    return [
        Example(match[1], tuple(match[2].split()), match[3], page, text.count("\n", 0, match.start()) + 1)
        for match in FENCE.finditer(text)
    ]


def looks_like(pattern: str, said: str) -> bool:
    """Whether every line of `pattern` stands in `said`, in order; `…` inside a line stands for anything, alone on a line for lines."""
    lines = iter(said.splitlines())
    for wanted in pattern.splitlines():
        if wanted.strip() in ("", "…"):
            continue
        shape = re.compile(
            r"\s*" + r".*?".join(re.escape(part.strip()) for part in re.sub(r"\s+", " ", wanted).split("…")) + r"\s*"
        )
        if not any(shape.fullmatch(re.sub(r"\s+", " ", line).strip()) for line in lines):
            return False
    return True
