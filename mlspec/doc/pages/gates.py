"""The gates: every condition with what the last run compared, its interval and its verdict; then the models side by side."""

from __future__ import annotations

from mlspec.doc.judged import Compared, Judged, Slice, compared_models, judged_gates, slices
from mlspec.doc.pages.site import framed, run_note, unanswered, verdict_banner
from mlspec.doc.subject import Subject, cites, field_text
from mlspec.page.frame import Page, anchor, section, table, tag
from mlspec.page.html import Html, el, join
from mlspec.spec.model import Block

TONES = {"passed": "good", "failed": "bad", "skipped": "warn"}


def gates_page(subject: Subject) -> Page:
    """A section a gates block, then metrics and slices of the run."""
    blocks = subject.blocks("gates")
    gates = judged_gates(subject)
    parts: list[object] = [run_note(subject), verdict_banner(subject)]
    if not blocks:
        parts.append(unanswered("What a model must meet before it serves is said by", "gates",
                                "gates release {\n  candidate = tune.best\n  part = by_time.holdout\n  useful := lower(auc(candidate)) >= 0.80\n}"))  # fmt: skip
    listed = []
    for block in blocks:
        mark = anchor(f"g.{block.name}")
        listed.append((mark, block.name))
        parts.append(
            section(
                f"gates {block.name}",
                _block(subject, block, [gate for gate in gates if gate.block is block]),
                id_=mark,
                code=True,
            )
        )
    for found in compared_models(subject):
        mark = anchor(f"m.{found.block}")
        listed.append((mark, f"Models of {found.block}"))
        parts.append(
            section(
                f"Models judged by {found.block}",
                metrics_table(found),
                cites([subject.cite_found(f"metrics.{found.block}")]),
                id_=mark,
            )
        )
    groups = slices(subject)
    if groups:
        listed.append(("slices", "Slices"))
        parts.append(section("Slices", [slice_table(item) for item in groups], id_="slices"))
    return framed(subject, "gates.html", join(parts), sections=listed,
                  summary="What must hold of a model before it is released; a gate that fails, or has no value, stops the release.")  # fmt: skip


def _block(subject: Subject, block: Block, gates: list[Judged]) -> Html:
    pairs = [("Candidate", field_text(block, "candidate")), ("Judged on", field_text(block, "part") or "–"),
             ("Confidence of intervals", field_text(block, "confidence")), ("Least rows of a group", field_text(block, "min_group"))]  # fmt: skip
    rows = [_gate(subject, gate) for gate in gates]
    return join([
        el("p", block.doc) if block.doc else None,
        el("dl", [[el("dt", name), el("dd", el("code", value))] for name, value in pairs], class_="pairs"),
        cites([subject.cite(block.head), subject.cite_found(f"verdict.{block.name}")]),
        table(["Gate", "Condition and evidence", "#Compared", "Where it lies", "Written at"], rows, label=f"Gates of {block.name}"),
        el("p", "The shaded side of a line passes; the dot is the estimate, the bar its interval, the stroke the threshold.", class_="note")
        if any(gate.chart for gate in gates) else None,
    ])  # fmt: skip


def _gate(subject: Subject, gate: Judged) -> Html:
    state = tag(gate.status, TONES.get(gate.status, "")) if gate.status else tag("not judged yet")
    name = gate.gate.name
    return el(
        "tr",
        el("th", name, el("small", state), scope="row"),
        el("td", el("p", gate.gate.doc) if gate.gate.doc else None, el("code", gate.condition), el("small", gate.evidence) if gate.evidence else None,
           el("small", gate.reason, class_="bad") if gate.reason and gate.status != "passed" else None,
           el("small", "; ".join(gate.groups)) if gate.groups else None, class_="text"),
        el("td", gate.value or "–", class_="n"),
        el("td", gate.chart or "–"),
        el("td", subject.line(gate.gate.span)),
        id=anchor(f"{gate.block.name}.{name}"),
    )  # fmt: skip


def metrics_table(found: Compared) -> Html:
    """Metrics down, models across, each with its interval."""
    head = ["Metric", *(f"#{name}{' (candidate)' if name == found.candidate else ''}" for name in found.models)]
    rows = [
        el("tr", el("th", metric.name, scope="row"), [el("td", value, el("small", span) if span else None, class_="n") for value, span in metric.cells])
        for metric in found.metrics
    ]  # fmt: skip
    return table(
        [*head],
        rows,
        caption=f"{found.rows:,} rows of part {found.part}; below each value its {found.confidence:.0%} interval.",
    )


def slice_table(found: Slice) -> Html:
    """Values down, metrics across."""
    rows = [el("tr", el("th", name, scope="row"), el("td", n, class_="n"), [el("td", cell or "–", class_="n") for cell in cells])
            for name, n, cells in found.rows]  # fmt: skip
    return table([found.name, "#rows", *(f"#{name}" for name in found.metrics)], rows, caption=f"{found.model} by {found.name}")
