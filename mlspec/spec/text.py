"""Values, defaults and forms of fields in words, as the language writes them."""

from __future__ import annotations

from typing import Any

from mlspec.spec import schema
from mlspec.spec.checks.reading import days, percent
from mlspec.spec.values import Bounds, Made, Reference, Typed, Value


def value_text(value: Value, field: schema.Field | None) -> str:
    """A value as the language writes it: as written, or rendered when it is a default."""
    if value.span is not None and value.span.text:
        return " ".join(value.span.text.split())
    return item_text(value.item, "" if field is None else field.form)


def item_text(item: Any, form: Any) -> str:
    """A default's item as the language writes it."""
    if isinstance(item, Value):
        return value_text(item, None)
    if isinstance(item, Made):
        shown = [f"{name}: {item_text(part, '')}" for name, part in item.args.items() if name and part.item is not None]
        called = item.args.get("")  # the extern that a call of the project's own names
        return f"{item.name if called is None else item_text(called, '')}({', '.join(shown)})"
    if isinstance(item, Reference):
        return item.path
    if isinstance(item, Bounds):
        return f"{item_text(item.low, form)}..{item_text(item.high, form)}"
    if isinstance(item, Typed):
        return " ".join(item.span.text.split())
    return default_text(item, form)


def form_text(form: Any) -> str:
    """What a field takes, in words."""
    if isinstance(form, str):
        return form
    head, *rest = form
    if head == "enum":
        return " | ".join(rest)
    if head == "list":
        return f"list of {form_text(rest[0])}"
    if head == "range":
        return f"{form_text(rest[0])}..{form_text(rest[0])}"
    if head == "one":
        return " | ".join(form_text(item) for item in rest)
    if head == "call":
        names = schema.constructors(rest[0])
        return " | ".join(f"{name}(…)" for name in names) or "call"
    if head == "ref":
        return "the name of a " + " or ".join(f"`{kind}`" for kind in rest)
    if head == "tag":
        return f'{rest[0]}"""…"""'
    if head == "const":
        return "constant"
    limits = "..".join("" if limit is None else f"{limit}" for limit in rest)
    return f"{head} in {limits}" if rest else str(head)


def default_text(item: Any, form: Any) -> str:
    """A default as the language writes it."""
    name = form if isinstance(form, str) else form[0]
    if item is None:
        return "none"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, tuple) and item[:1] == ("make",):
        shown = [f"{key}: {default_text(value, '')}" for key, value in item[2] if value is not None]
        return f"{item[1]}({', '.join(shown)})"
    if isinstance(item, tuple | list):
        return f"[{', '.join(default_text(part, form[1] if name == 'list' else '') for part in item)}]"
    if name == "duration":
        return days(float(item))
    if name == "ratio":
        return percent(float(item))
    if isinstance(item, str) and name in ("string", "list"):
        return f'"{item}"'
    return str(item)
