"""The life cycle: what the spec and its last run answer of the questions that each stage raises, and what they leave open."""

from __future__ import annotations

from mlspec.doc.pages.site import framed, run_note, unanswered
from mlspec.doc.questions import STAGES, Answered, answered_all
from mlspec.doc.subject import Subject, cites
from mlspec.page.frame import Page, facts, section, tag
from mlspec.page.html import Html, el, join


def lifecycle_page(subject: Subject) -> Page:
    """A section a stage, its questions in it."""
    answers = answered_all(subject)
    parts: list[object] = [run_note(subject)]
    for stage, title in STAGES.items():
        own = [_answer(item) for item in answers if item.question.stage == stage]
        parts.append(section(title, own, id_=stage))
    held, waiting = (sum(item.state == state for item in answers) for state in ("answered", "waits"))
    head = facts(
        [(held, f"of {len(answers)} questions answered"), (waiting, "wait for a run"), (len(answers) - held - waiting, "open")]
    )
    return framed(subject, "lifecycle.html", join(parts), head=head, sections=list(STAGES.items()),
                  summary="What each stage asks of a system like this, answered from the spec and its last run, with the lines and artifacts it was read from.")  # fmt: skip


def _answer(item: Answered) -> Html:
    question = item.question
    id_ = f"q-{question.id}"
    head = el("h3", question.words, id=id_)
    if item.state == "open":
        left = unanswered(question.says, question.block, question.example)
        return el("article", head, item.body, left, cites(item.cites), class_="card answer open", aria_labelledby=id_)
    waits = tag("waits for a run", "warn") if item.state == "waits" else None
    return el("article", head, waits, item.body, cites(item.cites), class_="card answer", aria_labelledby=id_)
