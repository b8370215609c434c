"""The data sheet: sources, columns with types, units and tags, what the last run saw of them, checks, personal data, licence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.doc.judged import found_value
from mlspec.doc.pages.site import framed, run_note, unanswered
from mlspec.doc.personal import personal_rows
from mlspec.doc.privacy import WITHHELD, hides_values, is_personal, withheld
from mlspec.doc.subject import Subject, cites, expression_text, field_text
from mlspec.page.frame import Page, anchor, facts, section, table, tag
from mlspec.page.html import Html, el, join
from mlspec.spec.extern_steps import step_of
from mlspec.spec.model import Block, Column
from mlspec.spec.text import item_text

UNITS = {
    "duration": "a length of time", "ratio": "a share, 0 to 1", "points": "percentage points", "bytes": "bytes", "rate": "per second",
    "date": "a day", "timestamp": "an instant, UTC",
}  # fmt: skip


def data_page(subject: Subject) -> Page:
    """Licence and origin first, then a section a source, then personal data."""
    sources = subject.blocks("source")
    parts = [run_note(subject), section("Origin and licence", _origin(subject), id_="origin")]
    parts += [
        section(f"source {block.name}", _source(subject, block), id_=anchor(f"s.{block.name}"), code=True) for block in sources
    ]
    parts.append(section("Personal data", _personal(subject), id_="personal"))
    listed = [
        ("origin", "Origin and licence"),
        *((anchor(f"s.{block.name}"), block.name) for block in sources),
        ("personal", "Personal data"),
    ]
    columns = [column for block in sources for column in block.columns.values()]
    head = facts([(len(sources), "sources" if len(sources) != 1 else "source"), (len(columns), "columns"),
                  (sum(is_personal(column) for column in columns), "columns that tell of persons"),
                  (sum(len(block.definitions) for block in sources), "checks")])  # fmt: skip
    return framed(subject, "data.html", join(parts), title="Data sheet", head=head, sections=listed,
                  summary="Where rows come from, what every column is, and what must hold of them.")  # fmt: skip


def _origin(subject: Subject) -> Html:
    card = subject.first("card")
    if card is not None and card.get("data"):
        return join([el("p", card.get("data")), cites([subject.cite(card.span_of("data"))])])
    return unanswered(
        "How the data came about and under which licence is said by",
        "card",
        'card {\n  intended_use = "…"\n  data = "…, CC BY 4.0"\n}',
    )


def _source(subject: Subject, block: Block) -> Html:
    seen = _statistics(subject, block)
    pairs = [("Rows from", el("code", field_text(block, "from"))), ("Sampled", field_text(block, "sample") or "no"),
             ("Read again", field_text(block, "refresh") or _when(block))]  # fmt: skip
    if subject.run is not None:
        pairs += [("Content read", el("span", digest, class_="digest")) for digest in _leaves(subject, block)]
    rows = [_column(subject, block, column, seen) for column in block.columns.values()]
    head: list[object] = ["Column", "Type and unit", "Tags", "Range"]
    head += ["#Missing", "#Different", "Values"] if seen else []
    head += ["Read by", "Where"]
    note = None
    if seen:
        note = el("p", f"Seen in part {seen['part']}, {seen['rows']:,} rows; cells of fewer than {subject.min_cell} rows are withheld, and "
                  "columns that name persons show no values.", class_="note")  # fmt: skip
    return join([
        el("p", block.doc) if block.doc else None,
        el("dl", [[el("dt", name), el("dd", value)] for name, value in pairs], class_="pairs"),
        cites([subject.cite(block.head), *([subject.cite_found(seen["name"])] if seen else [])]),
        table(head, rows, label=f"Columns of {block.name}"),
        note,
        _checks(subject, block),
    ])  # fmt: skip


def _when(block: Block) -> str:
    """What has the rows of a source read, or made, again."""
    return "when its files change" if step_of(block) is None else "when its code or its tables change"


def _leaves(subject: Subject, block: Block) -> list[str]:
    assert subject.run is not None
    stages = {stage.id for stage in subject.graph if stage.block == block.name}
    return [
        f"{path} {digest[:16]}"
        for stage, files in subject.run.leaves.items()
        if stage in stages
        for path, digest in files.items()
    ]


def _statistics(subject: Subject, block: Block) -> dict[str, Any]:
    """The statistics of the run that describe a source, with their name; empty without any."""
    if subject.run is None:
        return {}
    for name, found in subject.run.evidence.statistics.items():
        explore = subject.spec.blocks.get(name)
        made = None if explore is None else explore.make("value")
        part = None if made is None else made.get("part")
        split = None if part is None else subject.spec.blocks.get(part.block)
        frame = None if split is None else split.ref("frame")
        spine = None if frame is None else subject.spec.spine(frame.block)
        if spine is not None and spine.name == block.name:
            return {**found, "name": f"statistics.{name}"}
    return {}


def _column(subject: Subject, block: Block, column: Column, seen: Mapping[str, Any]) -> Html:
    unit = UNITS.get(column.type.name)
    bounds = column.range
    tags = [tag(name, "warn" if name.startswith("pii") or name == "protected" else "") for name in column.tags]
    cells = [
        el("th", column.name, el("small", column.doc) if column.doc else None, scope="row"),
        el("td", el("code", str(column.type)), el("small", unit) if unit else None),
        el("td", tags or el("span", "–", class_="dim")),
        el(
            "td",
            el("code", f"{item_text(bounds.low, '')}..{item_text(bounds.high, '')}", class_="nowrap")
            if bounds is not None
            else "–",
        ),
    ]
    if seen:
        cells += _seen(column, seen["columns"].get(column.name), subject.min_cell)
    readers = subject.readers.get((block.name, column.name), [])
    cells += [el("td", el("a", ", ".join(readers), href=f"lineage.html#{anchor(f'{block.name}.{column.name}')}") if readers else "no feature"),
              el("td", subject.line(column.span))]  # fmt: skip
    return el("tr", cells, id=anchor(f"{block.name}.{column.name}"))


def _seen(column: Column, found: Mapping[str, Any] | None, least: int) -> list[Html]:
    if found is None:
        return [el("td", "–", class_="n"), el("td", "–", class_="n"), el("td", "not described")]
    missing = found.get("null_rate")
    return [el("td", "–" if missing is None else f"{missing:.1%}", class_="n"), el("td", f"{found.get('distinct', 0):,}", class_="n"),
            el("td", _values(column, found, least))]  # fmt: skip


def _values(column: Column, found: Mapping[str, Any], least: int) -> str:
    """The middle of the values, or the most frequent ones of enough rows; nothing of a column that names persons."""
    if hides_values(column) or found.get("kind") == "hidden":
        return "withheld: the column names persons"
    if found.get("kind") == "number":
        ends = [found.get("quantiles", {}).get(key) for key in ("0.05", "0.5", "0.95")]
        if any(end is None for end in ends):
            return "withheld: too few rows"
        return f"{ends[0]:g} · {ends[1]:g} · {ends[2]:g} (5%, middle, 95%)"
    top = list(found.get("top", ()))
    hidden = withheld([int(item["count"] or 0) for item in top], least)
    shown = [f"{item['value']} {item['count']:,}" for item, hides in zip(top, hidden, strict=True) if not hides][:4]
    few = sum(hidden)
    return ", ".join([*shown, *([f"{few} value{'s' * (few > 1)} of few rows {WITHHELD}"] if few else [])]) or "–"


def _checks(subject: Subject, block: Block) -> Html | None:
    if not block.definitions:
        return None
    found = {} if subject.run is None else subject.run.evidence.checks.get(block.name, {})
    results = {str(check["name"]): check for check in found.get("checks", ())}
    rows = [
        el("tr", el("th", check.name, el("small", check.doc) if check.doc else None, scope="row"), el("td", el("code", expression_text(check.value))),
           el("td", found_value(results.get(check.name), check), class_="n"), el("td", _verdict(results.get(check.name))), el("td", subject.line(check.span)))
        for check in block.definitions.values()
    ]  # fmt: skip
    return join([table(["Check", "Condition", "#Found", "Verdict", "Where"], rows, caption=f"Checks of {block.name}"),
                 cites([subject.cite_found(f"checks.{block.name}")])])  # fmt: skip


def _verdict(check: Mapping[str, Any] | None) -> Html:
    if check is None:
        return tag("not checked yet")
    return tag("passed", "good") if check["passed"] else tag(f"failed in {check.get('failed_rows') or 0:,} rows", "bad")


def _personal(subject: Subject) -> Html:
    rows = personal_rows(subject)
    if not rows:
        return unanswered("Whether a column tells of persons is said by tags of", "source", "source people {\n  …\n  age: int @pii(quasi)\n  sex: category @protected\n}")  # fmt: skip
    cells = [
        el("tr", el("th", el("a", row.column, href=f"lineage.html#{anchor(row.id)}"), scope="row"), el("td", [tag(name, "warn") for name in row.tags]),
           el("td", row.features, class_="text"), el("td", row.sinks, class_="text"), el("td", row.where))
        for row in rows
    ]  # fmt: skip
    return table(["Column", "Tags", "Read by features", "Reaches", "Where"], cells, label="Columns that tell of persons")
