"""The features: expression, type, level and taint, what each reads, which models read it, and what stands for a missing value."""

from __future__ import annotations

from mlspec.doc.lineage import MODELS, features_of
from mlspec.doc.pages.site import framed, run_note
from mlspec.doc.predictive import strongest
from mlspec.doc.subject import Subject, cites, expression_text, field_text
from mlspec.page.frame import Page, anchor, facts, section, table, tag
from mlspec.page.html import Html, drawn, el, join
from mlspec.spec.kinds import LEVELS, TAINTS
from mlspec.spec.model import Block, Definition

MOST = 12
"""Columns that are named for one feature."""


def features_page(subject: Subject) -> Page:
    """A section a features block, then what was seen of the columns' strength."""
    blocks = subject.blocks("features")
    parts = [run_note(subject)]
    parts += [
        section(f"features {block.name}", _block(subject, block), id_=anchor(f"f.{block.name}"), code=True) for block in blocks
    ]
    strength = _strength(subject)
    if strength is not None:
        parts.append(section("Which columns tell most of the label", strength, id_="strength"))
    features = [item for block in blocks for item in block.definitions.values()]
    head = facts([(len(features), "features"), (sum("audit" in item.attrs for item in features), "for audit only"),
                  (sum(item.value.level == LEVELS.index("Fitted") for item in features), "learned with the model"),
                  (sum(item.value.optional for item in features), "may be missing")])  # fmt: skip
    listed = [(anchor(f"f.{block.name}"), block.name) for block in blocks]
    listed += [("strength", "Strength")] if strength is not None else []
    return framed(subject, "features.html", join(parts), head=head, sections=listed,
                  summary="What models read: one typed expression each, computed the same way in a run and in a server.")  # fmt: skip


def _block(subject: Subject, block: Block) -> Html:
    frame = block.ref("frame")
    missing = field_text(block, "missing")
    pairs: list[tuple[str, object]] = [
        ("Rows of", el("code", "" if frame is None else frame.path)),
        ("Missing values", el("code", missing) if missing else "each feature's own expression, or the estimator"),
        ("Unknown categories", el("code", field_text(block, "unknown"))),
    ]
    readers: dict[str, list[str]] = {name: [] for name in block.definitions}
    for model in subject.blocks(*MODELS):
        for path in features_of(subject, model):
            if path.startswith(f"{block.name}."):
                readers[path.rpartition(".")[2]].append(model.name)
    rows = [_feature(subject, block, item, readers[item.name]) for item in block.definitions.values()]
    return join([
        el("p", block.doc) if block.doc else None,
        el("dl", [[el("dt", name), el("dd", value)] for name, value in pairs], class_="pairs"),
        cites([subject.cite(block.head), subject.cite(block.span_of("missing")) if missing else None]),
        table(["Feature", "Expression", "Type", "Level", "Columns", "Read by", "Where"], rows, label=f"Features of {block.name}"),
    ])  # fmt: skip


def _feature(subject: Subject, block: Block, item: Definition, readers: list[str]) -> Html:
    marks = [
        tag("audit", "warn") if "audit" in item.attrs else None,
        tag(f"{TAINTS[item.value.taint]} data", "warn") if item.value.taint else None,
    ]
    read = sorted(item.value.columns)
    columns: list[object] = [
        el("a", member, href=f"data.html#{anchor(f'{source}.{member}')}") for source, member in read[:MOST]
    ]
    if len(read) > MOST:
        columns.append(f"{len(read) - MOST} more")
    return el(
        "tr",
        el("th", el("a", item.name, href=f"lineage.html#{anchor(f'{block.name}.{item.name}')}"), el("small", item.doc) if item.doc else None, scope="row"),
        el("td", el("code", expression_text(item.value)), " ", marks, class_="text"),
        el("td", el("code", str(item.value.type))),
        el("td", LEVELS[item.value.level].lower()),
        el("td", join(columns, ", ") if columns else "–"),
        el("td", ", ".join(readers) or "no model"),
        el("td", subject.line(item.span)),
        id=anchor(f"{block.name}.{item.name}"),
    )  # fmt: skip


def _strength(subject: Subject) -> Html | None:
    """Bars of what single columns tell of the label; None where no run described it."""
    found = strongest(subject)
    if found is None or not found.rows:
        return None
    from mlspec.runtime.report.charts import bars

    shown = found.rows[:15]
    chart = bars(
        [row.column for row in shown],
        [row.share for row in shown],
        title=f"what columns tell of {found.label}",
        percent=True,
        width=640,
    )
    return join([el("p", found.words), drawn(chart), cites(found.cites)])
