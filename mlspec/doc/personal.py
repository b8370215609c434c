"""Personal data: the columns that tell of persons, what reads them, and where they come out."""

from __future__ import annotations

from typing import NamedTuple

from mlspec.doc.lineage import lineage_of
from mlspec.doc.privacy import is_personal
from mlspec.doc.subject import Cite, Subject
from mlspec.page.html import Html


class Personal(NamedTuple):
    """A column that tells of persons: its features, each with what was done to it, and what is made from it in the end."""

    id: str
    column: str
    tags: list[str]
    features: str
    sinks: str
    cite: Cite | None
    where: Html


def personal_rows(subject: Subject) -> list[Personal]:
    """One row a column that is tagged `@pii` or `@protected`."""
    rows = []
    lineage = lineage_of(subject)
    for source in subject.blocks("source"):
        for column in source.columns.values():
            if not is_personal(column):
                continue
            id_ = f"{source.name}.{column.name}"
            reached = [lineage.nodes[name] for name in lineage.around(id_, forward=True, values=True)]
            features = ", ".join(_feature(node.label, node.note) for node in reached if node.kind == "feature")
            sinks = ", ".join(node.label for node in reached if node.kind in ("model", "use", "live"))
            tags = [tag for tag in column.tags if tag.startswith("pii") or tag == "protected"]
            rows.append(
                Personal(
                    id_,
                    column.name,
                    tags,
                    features or "none",
                    sinks or "nothing",
                    subject.cite(column.span),
                    subject.line(column.span),
                )
            )
    return rows


def _feature(name: str, note: str) -> str:
    return f"{name} (audit only)" if "audit" in note else name
