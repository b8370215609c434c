"""Writes the tables of docs/policy.md: `python -m mlspec.policy.reference docs/policy.md`.

Prose stands between the tables and is written by hand; a table stands between `<!-- table NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from mlspec.diagnostics import code
from mlspec.diagnostics.levels import FIXED, WAIVABLE, WHY_FIXED
from mlspec.markdown import fill, rewrite, table
from mlspec.policy.rows import ROWS


def settings() -> str:
    """Every setting with its values, its default and what it is for."""
    return table(
        ("setting", "values", "default", ""), [(f"`{row[0]}`", _form(row[1]), _default(row[2]), row[4]) for row in ROWS]
    )


def _form(form: Any) -> str:
    head = form if isinstance(form, str) else form[0]
    words = {"bool": "`true`, `false`", "list": "names"}
    if head == "int":
        return f"{form[1]} to {form[2]}"
    return words.get(head) or ", ".join(f'`"{word}"`' for word in form[1:])


def _default(value: Any) -> str:
    return "" if value is None else f"`{str(value).lower()}`"


def fixed() -> str:
    """The codes that no policy lowers, with the reason."""
    rows = [(f"MLS{digit}xx", why) for digit, why in WHY_FIXED.items()]
    return table(("errors", "otherwise"), [*rows, *((f"{id} (a warning)", why) for id, why in FIXED.items())])


def waivable() -> str:
    """The errors that an approver may waive, with the reason."""
    return table(("code", "", "because"), [(id, code(id).slug.replace("-", " "), why) for id, why in WAIVABLE.items()])


TABLES: dict[str, Callable[[], str]] = {"settings": settings, "fixed": fixed, "waivable": waivable}


def render(page: str) -> str:
    """The page with every table written anew."""
    return fill(page, TABLES)


if __name__ == "__main__":
    rewrite(sys.argv[1] if len(sys.argv) > 1 else "docs/policy.md", TABLES)
