"""The text of the spec and of what it imports, line by line, for the citations of the other pages."""

from __future__ import annotations

from mlspec.doc.pages.site import framed
from mlspec.doc.subject import Subject, line_id
from mlspec.page.frame import Page
from mlspec.page.html import Html, el, join
from mlspec.source import SourceFile


def text_page(subject: Subject) -> Page:
    """One section a file."""
    parts, sections = [], []
    for number, (path, source) in enumerate(subject.files):
        sections.append((f"f{number}", path))
        parts += [el("h2", el("code", path), id=f"f{number}"), _lines(number, source)]
    return framed(subject, "spec.html", join(parts), summary="What people wrote and review; every page of this site comes from it.",
                  sections=sections if len(sections) > 1 else None)  # fmt: skip


def _lines(file: int, source: SourceFile) -> Html:
    texts = source.text.split("\n")
    if texts and not texts[-1]:
        texts.pop()
    rows = [
        el("li", el("a", str(number), href=f"#{line_id(file, number)}", aria_label=f"Line {number}"), el("span", text, class_=_kind(text)),
           id=line_id(file, number))
        for number, text in enumerate(texts, 1)
    ]  # fmt: skip
    return el("div", el("ol", rows), class_="scroll source", tabindex="0", role="region", aria_label="Text of the spec")


def _kind(text: str) -> str | None:
    start = text.lstrip()
    if start.startswith("##"):
        return "doc"
    return "comment" if start.startswith("#") else None
