"""The first page: what the system is, how its last run ended, and the way to everything else."""

from __future__ import annotations

from mlspec.doc.judged import Metric, compared_models, judged_gates
from mlspec.doc.pages.site import PAGES, framed, run_note, verdict_banner
from mlspec.doc.questions import STAGES, Answered, answered_all
from mlspec.doc.subject import Subject, field_text
from mlspec.page.frame import Page, facts, section, table, tag
from mlspec.page.html import Html, el, join
from mlspec.spec.model import Block
from mlspec.spec.text import value_text

ABOUT = {
    "lifecycle.html": "The questions that each stage of the life cycle raises, and what this spec answers.",
    "card.html": "Intended use, limits, performance and evidence, for those who rely on the model.",
    "data.html": "Sources, columns, tags, checks, personal data.",
    "features.html": "What the models read, as typed expressions.",
    "gates.html": "What a model must meet, and whether it did.",
    "lineage.html": "From every column to what is served, and back.",
    "stages.html": "What a run does, with keys, time and memory.",
    "fields.html": "Every block and field, with values and defaults.",
    "spec.html": "The text that all of this comes from.",
}
"""What each page is for."""


def overview_page(subject: Subject) -> Page:
    """Facts, verdict, the life cycle at a glance, the pages, and what `check` warns of."""
    answers = answered_all(subject)
    parts: list[object] = [verdict_banner(subject), run_note(subject)]
    parts.append(section("Life cycle", _lifecycle(answers), id_="lifecycle"))
    parts.append(
        section("Pages", el("div", [_page(file, words) for file, words in ABOUT.items()], class_="cards"), id_="pages")
    )
    warnings = _warnings(subject)
    if warnings is not None:
        parts.append(section("What check warns of", warnings, id_="warnings"))
    waivers = subject.blocks("waive")
    if waivers:
        parts.append(section("What is accepted for a time", _waivers(subject, waivers), id_="waivers"))
    if subject.spec.overrides:
        parts.append(section("Overrides in force", _overrides(subject), id_="overrides"))
    return framed(
        subject,
        "index.html",
        join(parts),
        title=subject.spec.name,
        eyebrow=subject.files[0][0],
        summary=subject.documented,
        head=_facts(subject),
    )


def _facts(subject: Subject) -> Html | None:
    gates = judged_gates(subject)
    rows: list[tuple[object, str]] = []
    if gates and subject.run is not None:
        rows.append((f"{sum(gate.status == 'passed' for gate in gates)} of {len(gates)}", "gates passed"))
    elif gates:
        rows.append((len(gates), "gates"))
    for found in compared_models(subject)[:1]:
        rows += [(metric.cells[0][0], f"{metric.name} of {found.candidate}") for metric in _leading(found.metrics)]
        rows.append((f"{found.rows:,}", f"rows held out ({found.part})"))
    rows.append((subject.spec.settings.get("owner"), "owner"))
    rows.append((len(subject.graph), "stages"))
    return facts(rows)


def _leading(metrics: list[Metric]) -> list[Metric]:
    """The two metrics that people ask for first."""
    wanted = ("AUC", "accuracy", "R²", "mae", "MAE", "macro F1")
    return [metric for metric in metrics if metric.name in wanted][:2]


def _lifecycle(answers: tuple[Answered, ...]) -> Html:
    items = []
    for stage, title in STAGES.items():
        own = [answer for answer in answers if answer.question.stage == stage]
        held = sum(answer.state == "answered" for answer in own)
        items.append(
            el("li", el("a", title, href=f"lifecycle.html#{stage}"), el("span", f"{held} of {len(own)} questions answered"))
        )
    return el("ol", items, class_="stages")


def _page(file: str, words: str) -> Html:
    return el("div", el("h3", el("a", PAGES[file], href=file)), el("p", words, class_="note"), class_="card")


def _warnings(subject: Subject) -> Html | None:
    found = [item for item in subject.found.diagnostics if item.severity == "warning"]
    if not found:
        return None
    rows = [el("tr", el("th", item.code.id, scope="row"), el("td", item.message, el("small", item.help) if item.help else None, class_="text"),
               el("td", subject.line(item.span))) for item in found]  # fmt: skip
    return table(["Code", "What", "Where"], rows, label="Warnings")


def _waivers(subject: Subject, blocks: list[Block]) -> Html:
    """Every waiver with who answers for it; which day it is enters no page."""
    rows = [
        el("tr", el("th", block.name, scope="row"), el("td", el("code", block.get("finding")), " at ", el("code", field_text(block, "at"))),
           el("td", block.get("reason"), class_="text"), el("td", block.get("owner")), el("td", field_text(block, "expires"), class_="nowrap"),
           el("td", subject.line(block.head)))
        for block in blocks
    ]  # fmt: skip
    return table(["Waiver", "Accepts", "Reason", "Owner", "Until", "Where"], rows, label="Waivers")


def _overrides(subject: Subject) -> Html:
    rows = [
        el("tr", el("th", item.path, scope="row"), el("td", el("code", "none" if item.old is None else value_text(item.old, None))),
           el("td", el("code", value_text(item.new, None))), el("td", item.by), el("td", tag(item.override, "warn" if item.override == "guarded" else "")))
        for item in subject.spec.overrides
    ]  # fmt: skip
    return table(["Field", "In the file", "In force", "By", "Class"], rows, label="Overrides")
