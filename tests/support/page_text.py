"""A page as plain lines, as one reads it, and its structure without any text."""

from __future__ import annotations

from html.parser import HTMLParser

BLOCKS = {"p", "h1", "h2", "h3", "li", "tr", "div", "section", "article", "pre", "dl", "dt", "table", "summary", "caption", "header", "main", "ul", "ol",
          "footer", "nav", "details", "svg"}  # fmt: skip
EMPTY = {"area", "br", "col", "hr", "img", "input", "link", "meta"}
SKIPPED = {"style", "script", "title"}


class Reader(HTMLParser):
    """Lines of text, tags with attributes, ids, links, and whether tags are nested as they should be."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.faults: list[str] = []
        self.texts: dict[str, list[str]] = {"style": [], "script": []}
        self.meta: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append((tag, tuple(sorted(values))))
        self.faults += [f"{name} on <{tag}>" for name in values if name.startswith("on") or name == "style"]
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        if tag == "meta" and "http-equiv" in values:
            self.meta[values["http-equiv"]] = values["content"]
        self.fetched += [
            value
            for name, value in values.items()
            if name in ("src", "srcset", "data", "poster", "action") or (name == "href" and tag != "a")
        ]
        if tag in BLOCKS:
            self._line()
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")
        if tag == "b":
            self.lines[-1] += " "
        if tag in ("td", "th"):
            self.lines[-1] += " | "
        if tag in BLOCKS:
            self._line()

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside in self.texts:
            self.texts[inside].append(data)
        elif inside not in SKIPPED and "nav" not in self._open:
            self.lines[-1] += data

    def _line(self) -> None:
        if self.lines[-1]:
            self.lines.append("")


def text_of(page: str) -> str:
    """What one reads, a line a block."""
    lines = [" ".join(line.split()).rstrip("| ").removesuffix("#").strip() for line in Reader(page).lines]
    return "\n".join(line for line in lines if line) + "\n"
