"""The frame that every page stands in: its style and script inside it, and a content policy that lets nothing else in."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlspec.page.html import Html, el, join


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a navigation; `current` is the page or section that one is on."""

    href: str
    title: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page: `site` are the links to the pages beside it, `sections` those inside it; `assets` names what it needs
    beside the common style: `graph` or `sides`."""

    title: str
    eyebrow: str
    body: Html
    summary: str = ""
    head: Html | None = None
    site: tuple[Link, ...] = ()
    sections: tuple[Link, ...] = ()
    footer: str = "Made by mlspec."
    assets: tuple[str, ...] = ()
    wide: bool = False

    def render(self) -> str:
        """The whole file; equal pages give equal bytes."""
        styles = [text for name in ("page", *self.assets) if (text := _file(f"{name}.css"))]
        scripts = [text for name in self.assets if (text := _file(f"{name}.js"))]
        head = el(
            "head",
            el("meta", charset="utf-8"),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", http_equiv="Content-Security-Policy", content=policy(styles, scripts)),
            el("meta", name="referrer", content="no-referrer"),
            el("meta", name="color-scheme", content="light dark"),
            el("title", f"{self.title} · {self.eyebrow}" if self.eyebrow else self.title),
            *(Html(f"<style>{style}</style>") for style in styles),
        )
        return f"<!doctype html>\n{el('html', head, self._body(scripts), lang='en')}\n"

    def _body(self, scripts: list[str]) -> Html:
        kind = "wide" if self.wide else None
        header = el("header", el("p", self.eyebrow, class_="eyebrow"), el("h1", self.title),
                    el("p", self.summary, class_="summary") if self.summary else None, self.head)  # fmt: skip
        return el(
            "body",
            el("a", "Skip to the content", class_="skip", href="#main"),
            navigation("Pages", self.site, "site"),
            header,
            navigation("On this page", self.sections, "sections"),
            el("main", self.body, id="main"),
            el("footer", el("p", self.footer)),
            *(Html(f"<script>{script}</script>") for script in scripts),
            class_=kind,
        )


def navigation(label: str, links: tuple[Link, ...], kind: str) -> Html | None:
    """A list of links, None without any."""
    if not links:
        return None
    items = [el("li", el("a", link.title, href=link.href, aria_current="page" if link.current else None)) for link in links]
    return el("nav", el("ul", items), aria_label=label, class_=kind)


def policy(styles: list[str], scripts: list[str]) -> str:
    """A content policy that names what stands in the page by its digest and refuses everything else, whoever put it there."""
    rules = ["default-src 'none'", f"style-src {_digests(styles)}", f"script-src {_digests(scripts)}", "base-uri 'none'",
             "form-action 'none'"]  # fmt: skip
    return "; ".join(rules)


def _digests(texts: list[str]) -> str:
    found = [f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts]
    return " ".join(found) if found else "'none'"


def anchor(text: str) -> str:
    """An id for a dotted place or any other text: letters, digits and dashes; what would be lost makes a digest at its end."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in text)
    exact = all(char.isascii() and (char.isalnum() or char in "._-") for char in text) and "-" not in text
    return f"a-{plain}" if exact else f"a-{plain[:40]}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def facts(rows: list[tuple[object, str]]) -> Html | None:
    """The few values that one wants first, each with what it is."""
    return el("ul", [el("li", el("b", value), el("span", name)) for value, name in rows], class_="facts") if rows else None


def tag(text: object, tone: str = "") -> Html:
    """A small label; `tone` is good, bad or warn."""
    return el("span", text, class_=f"tag {tone}".strip())


def table(head: list[object], rows: list[Html], *, caption: str = "", label: str = "", kind: str = "") -> Html:
    """A table that scrolls by itself where it is too wide; a head that starts with `#` is of numbers."""
    cells = [
        el("th", str(item).removeprefix("#"), scope="col", class_="n" if str(item).startswith("#") else None) for item in head
    ]
    inner = el("table", el("caption", caption) if caption else None, el("thead", el("tr", cells)), el("tbody", rows))
    return el("div", inner, class_=f"scroll {kind}".strip(), tabindex="0", role="region", aria_label=label or caption)


def section(title: str, *children: object, id_: str, level: int = 2, code: bool = False) -> Html:
    """A part of a page with a heading that a link can lead to; with `code` the heading is a name of the spec."""
    shown = el("code", title) if code else title
    heading = el(f"h{level}", shown, el("a", "#", href=f"#{id_}", class_="here", aria_label=f"Link to {title}"), id=id_)
    return el("section", heading, join(children), aria_labelledby=id_)


@cache
def _file(name: str) -> str:
    """A style or script of ours, which nothing is put into; "" where there is none of this kind."""
    path = Path(__file__).parent / "assets" / name
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
