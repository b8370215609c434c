"""What a question and its answer are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mlspec.doc.subject import Cite, Subject
from mlspec.page.html import Html, el, join


class Answer(NamedTuple):
    """What is known, and the lines and artifacts that it was read from; `waits` where the spec asks for it and a run has yet to find it.

    `lacks` where this is only what stands around the answer, and nobody wrote the answer itself.
    """

    body: Html
    cites: Sequence[Cite | None] = ()
    waits: bool = False
    lacks: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One row: the stage that raises it, an id, its words, the function that answers it, and the block that would.

    `answer` gives None where spec and run say nothing of it; then `says` begins the sentence that names `block`, and `example` shows it.
    """

    stage: str
    id: str
    words: str
    answer: Callable[[Subject], Answer | None]
    block: str
    says: str
    example: str


State = Literal["answered", "waits", "open"]


class Answered(NamedTuple):
    """A question of a spec with what is known of it; of an open one that may be nothing."""

    question: Question
    state: State
    body: Html | None
    cites: tuple[Cite, ...]


def answered(question: Question, subject: Subject) -> Answered:
    """Ask one question."""
    found = question.answer(subject)
    if found is None:
        return Answered(question, "open", None, ())
    known = dict.fromkeys(cite for cite in found.cites if cite is not None)
    return Answered(question, "open" if found.lacks else "waits" if found.waits else "answered", found.body, tuple(known))


def listed(items: Iterable[object]) -> Html | None:
    """A list, None without items."""
    rows = [el("li", item) for item in items]
    return el("ul", rows) if rows else None


def code(text: object) -> Html:
    """A name or expression of the spec."""
    return el("code", text)


def names(items: Iterable[object]) -> Html:
    """Names of the spec in a row."""
    return join([code(item) for item in items], ", ")


def plural(count: int, word: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
