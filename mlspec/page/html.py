"""Elements of HTML and SVG: whatever is no `Html` already is text, and is escaped where it enters."""

from __future__ import annotations

from collections.abc import Iterable

from mlspec.diagnostics.escape import escape_lines

_MEANT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_EMPTY = frozenset(("area", "br", "col", "hr", "img", "input", "link", "meta"))


class Html(str):
    """Text that is markup. Nothing but this module makes it of something else; what comes from a spec or a run is text."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


Child = object
"""What may stand in an element: markup, text, a number, a list of those; None and False are left out."""


def text(content: object) -> Html:
    """Text as it stands; control, bidi and invisible characters are shown as escapes."""
    shown = str(content)
    if not (shown.isascii() and shown.isprintable()):
        shown = escape_lines(shown)
    return Html(shown.translate(_MEANT))


def el(tag: str, *children: Child, **attributes: object) -> Html:
    """One element. A trailing `_` of an attribute name is dropped, other `_` become `-`; None and False leave the attribute out."""
    names = "".join(_attribute(name, value) for name, value in attributes.items() if value is not None and value is not False)
    head = f"<{tag}{names}>"
    return Html(head) if tag in _EMPTY else Html(f"{head}{join(children)}</{tag}>")


def _attribute(name: str, value: object) -> str:
    plain = name.rstrip("_").replace("_", "-")
    if plain.startswith("on") or plain == "style":
        raise ValueError(f"`{plain}` would be code in an attribute")
    return f" {plain}" if value is True else f' {plain}="{text(number(value) if isinstance(value, float) else value)}"'


def join(children: Iterable[Child], between: str = "") -> Html:
    """Children one after the other, lists of them opened."""
    return Html(text(between).join(str(part) for child in children for part in _parts(child)))


def _parts(child: Child) -> Iterable[Html]:
    if child is None or child is False:
        return
    if isinstance(child, Html):
        yield child
    elif isinstance(child, str | int | float):
        yield text(child)
    elif isinstance(child, Iterable):
        for item in child:
            yield from _parts(item)
    else:
        raise TypeError(f"{type(child).__name__} is neither text nor markup")


def prose(words: str) -> Html:
    """A sentence of ours in which `names` in backticks are names of the language."""
    return join([el("code", part) if place % 2 else part for place, part in enumerate(words.split("`"))])


def drawn(chart: object) -> Html:
    """A chart of the runtime's reports, whose text was escaped where it was drawn; its inline style becomes a width.

    A page's content policy takes no style in an attribute.
    """
    markup = str(chart)
    start, style, rest = markup.partition(' style="max-width:')
    if not style:
        return Html(markup)
    width, _, end = rest.partition('px"')
    return Html(f'{start} width="{width}"{end}')


def number(value: float) -> str:
    """A coordinate: one digit behind the point, and none that is idle."""
    shown = f"{value:.1f}".removesuffix(".0")
    return "0" if shown == "-0" else shown
