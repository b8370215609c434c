"""The Markdown of a diff: no text of a spec becomes a link, a mention or HTML, and it fits into a comment.

Read by cmark-gfm, the parser that GitHub made its own from.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec.diff.change import EFFECTS
from mlspec.diff.render.markdown import LIMIT, MARKER, render

cmarkgfm = pytest.importorskip("cmarkgfm", reason="pip install cmarkgfm: GitHub's parser of Markdown")
OURS = {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "sub", "br", "strong", "ul", "li", "span"}
# What GitHub and GitLab make of text that no Markdown marks: mentions, issues, commits of elsewhere, addresses, formulas.
BY_ITSELF = re.compile(r"@[\w]|#\d|[!~%^&]\d|www\.|https?://|\$")
HOSTILE = [
    "@octocat", "a`@octocat", "``` @octocat", "\\| @octocat", "\\\\| @octocat [x](http://e.com)", "| </td></tr></table><script>alert(1)",
    "<img src=x onerror=alert(1)>", "[x](http://e.com)", "![x](http://e.com/y.png)", "http://e.com", "www.e.com", "me@e.com", "octo/repo#1",
    "#1", "&#64;octocat", "&lt;b&gt;", "`", "``", "` `", "a\\", "\\`@octocat", "<!-- x -->", "-->", "\n\n# heading", "\u202egnp.", "$`x`$",
    "*a* _b_ ~~c~~", "<https://e.com>", "[x]: http://e.com", "`a` @octocat `b`", "`a @octocat", "   indented", "- list", "> quote", "x|y`|`z",
    "mailto:me@e.com", "<a href='javascript:1'>", "\x1b[31m", "::error::x", ":tada:", "!12 ~bug %5 ^alert#1 &9",
]  # fmt: skip


class Page(HTMLParser):
    """The tags of a page and its text outside code."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.comments: list[str] = []
        self.text = ""
        self.inside = 0
        self.cells: list[int] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not attributes, f"<{tag}> with {attributes}"
        self.inside += tag in ("code", "span")
        if tag == "tr":
            self.cells.append(0)
        elif tag in ("td", "th"):
            self.cells[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag in ("code", "span")

    def handle_data(self, data: str) -> None:
        self.text += " " if self.inside else data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def change(text: str, effect: str = "loosening", security: bool = True) -> dict[str, Any]:
    place = {"file": text, "line": 3, "column": 1}
    return {
        "effect": effect, "rule": "field-changed", "where": text, "old": text, "new": text, "why": f"because {text}", "security": security,
        "comparable_numbers": False, "code": "MLS301", "fingerprint": "0" * 32, "old_place": place, "new_place": place,
        "stages": {"redeploy": [text], "rerun": ["a"]}, "level": "error",
        "waived": {"waiver": text, "owner": text, "reason": text, "expires": text, "place": place},
    }  # fmt: skip


def document(*changes: dict[str, Any], path: str = "a.mlspec", status: str = "changed", said: str = "") -> dict[str, Any]:
    errors = [{"code": "MLS001", "message": said, "place": {"file": path, "line": 1, "column": 1}}] if said else []
    file = {
        "path": path,
        "status": status,
        "comparable_numbers": True,
        "stages": {},
        "errors": errors,
        "changes": list(changes),
    }
    return {"format": 1, "effects": {}, "files": [file]}


def harmless(text: str) -> Page:
    html = cmarkgfm.github_flavored_markdown_to_html(text, cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE)
    page = Page(html)
    assert page.tags <= OURS, page.tags - OURS
    assert page.comments == [MARKER[4:-3]]
    assert not BY_ITSELF.search(page.text), page.text
    assert set(page.cells) <= {5}, "a text left its cell"
    return page


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_spec_means_anything(text: str) -> None:
    harmless(render(document(change(text), path=text), False))
    harmless(render(document(path=text, status="failed", said=text), False))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from([*HOSTILE, "|", "\\", "`", " ", "a", "<", ">", "&", "@", "#", "1"]), max_size=8).map("".join))
def test_nor_do_texts_put_together(text: str) -> None:
    harmless(render(document(change(text), path=text), False))


def test_code_is_shown_as_it_is() -> None:
    html = cmarkgfm.github_flavored_markdown_to_html(render(document(change("a | b `c` \\d")), False))
    assert "<code>a | b `c` \\d</code>" in html


@pytest.mark.parametrize("count", [1, 40, 400, 5_000])
def test_a_comment_never_grows_past_its_limit(count: int) -> None:
    changes = [change(f"gates.g.{index} {'x' * 100}", EFFECTS[index % 7], index % 2 == 0) for index in range(count)]
    text = render(document(*changes), False)
    assert len(text) <= LIMIT + 200 < 65_536
    harmless(text)
    assert ("mlspec diff` shows them" in text) == (count > 40)


def test_what_is_left_out_is_the_mildest_and_counted() -> None:
    mild = [change(f"source.a.{index} {'y' * 100}", "additive", False) for index in range(300)]
    text = render(document(change("gates.g.useful"), *mild), False)
    assert "`gates.g.useful`" in text
    assert "1 loosening, 300 additive" in text
    assert "**300 milder changes (additive, operational) do not fit here**" in text


def test_where_even_the_gravest_do_not_fit_the_security_relevant_come_first() -> None:
    grave = [change(f"source.a.{index} {'z' * 300}", "breaking", False) for index in range(500)]
    text = render(document(*grave, change("gates.g.useful")), False)
    assert text.index("gates.g.useful") < text.index("source.a.0")
    assert "501 changes in 1 specs: too many to show here" in text
    assert re.search(r"… and \d+ more", text)
    harmless(text)


def test_nothing_changed() -> None:
    assert render(document(status="same"), False) == f"{MARKER}\n**mlspec diff**: no changes\n"
