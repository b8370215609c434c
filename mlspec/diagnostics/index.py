"""Writes docs/errors/README.md, the index of all codes, from the table: `python -m mlspec.diagnostics.index`."""

from __future__ import annotations

import sys
from pathlib import Path

from mlspec.diagnostics.table import FAMILIES, family

INDEX = Path(__file__).parents[2] / "docs" / "errors" / "README.md"
PAGES = "../../mlspec/diagnostics/pages"

_TITLES = {
    "0": "Text",
    "1": "Names, fields, paths",
    "2": "Types, units, levels",
    "3": "Data and leakage",
    "4": "Privacy and trust",
    "5": "Gates",
    "6": "Serving and monitoring",
    "7": "Targets",
    "8": "While a spec runs",
    "9": "Not built yet",
}


def render() -> str:
    """The index as Markdown; placeholders in the wording show which data a message names."""
    lines = [
        "# What mlspec can tell you",
        "",
        "Written by `python -m mlspec.diagnostics.index` from the one table of codes. `mlspec explain CODE` prints a page.",
        "✎ marks codes that may carry an edit: `mlspec check --fix` makes those with one reading, `--fix-all` also takes the nearest name. Names in",
        "braces stand for what the message fills in.",
    ]
    for digit in sorted(FAMILIES):
        lines += ["", f"## {digit}xx: {_TITLES[digit]}", "", "| code | name | | message |", "| --- | --- | --- | --- |"]
        for row in family(digit).values():
            kind = ("warning" if row.severity == "warning" else "") + (" ✎" if row.fixable else "")
            message = row.message.replace("|", "\\|")
            lines.append(f"| [{row.id}]({PAGES}/{row.id}.md) | {row.slug} | {kind.strip()} | {message} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    INDEX.parent.mkdir(parents=True, exist_ok=True)
    INDEX.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {INDEX.name}\n")
