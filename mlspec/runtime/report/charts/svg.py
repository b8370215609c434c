"""SVG text: elements with escaped attributes and content, and the frame that every chart stands in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from markupsafe import Markup, escape

WIDTH = 640


def number(value: float) -> str:
    """A coordinate: two digits behind the point, none of them idle."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def element(tag: str, *content: str, **attributes: object) -> Markup:
    """One element. A trailing `_` of an attribute name is dropped, other `_` become `-`; numbers are coordinates."""
    parts = [
        f' {name.rstrip("_").replace("_", "-")}="{number(value) if isinstance(value, float) else escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    ]
    inner = "".join(str(escape(item)) for item in content)
    return Markup(f"<{tag}{''.join(parts)}>{inner}</{tag}>")  # noqa: S704  (every part is escaped above)


def join(items: Iterable[str]) -> Markup:
    """Elements in a row."""
    return Markup("").join(items)


def group(*content: str, **attributes: object) -> Markup:
    """Elements that belong together."""
    return element("g", *content, **attributes)


def text(x: float, y: float, content: str, kind: str = "", anchor: str = "start") -> Markup:
    """A label; `kind` is its class: tick, name, value."""
    return element(
        "text", content, x=float(x), y=float(y), class_=kind or None, text_anchor=None if anchor == "start" else anchor
    )


def rule(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> Markup:
    """A straight line."""
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=kind)


def box(x: float, y: float, width: float, height: float, kind: str, tip: str = "") -> Markup:
    """A rectangle with a tooltip."""
    title = element("title", tip) if tip else Markup("")
    return element("rect", title, x=float(x), y=float(y), width=float(max(width, 0)), height=float(max(height, 0)), class_=kind)


def dot(x: float, y: float, radius: float, kind: str, tip: str = "") -> Markup:
    """A circle with a tooltip."""
    return element(
        "circle", element("title", tip) if tip else Markup(""), cx=float(x), cy=float(y), r=float(radius), class_=kind
    )


def path(points: Iterable[tuple[float, float]], kind: str, tip: str = "") -> Markup:
    """A line through points."""
    places = " ".join(f"{'M' if place == 0 else 'L'}{number(x)} {number(y)}" for place, (x, y) in enumerate(points))
    return element("path", element("title", tip) if tip else Markup(""), d=places, class_=kind)


def chart(content: Iterable[str], width: float, height: float, title: str, note: str = "", kind: str = "") -> Markup:
    """The frame: it scales with the page, is one image to a screen reader, and carries its title and note as text."""
    body = join(content)
    mark = hashlib.sha256(f"{title}\x1f{note}\x1f{body}".encode()).hexdigest()[:10]
    head = [element("title", title, id=f"t{mark}")]
    if note:
        head.append(element("desc", note, id=f"d{mark}"))
    return element(
        "svg", *head, body, viewBox=f"0 0 {number(width)} {number(height)}", class_=f"chart {kind}".strip(), role="img",
        aria_labelledby=f"t{mark} d{mark}" if note else f"t{mark}", style=f"max-width:{number(width * 1.2)}px",
    )  # fmt: skip


def shorten(label: str, width: float, size: float = 6.6) -> str:
    """A label cut to what fits in `width`, by the mean width of a character."""
    room = max(int(width / size), 2)
    return label if len(label) <= room else f"{label[: room - 1]}…"


def room_for(names: Iterable[str], most: float, size: float = 6.8) -> float:
    """The width of a column of names: what the longest needs, at most `most`."""
    return min(most, max((len(name) for name in names), default=1) * size + 22)
