"""The model card: what people say of the system, what the model is, and what the last run's evidence says of it."""

from __future__ import annotations

from mlspec.doc.judged import compared_models, judged_gates, slices
from mlspec.doc.lineage import MODELS, model_text
from mlspec.doc.pages.gates import TONES, metrics_table, slice_table
from mlspec.doc.pages.site import framed, run_note, unanswered, verdict_banner
from mlspec.doc.subject import Subject, cites, field_text
from mlspec.page.frame import Page, anchor, section, table, tag
from mlspec.page.html import Html, el, join
from mlspec.spec.model import Block

SAID = (
    ("intended_use", "Intended use", "What the system is for is said by"), ("users", "Users", "Who uses it is said by"),
    ("out_of_scope", "Out of scope", "What it must not be used for is said by"), ("risks", "Risks", "What can go wrong, and for whom, is said by"),
    ("mitigations", "Mitigations", "What is done about it is said by"), ("regulation", "Regulation", "The rules that it falls under are said by"),
    ("data", "Origin of the data", "How the data came about, and under which licence, is said by"),
)  # fmt: skip
"""The fields of a card block, their titles, and how their absence is worded."""


def card_page(subject: Subject) -> Page:
    """What people wrote stands first; what nobody wrote is said to be open."""
    card = subject.first("card")
    contact = (None if card is None else card.get("contact")) or subject.spec.settings.get("owner")
    parts: list[object] = [run_note(subject), verdict_banner(subject), el("p", "Questions go to ", el("b", contact), ".")]
    said = [(field, title) for field, title, _ in SAID if card is not None and card.get(field)]
    parts += [section(title, _said(subject, card, field), id_=field) for field, title in said if card is not None]
    left = [(field, words) for field, _, words in SAID if card is None or not card.get(field)]
    parts += [section("Not answered by this spec", _open(left, card), id_="open")] if left else []
    parts += [
        section("Model", _model(subject), id_="model"),
        section("Validation", _validation(subject), id_="validation"),
        section("Performance", _performance(subject), id_="performance"),
        section("Fairness and slices", _slices(subject), id_="slices"),
    ]
    listed = [*said, *([("open", "Not answered")] if left else [])]
    listed += [("model", "Model"), ("validation", "Validation"), ("performance", "Performance"), ("slices", "Slices")]
    return framed(subject, "card.html", join(parts), title="Model card", summary=subject.documented, sections=listed)


def _said(subject: Subject, card: Block, field: str) -> Html:
    value = card.get(field)
    shown = el("ul", [el("li", item) for item in value]) if isinstance(value, tuple | list) else el("p", value)
    return join([shown, cites([subject.cite(card.span_of(field))])])


def _open(left: list[tuple[str, str]], card: Block | None) -> Html:
    """What nobody wrote, and one block that would say all of it."""
    lines = "\n".join(f'  {field} = "…"' if field in ("intended_use", "data") else f'  {field} = ["…"]' for field, _ in left)
    items = [el("li", words, " ", el("code", f"card.{field}"), ".") for field, words in left]
    return join([el("ul", items), el("pre", el("code", f"card {{\n{lines}\n}}" if card is None else lines), tabindex="0")])


def _model(subject: Subject) -> Html:
    """The package that the gates judged, and those it was compared with; without a run what the spec says is fitted."""
    if subject.run is None or not subject.run.evidence.package:
        return join([el("p", "No run has made a package yet. The spec fits:"), _fitted(subject)])
    from mlspec.runtime.report.facts_part import packages_part

    cards = []
    for package in packages_part(subject.run.evidence):
        pairs = [
            [el("dt", name), el("dd", value, class_="digest" if name == "Digest" else None)] for name, value in package["facts"]
        ]
        inputs = ", ".join(
            item["name"] + (f" ({' → '.join(item['steps'])})" if item["steps"] else "") for item in package["features"]
        )
        head = el("h3", package["name"])
        cards.append(el("div", head, el("dl", pairs, class_="pairs"), el("p", f"Inputs: {inputs}", class_="note") if inputs else None,
                        cites([subject.cite_at(package["name"]), subject.cite_found(f"package.{package['name']}")]), class_="card"))  # fmt: skip
    return el("div", cards, class_="cards")


def _fitted(subject: Subject) -> Html:
    items = []
    for block in subject.blocks(*MODELS):
        names = model_text(block)
        items.append(
            el(
                "li",
                el("code", f"{block.kind} {block.name}"),
                f": {names or field_text(block, 'value')} ",
                cites([subject.cite(block.head)]),
            )
        )
    return el("ul", items)


def _validation(subject: Subject) -> Html:
    gates = judged_gates(subject)
    if not gates:
        return unanswered("What a model must meet before it serves is said by", "gates")
    rows = [
        el("tr", el("th", el("a", gate.gate.name, href=f"gates.html#{anchor(f'{gate.block.name}.{gate.gate.name}')}"), scope="row"),
           el("td", tag(gate.status, TONES.get(gate.status, "")) if gate.status else tag("not judged yet")),
           el("td", el("code", gate.condition)), el("td", gate.value or "–", class_="n"), el("td", gate.evidence, class_="text"))
        for gate in gates
    ]  # fmt: skip
    names = dict.fromkeys(gate.block.name for gate in gates)
    return join([table(["Gate", "Verdict", "Condition", "#Compared", "Evidence"], rows, label="Gates"),
                 cites([subject.cite_found(f"verdict.{name}") for name in names])])  # fmt: skip


def _performance(subject: Subject) -> Html:
    found = compared_models(subject)
    if not found:
        return el("p", "No run has evaluated a model yet.")
    return join([[metrics_table(item), cites([subject.cite_found(f"metrics.{item.block}")])] for item in found])


def _slices(subject: Subject) -> Html:
    found = slices(subject)
    if found:
        return join([slice_table(item) for item in found])
    if any("by" in gate.condition and "by:" in gate.condition for gate in judged_gates(subject)):
        return el("p", "Gates of the spec compare groups; no run has done so yet.")
    return unanswered("How groups of people fare is said by an audit feature and a gate with", "by:",
                      "features inputs {\n  …\n  sex := people.sex @audit\n}\n\ngates release {\n  …\n  fair := gap(false_pos_rate(candidate), by: inputs.sex) <= 10pp\n}")  # fmt: skip
