"""What all pages are made of: elements, the frame, places of a graph, its drawing, and colours that can be read."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlspec.page import Html, Page, anchor, el, join
from mlspec.page.drawing import Drawing, Edge, Node
from mlspec.page.frame import policy
from mlspec.page.html import drawn, prose
from mlspec.page.layout import place
from tests.support.page_text import Reader

STYLES = Path(__file__).parents[2] / "mlspec/page/assets"
TEXT = st.text(st.characters(exclude_categories=()), max_size=40)


@given(TEXT, TEXT)
def test_text_stays_text(inside: str, value: str) -> None:
    read = Reader(el("p", inside, title=value))
    assert [tag for tag, _ in read.tags] == ["p"]
    assert read.faults == []


@pytest.mark.parametrize(("made", "expected"), [
    (el("p", "a<b", None, False, 3, ["c", Html("<i>d</i>")]), "<p>a&lt;b3c<i>d</i></p>"),
    (el("a", "x", href="?a=1&b=2", aria_label='"', hidden=True, class_=None), '<a href="?a=1&amp;b=2" aria-label="&quot;" hidden>x</a>'),
    (el("br"), "<br>"), (el("rect", x=1.04, y=-0.0, width=12.5), '<rect x="1" y="0" width="12.5"></rect>'),
    (join(["a", "b"], " & "), "a &amp; b"), (prose("see `x<y` there"), "see <code>x&lt;y</code> there"),
    (el("p", "\x1b[1m\u202e"), "<p>\\u{1b}[1m\\u{202e}</p>"),
])  # fmt: skip
def test_elements(made: Html, expected: str) -> None:
    assert made == expected


@pytest.mark.parametrize("name", ["onclick", "style", "onload_"])
def test_code_is_no_attribute(name: str) -> None:
    with pytest.raises(ValueError, match="code in an attribute"):
        el("p", **{name: "x"})


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError):
        el("p", object())


def test_a_chart_of_the_runtime_loses_its_inline_style() -> None:
    from mlspec.runtime.report.charts import bars

    chart = drawn(bars(["a <b>"], [0.5], title="t"))
    assert Reader(chart).faults == []
    assert 'width="' in chart.partition(">")[0]


@given(st.lists(TEXT, min_size=2, max_size=6, unique=True))
def test_anchors_tell_texts_apart(texts: list[str]) -> None:
    found = [anchor(text) for text in texts]
    assert len(set(found)) == len(texts)
    assert all(re.fullmatch(r"a-[A-Za-z0-9-]*", each) for each in found)


def test_the_policy_names_what_is_there_and_nothing_else() -> None:
    page = Page("t", "e", el("p", "x"), assets=("graph",)).render()
    read = Reader(page)
    assert read.meta["Content-Security-Policy"] == policy(read.texts["style"], read.texts["script"])
    assert "unsafe" not in page.partition("</head>")[0]
    assert policy([], []) == "default-src 'none'; style-src 'none'; script-src 'none'; base-uri 'none'; form-action 'none'"


def test_equal_pages_give_equal_bytes() -> None:
    assert Page("t", "e", el("p", "x")).render() == Page("t", "e", el("p", "x")).render()


# Graphs


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """A directed graph without a circle, its nodes in topological order."""
    names = [f"n{number}" for number in range(draw(st.integers(1, 14)))]
    pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    return names, draw(st.lists(st.sampled_from(pairs), unique=True, max_size=40)) if pairs else []


@given(graphs())
def test_places_keep_order_and_distance(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    names, edges = graph
    placed = place(names, edges)
    assert place(names, edges) == placed
    assert all(placed.layer[one] < placed.layer[other] for one, other in edges)
    for layer in set(placed.layer.values()):
        heights = sorted(placed.height[name] for name in names if placed.layer[name] == layer)
        assert all(other - one > 0.99 for one, other in pairwise(heights)), "two nodes lie on each other"
    assert min(placed.height.values()) > -0.01
    for (one, other), bends in zip(edges, placed.bends, strict=True):
        assert [layer for layer, _ in bends] == list(range(placed.layer[one] + 1, placed.layer[other]))


def test_a_crossing_that_can_be_undone_is_undone() -> None:
    placed = place(["a", "b", "x", "y"], [("a", "y"), ("b", "x")])
    assert (placed.height["a"] < placed.height["b"]) == (placed.height["y"] < placed.height["x"])


def test_a_group_stays_together() -> None:
    names = ["a1", "b1", "a2", "b2", "x", "y"]
    edges = [("a1", "x"), ("b1", "y"), ("a2", "y"), ("b2", "x")]
    placed = place(names, edges, group={"a1": "a", "a2": "a", "b1": "b", "b2": "b"})
    order = sorted(["a1", "b1", "a2", "b2"], key=lambda name: placed.height[name])
    assert [name[0] for name in order] in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


def test_a_large_graph_is_placed_at_once() -> None:
    names = [f"n{number}" for number in range(6_000)]
    edges = [(names[number // 2], names[number]) for number in range(1, 6_000)]
    placed = place(names, edges, layers={name: min(number, 3) if number < 3 else 3 for number, name in enumerate(names)})
    assert len(placed.height) == 6_000


def test_a_drawing_reads_without_a_script() -> None:
    nodes = [
        Node("s.a", "a", "column", "int", group="source s"),
        Node("f.a", "a", "feature", "log(a)", row=("x",)),
        Node("m", "m", "model"),
    ]
    edges = [Edge("s.a", "f.a"), Edge("f.a", "m"), Edge("s.a", "m", "order")]
    drawing = Drawing("Lines", nodes, edges, {"column": "column", "feature": "feature", "model": "model"}, columns=("What",))
    page = Reader(join([drawing.figure(), drawing.rows()]))
    assert page.faults == []
    assert page.links[:3] == [f"#row-{anchor(node.id)}" for node in nodes], "a node leads to its row"
    assert {f"row-{anchor(node.id)}" for node in nodes} <= set(page.ids)
    assert "hidden" in next(attributes for tag, attributes in page.tags if tag == "div" and "hidden" in attributes)
    assert drawing.svg().count('class="edge') == 3
    assert 'class="edge order"' in drawing.svg()


def test_what_nobody_could_read_is_not_drawn() -> None:
    nodes = [Node(f"n{number}", f"n{number}", "column") for number in range(1_600)]
    drawing = Drawing("Lines", nodes, [Edge("n0", "n1")], {"column": "column"})
    assert drawing.too_large
    assert "too many to draw" in drawing.figure()
    assert drawing.rows().count("<tr") == 1_601
    fan = Drawing("Fan", nodes[:60], [Edge("n0", node.id) for node in nodes[1:60]], {"column": "column"})
    assert not fan.too_large
    assert "19 more" in fan.rows()


# Colours


def colours(scheme: str) -> dict[str, str]:
    """The colours of the style, light or dark."""
    text = (STYLES / "page.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return found if scheme == "light" else found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark))


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


READ = [(ink, paper) for ink in ("ink", "muted", "link", "good", "bad", "warn") for paper in ("paper", "card")]
READ += [("good", "good-soft"), ("bad", "bad-soft"), ("warn", "warn-soft"), ("ink", "mark"), ("ink", "gone"), ("ink", "new"), ("ink", "gone-strong"),
         ("ink", "new-strong"), ("muted", "mark"), ("link", "mark"), ("link", "gone"), ("link", "new"), ("muted", "grid")]  # fmt: skip


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), READ)
def test_text_can_be_read(scheme: str, ink: str, paper: str) -> None:
    known = colours(scheme)
    assert contrast(known[ink], known[paper]) >= 4.5, f"{ink} on {paper}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ink", [f"c{number}" for number in range(7)])
def test_marks_can_be_told_from_the_ground(scheme: str, ink: str) -> None:
    known = colours(scheme)
    assert contrast(known[ink], known["card"]) >= 3
