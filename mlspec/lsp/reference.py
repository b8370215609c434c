"""Writes the table of features into docs/editor.md: `python -m mlspec.lsp.reference docs/editor.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from mlspec.lsp.features import table

BEGIN = "<!-- features: written by `python -m mlspec.lsp.reference docs/editor.md` -->\n"
END = "<!-- end of features -->\n"


def page(text: str) -> str:
    """The page with the table as it is now."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n\n{END}{tail}"


def main() -> None:
    """Write the table into the given page."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/editor.md")
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
