"""The pages that `mlspec explain` prints: one a code, with a wrong and a right spec where the text alone decides."""

from __future__ import annotations

from pathlib import Path


def page(code: str) -> str:
    """The page of a code of the table, as Markdown."""
    return Path(__file__).with_name(f"{code}.md").read_text(encoding="utf-8")


def snippets(code: str) -> dict[str, str]:
    """The specs on the page of `code`, by the heading above them: "Wrong" and "Right", or nothing."""
    import re

    found = re.findall(r"^### (Wrong|Right)\n\n```mlspec\n(.*?)```$", page(code), re.DOTALL | re.MULTILINE)
    return {heading: _expand(text) for heading, text in found}


def _expand(text: str) -> str:
    """Puts in what a page cannot show: hidden characters, `<U+202E>`, and very long texts, `<team-*1700>`."""
    import re

    text = re.sub(r"<U\+([0-9A-F]{4,6})>", lambda match: chr(int(match[1], 16)), text)
    return re.sub(r"<([a-z-]+)\*([0-9]+)>", lambda match: match[1] * int(match[2]), text)
