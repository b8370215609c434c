"""Answers about data: sources, personal data, quality, missing values, and what predicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.doc.judged import found_value
from mlspec.doc.personal import personal_rows
from mlspec.doc.predictive import strongest
from mlspec.doc.questions.answer import Answer, code, listed, names, plural
from mlspec.doc.subject import Cite, Subject, expression_text, field_text
from mlspec.page.html import Html, el, join
from mlspec.spec.model import Block, Definition
from mlspec.spec.values import Typed

MASKS = ("hmac", "redact", "bucket")


def sources(subject: Subject) -> Answer | None:
    """Every source with where its rows come from."""
    blocks = subject.blocks("source")
    if not blocks:
        return None
    items = []
    for block in blocks:
        refresh = field_text(block, "refresh")
        more = [plural(len(block.columns), "column"), plural(len(block.definitions), "check")]
        more += [f"read again every {refresh}" if refresh else ""]
        items.append(join([code(block.name), ": ", code(field_text(block, "from")), f", {', '.join(part for part in more if part)}",
                           f". {block.doc}" if block.doc else ""]))  # fmt: skip
    return Answer(join([listed(items)]), [subject.cite(block.head) for block in blocks])


def personal(subject: Subject) -> Answer | None:
    """Tagged columns, what they reach, and what masks them on the way."""
    rows = personal_rows(subject)
    if not rows:
        return None
    items: list[object] = [
        join([code(row.column), f" ({', '.join(row.tags)}): features {row.features}; reaches {row.sinks}"]) for row in rows
    ]
    found = list(_masks(subject))
    items += [join([code(text), f" masks a value in {where}"]) for text, where, _ in found]
    logs = [log for block in subject.blocks("serve") for log in block.nested("log")]
    items += [join(["Log ", code(log.name), f" keeps records for {field_text(log, 'keep') or 'ever'}"]) for log in logs]
    words = el("p", "Tags are part of the type: a value that names persons does not compile into a log, report or reply unless it is masked; "
               f"pages and reports withhold cells of fewer than {subject.min_cell} rows.")  # fmt: skip
    cites = [*(row.cite for row in rows), *(cite for *_, cite in found), *(subject.cite(log.head) for log in logs)]
    return Answer(join([words, listed(items)]), cites)


def _masks(subject: Subject) -> Iterator[tuple[str, str, Cite | None]]:
    """Every call that lowers what a value tells of persons."""
    for block in subject.spec.taken:
        for each in (block, *block.blocks):
            for item in each.definitions.values():
                if any(name in MASKS for name, _ in item.value.calls):
                    yield expression_text(item.value), f"{each.path}.{item.name}", subject.cite(item.span)


def quality(subject: Subject) -> Answer | None:
    """The checks of sources, and what every column's type demands."""
    blocks = [block for block in subject.blocks("source") if block.definitions]
    if not blocks:
        return None
    items = [
        join(
            [code(f"{block.name}.{check.name}"), ": ", code(expression_text(check.value)), f" {check.doc}" if check.doc else ""]
        )
        for block in blocks
        for check in block.definitions.values()
    ]
    ranged = sum("range" in column.attrs for block in subject.blocks("source") for column in block.columns.values())
    words = f"Extraction fails when one does not hold. Types, categories and {plural(ranged, 'declared range')} are verified on every row as well."
    cites = [subject.cite(check.span) for block in blocks for check in block.definitions.values()]
    return Answer(join([listed(items), el("p", words)]), cites)


def quality_seen(subject: Subject) -> Answer | None:
    """What the last run found of checks and of missing values."""
    if subject.run is None:
        return _waits(subject, [block for block in subject.blocks("source") if block.definitions] + subject.blocks("explore"))
    evidence = subject.run.evidence
    items: list[object] = []
    cites: list[Cite | None] = []
    for name, found in evidence.checks.items():
        for check in found.get("checks", ()):
            state = "held" if check["passed"] else f"failed in {check.get('failed_rows') or 0:,} rows"
            items.append(
                join([code(f"{name}.{check['name']}"), f": {found_value(check, _definition(subject, name, check))}, ", state])
            )
        cites.append(subject.cite_found(f"checks.{name}"))
    for name, found in evidence.statistics.items():
        items.append(_missing_seen(found))
        cites.append(subject.cite_found(f"statistics.{name}"))
    return Answer(join([listed(items)]), cites) if items else None


def _waits(subject: Subject, blocks: list[Block]) -> Answer | None:
    """The spec asks for it, and a run has yet to find it."""
    if not blocks:
        return None
    told = names(f"{block.kind} {block.name}" for block in blocks)
    return Answer(el("p", "Known after a run, from ", told, "."), [subject.cite(block.head) for block in blocks], waits=True)


def _missing_seen(found: dict[str, Any]) -> str:
    rates = sorted(((row.get("null_rate") or 0.0, name) for name, row in found["columns"].items()), reverse=True)
    some = [f"{name} {rate:.1%}" for rate, name in rates if rate > 0][:5]
    where = f"In {found['rows']:,} rows of part {found['part']}"
    return f"{where} most often missing: {', '.join(some)}." if some else f"{where} no value is missing."


def _definition(subject: Subject, source: str, check: Mapping[str, Any]) -> Definition | None:
    block = subject.spec.blocks.get(source)
    return None if block is None else block.definitions.get(str(check["name"]))


def missing(subject: Subject) -> Answer | None:
    """What stands for null, column by column that may lack a value."""
    blocks = subject.blocks("features")
    if not blocks:
        return None
    said = [block for block in blocks if block.get("missing") is not None]
    optional = [
        column.name for source in subject.blocks("source") for column in source.columns.values() if column.type.optional
    ]
    read = {member for block in blocks for item in block.definitions.values() for _, member in item.value.columns}
    own = [item for block in blocks for item in block.definitions.values() if _fills(item.value)]
    if not said and not own and any(name in read for name in optional):
        return None
    items: list[object] = [join([code(block.name), ": ", code(field_text(block, "missing"))]) for block in said]
    items += [join([code(item.name), ": ", code(expression_text(item.value))]) for item in own]
    if optional:
        items.append(join(["May be missing: ", names(optional), "."]))
    else:
        items.append("No column may be missing: a row without a value stops the extraction, and such a request is refused.")
    words = (
        el(
            "p",
            "The medians and categories that stand in are learned on the fitting rows alone, again in every fold, and travel with the package.",
        )
        if said
        else None
    )
    return Answer(
        join([listed(items), words]),
        [*(subject.cite(_place(block)) for block in said), *(subject.cite(item.span) for item in own)],
    )


def _place(block: Block) -> Any:
    return block.span_of("missing")


def _fills(value: Typed) -> bool:
    """Whether an expression says itself what stands for null."""
    return any(name in ("fill", "??") for name, _ in value.calls) or "??" in value.span.text


def predictive(subject: Subject) -> Answer | None:
    """What the candidate goes by, and the columns that explain most of the label by themselves, in the last run."""
    found, gone_by = strongest(subject), _gone_by(subject)
    if (found is None or not found.rows) and gone_by is not None:
        return gone_by
    if found is None or not found.rows:
        asked = [
            block
            for block in subject.blocks("explore")
            if "target_rate" in str(made.get("sections") if (made := block.make("value")) else "")
        ]
        return _waits(subject, asked) if subject.run is None else None
    items = [join([code(row.column), f" {row.share:.1%}"]) for row in found.rows[:6]]
    body: list[Html | None] = [el("p", found.words), listed(items)]
    body.append(el("p", el("a", "All of them", href="features.html#strength")))
    if gone_by is not None:
        return Answer(join([gone_by.body, *body]), [*gone_by.cites, *found.cites])
    return Answer(join(body), found.cites)


def _gone_by(subject: Subject) -> Answer | None:
    """The features without which a model loses most, as `evaluate` found it by permutation."""
    parts: list[Html | None] = []
    cites = []
    for name, analysis in {} if subject.run is None else subject.run.evidence.analysis.items():
        own = analysis.get("importance")
        if not own or not own["features"]:
            continue
        items = [
            join([code(", ".join(row["features"])), f" {row['value']:.4g}", "" if row["low"] is None else f" ({row['low']:.4g} to {row['high']:.4g})"])
            for row in own["features"][:6]
        ]  # fmt: skip
        words = [
            "By how much the ",
            code(own["metric"]),
            " of ",
            code(str(analysis["candidate"])),
            " gets worse when a feature's values are dealt out anew:",
        ]
        parts += [el("p", join(words)), listed(items)]
        cites.append(subject.cite_found(f"analysis.{name}"))
    return Answer(join(parts), cites) if parts else None
