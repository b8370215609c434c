"""Lineage as a drawing to walk through, and as a table."""

from __future__ import annotations

from mlspec.doc.lineage import lineage_of
from mlspec.doc.pages.site import framed
from mlspec.doc.subject import Subject
from mlspec.page.frame import Page, section
from mlspec.page.html import el, join


def lineage_page(subject: Subject) -> Page:
    """The drawing of all columns, features, models, gates and uses."""
    drawing = lineage_of(subject).drawing()
    if not drawing.nodes:
        empty = el("p", "The spec declares no column yet: a `source` block does.")
        return framed(subject, "lineage.html", empty)
    parts = [
        section("From columns to what is served", drawing.figure(), id_="graph"),
        section("The same as a table", drawing.rows(), id_="table"),
    ]
    return framed(subject, "lineage.html", join(parts), sections=[("graph", "Drawing"), ("table", "Table")], assets=("graph",), wide=True,
                  summary="What every column becomes, and what everything that is served or watched was made from. Along dashed lines no value travels: "
                  "they say which rows are used, or whether a gate lets the model pass.")  # fmt: skip
