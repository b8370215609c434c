"""The text of the spec and of what it imports, line by line, for the citations of the other pages."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.doc.pages.site import framed
from mlspec.doc.subject import Subject, line_id
from mlspec.page.frame import Page
from mlspec.page.html import Html, el, join
from mlspec.source import SourceFile
from mlspec.spec.measured import JUDGED
from mlspec.syntax import parse
from mlspec.syntax.nodes import Block, Setting

HIDDEN = "[ rows, not shown here ]"


def text_page(subject: Subject) -> Page:
    """One section a file."""
    parts, sections = [], []
    for number, (path, source) in enumerate(subject.files):
        sections.append((f"f{number}", path))
        parts += [el("h2", el("code", path), id=f"f{number}"), _lines(number, source)]
    return framed(subject, "spec.html", join(parts), summary="What people wrote and review; every page of this site comes from it.",
                  sections=sections if len(sections) > 1 else None)  # fmt: skip


def _lines(file: int, source: SourceFile) -> Html:
    texts = without_rows(source).split("\n")
    if texts and not texts[-1]:
        texts.pop()
    rows = [
        el("li", el("a", str(number), href=f"#{line_id(file, number)}", aria_label=f"Line {number}"), el("span", text, class_=_kind(text)),
           id=line_id(file, number))
        for number, text in enumerate(texts, 1)
    ]  # fmt: skip
    return el("div", el("ol", rows), class_="scroll source", tabindex="0", role="region", aria_label="Text of the spec")


def without_rows(source: SourceFile) -> str:
    """The text with as many lines, without the literal rows of its tests: they may hold values of columns that tell of persons."""
    text = source.text
    for start, end in sorted(_literal_rows(source), reverse=True):
        text = text[:start] + HIDDEN + "\n" * text.count("\n", start, end) + text[end:]
    return text


def _literal_rows(source: SourceFile) -> Iterator[tuple[int, int]]:
    """Where a `given` or `fit` of a source lists its rows; the numbers that a test gives gates and monitors tell of no person."""
    tree, _ = parse(source)
    statements = () if tree is None else tree.statements
    judged = {
        each.label.text
        for each in statements
        if isinstance(each, Block) and each.kind.text in JUDGED and each.label is not None
    }
    for test in statements:
        if isinstance(test, Block) and test.kind.text == "test":
            for given in test.body:
                if isinstance(given, Setting) and given.label is not None and given.label.text not in judged:
                    yield given.value.span.start, given.value.span.end


def _kind(text: str) -> str | None:
    start = text.lstrip()
    if start.startswith("##"):
        return "doc"
    return "comment" if start.startswith("#") else None
