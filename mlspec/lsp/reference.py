"""Writes the table of features into docs/editor.md: `python -m mlspec.lsp.reference docs/editor.md`."""

from __future__ import annotations

import sys

from mlspec.lsp.features import table
from mlspec.markdown import fill, rewrite

TABLES = {"features": table}


def render(page: str) -> str:
    """The page with the table as it is now."""
    return fill(page, TABLES)


if __name__ == "__main__":
    rewrite(sys.argv[1] if len(sys.argv) > 1 else "docs/editor.md", TABLES)
