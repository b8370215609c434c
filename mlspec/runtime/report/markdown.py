"""Texts of a run as Markdown: nothing that they hold is read as a mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SPECIAL = {sign: f"\\{sign}" for sign in "\\`*_{}[]#|~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def escape(text: Any) -> str:
    """Text that Markdown shows as it stands, on one line."""
    return "".join(SPECIAL.get(sign, sign) for sign in " ".join(str(text).split()))


def code(text: Any) -> str:
    """Text as code."""
    plain = " ".join(str(text).split())
    fence = "``" if "`" in plain else "`"
    return f"{fence}{plain}{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") if cell.startswith("`") else cell for cell in line) + " |" for line in lines
    )
