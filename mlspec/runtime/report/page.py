"""Pages from templates: autoescape on, undefined names refused, the style inside the page, no script, nothing fetched."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mlspec.runtime.report.charts.scale import label

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """The one template environment of all reports."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    found.filters.update(
        unbroken=_unbroken, number=_number, percent=_percent, integer=lambda value: "–" if value is None else f"{value:,}"
    )
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    found.globals["style"] = Markup(style)  # noqa: S704  (our own file)
    return found


def render(template: str, **values: Any) -> str:
    """The page of a template, which extends `page.html.j2` and sets `title`, `eyebrow` and `summary`."""
    return environment().get_template(template).render(**values)


def _unbroken(span: str) -> str:
    """An interval on one line; a reason why there is none may take several."""
    return span.replace(" ", "\u00a0") if span.count(" to ") == 1 and span.count(" ") == 2 else span


def _number(value: float | None) -> str:
    return "–" if value is None else label(value)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
