"""The one comment: found by its marker and its author, edited where it says something else, written only where there is something to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from mlspec.diff.render.markdown import MARKER, render

_RULE = "\n\n---\n"
MAX_BODY = 65_000


class Body(NamedTuple):
    """A comment, and whether it is worth one where there is none yet."""

    text: str
    worth: bool


class Host(Protocol):
    """Where comments are: `own` lists the id and text of those that the token's own account wrote."""

    def own(self) -> list[tuple[int, str]]: ...

    def write(self, text: str) -> None: ...

    def edit(self, comment: int, text: str) -> None: ...


def body_of(document: Mapping[str, Any], foot: str) -> Body:
    """The comment of a report."""
    text = _with_foot(render(document, verbose=False), foot)
    assert len(text) <= MAX_BODY, "the page keeps its limit"
    return Body(text, any(file["status"] != "same" for file in document["files"]))


def notice(said: str, foot: str, worth: bool = True) -> Body:
    """A comment in place of a report; `said` is ours and nobody else's."""
    return Body(_with_foot(f"{MARKER}\n**mlspec diff**: {said}", foot), worth)


def _with_foot(text: str, foot: str) -> str:
    return text.rstrip() + (f"{_RULE}{foot}\n" if foot else "\n")


def keep(host: Host, body: Body) -> str:
    """Bring the comment up to date; what was done. It may be done again: it looks first."""
    found = [(comment, text) for comment, text in host.own() if text.startswith(MARKER)]
    if not found:
        if not body.worth:
            return "nothing changed, and there is no comment"
        host.write(body.text)
        return "comment written"
    comment, text = found[0]
    if text.replace("\r\n", "\n").strip() == body.text.strip():
        return "the comment is up to date"
    host.edit(comment, body.text)
    return "comment edited"
