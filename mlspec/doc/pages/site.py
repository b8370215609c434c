"""What all pages of a site share: their list, the frame around each, and the sentence for what a spec leaves open."""

from __future__ import annotations

from mlspec.doc.subject import Subject
from mlspec.page.frame import Link, Page
from mlspec.page.html import Html, el, join, prose

PAGES = {
    "index.html": "Overview", "lifecycle.html": "Life cycle", "card.html": "Model card", "data.html": "Data", "features.html": "Features",
    "gates.html": "Gates", "lineage.html": "Lineage", "stages.html": "Stages", "fields.html": "Fields", "spec.html": "Spec",
}  # fmt: skip
"""The pages by file, in the order of the navigation."""


def framed(
    subject: Subject, file: str, body: Html, *, title: str = "", eyebrow: str = "", summary: str = "", head: Html | None = None, sections: list[tuple[str, str]] | None = None,
    assets: tuple[str, ...] = (), wide: bool = False,
) -> Page:  # fmt: skip
    """A page of the site; `sections` are the (anchor, title) pairs of its parts."""
    site = tuple(Link(name, words, name == file) for name, words in PAGES.items())
    inside = tuple(Link(f"#{anchor}", words) for anchor, words in sections or ())
    owner = subject.spec.settings.get("owner")
    footer = f"Made by mlspec from {subject.files[0][0]}{_of_run(subject)}; the same spec and run give the same page. Owner: {owner}."
    return Page(title or PAGES[file], eyebrow or subject.spec.name, body, summary, head, site, inside, footer, assets, wide)


def _of_run(subject: Subject) -> str:
    return "" if subject.run is None else f" and run {subject.run.number}"


def run_note(subject: Subject) -> Html:
    """Which run the numbers come from, and whether it was of this very spec."""
    run = subject.run
    env = f" under env {subject.found.env}" if subject.found.env else ""
    if run is None:
        words = (
            f"No run of this spec{env} is stored here: the pages say what is known from the spec alone. `mlspec run` makes one."
        )
        return el("p", prose(words), class_="note")
    of = "" if run.env is None else f" under env {run.env}"
    if run.same_spec:
        return el("p", f"Numbers are those of run {run.number}{of}, read from the store by digest.", class_="note")
    return banner("warn", f"The spec has changed since run {run.number}{of}",
                  "Numbers on these pages are that run's, which was of an earlier text of this spec. A new run brings them up to date.")  # fmt: skip


def banner(tone: str, head: str, *more: str) -> Html:
    """A sentence that one must not miss."""
    return el(
        "div", el("div", el("b", head), *(el("p", prose(item)) for item in more if item)), class_=f"banner {tone}", role="note"
    )


def unanswered(what: str, block: str, example: str = "") -> Html:
    """What the spec leaves open, and the block that would say it."""
    words = join([el("em", "Not answered by this spec."), " ", prose(what), " ", el("code", block), "."])
    return join([el("p", words), el("pre", el("code", example), tabindex="0") if example else None])


def verdict_banner(subject: Subject) -> Html | None:
    """Whether the last run passed its gates; None without a run."""
    run = subject.run
    if run is None:
        return None
    if run.passed is None:
        return banner("warn", "No gate judged this run", "A `gates` block says what a model must meet before it serves.")
    gates = run.evidence.gates()
    held = sum(gate["status"] == "passed" for gate in gates)
    if run.passed:
        free = "" if run.releasable else "Guarded overrides were in force, so the run releases nothing."
        return banner("good", f"Passed: {held} of {len(gates)} gates", free)
    failed = ", ".join(f"{gate['block']}.{gate['name']}" for gate in gates if gate["status"] == "failed")
    refused = f"{len(gates) - held} of {len(gates)} gates did not pass"
    if run.overrides:
        return banner("warn", f"Refused, and released by override: {refused}", failed, *run.overrides)
    return banner("bad", f"Not released: {refused}", failed)
