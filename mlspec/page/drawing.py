"""A directed graph as SVG that reads without a script: nodes are links to their rows in the table below, and a script adds the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlspec.page.frame import anchor, table, tag
from mlspec.page.html import Html, el, join, number
from mlspec.page.layout import Placed, longest_paths, place

WIDTH, GAP_X, ROW, EDGE = 196.0, 74.0, 34.0, 14.0
LETTER = 7.0
MOST_NODES, MOST_EDGES, MOST_BENDS = 1_500, 5_000, 10_000
"""A larger graph is no picture any more: the table says what it holds."""
MOST_LINKS = 40
"""Links in one cell of the table."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: `kind` gives the colour and what it is called, `about` the words below its name, `group` the frame that it stands in."""

    id: str
    label: str
    kind: str
    about: str = ""
    note: str = ""
    group: str = ""
    tone: str = ""
    row: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow; `kind` is "" for data, `order` for what only waits."""

    source: str
    target: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph to draw: `kinds` are the kinds that occur, in the order of the legend, with the words for them."""

    title: str
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    kinds: Mapping[str, str]
    layers: Mapping[str, int] | None = None
    heads: Sequence[str] = ()
    columns: Sequence[str] = ()

    @property
    def two_lines(self) -> bool:
        return any(node.about for node in self.nodes)

    @property
    def too_large(self) -> bool:
        """Whether nobody could read it as a drawing, or wait for it."""
        if len(self.nodes) > MOST_NODES or len(self.edges) > MOST_EDGES:
            return True
        layer = self.layers or longest_paths(
            [node.id for node in self.nodes], [(edge.source, edge.target) for edge in self.edges]
        )
        return sum(max(layer[edge.target] - layer[edge.source] - 1, 0) for edge in self.edges) > MOST_BENDS

    def figure(self) -> Html:
        """Tools, legend and drawing; what is chosen is told below it."""
        if self.too_large:
            words = f"{len(self.nodes):,} nodes and {len(self.edges):,} lines are too many to draw: the table below has all of them."
            return el("p", words, class_="note")
        legend = el("ul", [el("li", el("span", class_=f"dot k{place}"), word) for place, word in enumerate(self.kinds.values())],
                    class_="legend")  # fmt: skip
        canvas = el("div", self.svg(), class_="canvas", tabindex="0", role="region", aria_label=f"{self.title}: drawing")
        said = el("div", el("p", "Choose something in the drawing to see what it is made from and what depends on it.", class_="muted"),
                  class_="said", aria_live="polite")  # fmt: skip
        return el("div", _tools(), legend, canvas, said, class_="graph", data_graph=True)

    def svg(self) -> Html:
        """The drawing alone."""
        tall = 46.0 if self.two_lines else 27.0
        row = tall + 9.0
        group = {node.id: node.group for node in self.nodes if node.group}
        placed = place([node.id for node in self.nodes], [(edge.source, edge.target) for edge in self.edges], layers=self.layers,
                       group=group, group_gap=0.75)  # fmt: skip
        top = EDGE + (26.0 if self.heads else 0.0) + (20.0 if group else 0.0)
        at = {
            node.id: (EDGE + placed.layer[node.id] * (WIDTH + GAP_X), top + placed.height[node.id] * row) for node in self.nodes
        }
        kinds = list(self.kinds)
        parts = [
            *self._heads(placed),
            *_frames(self.nodes, at, tall),
            *(
                self._edge(edge, at, bends, placed, top, row, tall)
                for edge, bends in zip(self.edges, placed.bends, strict=True)
            ),
            *(_node(node, at[node.id], tall, kinds.index(node.kind)) for node in self.nodes),
        ]
        width = max((x for x, _ in at.values()), default=0.0) + WIDTH + EDGE
        passed = (top + bend * row for bends in placed.bends for _, bend in bends)
        height = max((*(y for _, y in at.values()), *passed), default=0.0) + tall + EDGE
        return el("svg", el("title", self.title), join(parts), viewBox=f"0 0 {number(width)} {number(height)}", width=width, height=height,
                  class_="network", role="group", aria_label=self.title)  # fmt: skip

    def _heads(self, placed: Placed) -> list[Html]:
        used = set(placed.layer.values())
        return [
            el("text", head, x=EDGE + index * (WIDTH + GAP_X), y=EDGE + 6.0, class_="head")
            for index, head in enumerate(self.heads)
            if index in used
        ]

    def _edge(
        self, edge: Edge, at: Mapping[str, tuple[float, float]], bends: Sequence[tuple[int, float]], placed: Placed, top: float, row: float,
        tall: float,
    ) -> Html:  # fmt: skip
        (x, y), (end_x, end_y) = at[edge.source], at[edge.target]
        points = [(x + WIDTH, y + tall / 2)]
        for layer, height in bends:
            left = EDGE + layer * (WIDTH + GAP_X)
            middle = top + height * row + tall / 2
            points += [(left, middle), (left + WIDTH, middle)]
        points.append((end_x - 5.0, end_y + tall / 2))
        way = [f"M{number(points[0][0])} {number(points[0][1])}"]
        for one, other in pairwise(points):
            half = (one[0] + other[0]) / 2
            way.append(
                f"C{number(half)} {number(one[1])} {number(half)} {number(other[1])} {number(other[0])} {number(other[1])}"
            )
        tip = f"M{number(end_x - 7.0)} {number(end_y + tall / 2 - 3.5)}l7 3.5l-7 3.5z"
        kind = f"edge {edge.kind}".strip()
        return el("g", el("path", d="".join(way), class_="way"), el("path", d=tip, class_="tip"), class_=kind,
                  data_from=anchor(edge.source), data_to=anchor(edge.target))  # fmt: skip

    def rows(self) -> Html:
        """The same as a table: what each node reads and what reads it."""
        names = {node.id: node for node in self.nodes}
        before: dict[str, list[str]] = {}
        after: dict[str, list[str]] = {}
        for edge in self.edges:
            before.setdefault(edge.target, []).append(edge.source)
            after.setdefault(edge.source, []).append(edge.target)
        rows = []
        for node in self.nodes:
            cells = [_links(names, before.get(node.id, ())), _links(names, after.get(node.id, ()))]
            head = el("th", node.id, el("small", self.kinds[node.kind]), scope="row")
            rows.append(el("tr", head, *(el("td", cell) for cell in (*node.row, *cells)), id=f"row-{anchor(node.id)}"))
        return table(["Name", *self.columns, "Made from", "Read by"], rows, label=f"{self.title} as a table", kind="lineage")


def _links(names: Mapping[str, Node], ids: Sequence[str]) -> object:
    known = [name for name in dict.fromkeys(ids) if name in names]
    found: list[object] = [el("a", name, href=f"#row-{anchor(name)}") for name in known[:MOST_LINKS]]
    if len(known) > MOST_LINKS:
        found.append(f"{len(known) - MOST_LINKS:,} more")
    return join(found, ", ") if found else tag("nothing")


def _tools() -> Html:
    """What the script makes work; hidden until it does."""
    buttons = [
        ("in", "+", "Zoom in"),
        ("out", "−", "Zoom out"),
        ("fit", "Fit", "Fit the drawing to the page"),
        ("clear", "Clear", "Clear the choice"),
    ]
    return el(
        "div",
        el("label", "Find ", el("input", type="search", data_find=True, autocomplete="off", spellcheck="false")),
        [el("button", sign, type="button", data_do=name, aria_label=words, title=words) for name, sign, words in buttons],
        el("span", class_="found", role="status"),
        el("span", "Arrow keys walk along the lines, Enter chooses, Escape clears.", class_="keys"),
        class_="tools", hidden=True,
    )  # fmt: skip


def _frames(nodes: Sequence[Node], at: Mapping[str, tuple[float, float]], tall: float) -> list[Html]:
    """A frame with a name around the members of each group that stand under each other."""
    found: dict[tuple[str, float], list[float]] = {}
    for node in nodes:
        if node.group:
            found.setdefault((node.group, at[node.id][0]), []).append(at[node.id][1])
    frames = []
    for (name, x), heights in found.items():
        first, last = min(heights), max(heights)
        box = el(
            "rect", x=x - 7.0, y=first - 21.0, width=WIDTH + 14.0, height=last - first + tall + 28.0, rx="7", class_="frame"
        )
        frames.append(el("g", box, el("text", shorten(name, WIDTH), x=x, y=first - 7.0, class_="frame-name")))
    return frames


def _node(node: Node, at: tuple[float, float], tall: float, kind: int) -> Html:
    x, y = at
    tip = " · ".join(part for part in (node.label, node.about, node.note) if part)
    name_y = y + (19.0 if node.about or tall > 30 else 18.0)
    parts = [
        el("rect", el("title", tip), x=x, y=y, width=WIDTH, height=tall, rx="6", class_="box"),
        el("rect", x=x, y=y, width=5.0, height=tall, rx="2", class_=f"stripe k{kind}"),
        el("text", shorten(node.label, WIDTH - 22.0), x=x + 14.0, y=name_y, class_="name"),
    ]
    if node.about:
        parts.append(
            el("text", shorten(node.about, WIDTH - 22.0, 6.2), x=x + 14.0, y=y + 36.0, class_=f"about {node.tone}".strip())
        )
    return el("a", parts, href=f"#row-{anchor(node.id)}", id=anchor(node.id), class_=f"node {node.tone}".strip(), data_name=node.id,
              data_about=tip)  # fmt: skip


def shorten(label: str, width: float, letter: float = LETTER) -> str:
    """A label cut to what fits, by the mean width of a letter."""
    room = max(int(width / letter), 3)
    return label if len(label) <= room else f"{label[: room - 1]}…"
