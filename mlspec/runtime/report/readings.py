"""The page of a compression's readings: how fast each state answers. A clock gave them, so the page is covered by no digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mlspec.runtime.report.charts import bars
from mlspec.runtime.report.compression_part import NAMES
from mlspec.runtime.report.page import TEMPLATES, render
from mlspec.runtime.wording import literal


def readings_page(name: str, model: str, states: Sequence[tuple[str, int]], clock: Mapping[str, Mapping[str, Any]]) -> str:
    """The page of the states of a model, each with the bytes of its package, in the order of the steps."""
    first = states[0][0]
    rows = [
        {
            "name": NAMES.get(state, state), "size": literal(size, "bytes"),
            "request": _request(clock[f"{state}.request"]["value"]), "requests": _windows(clock[f"{state}.request"], _request),
            "faster": _ratio(clock[f"{first}.request"]["value"], clock[f"{state}.request"]["value"]),
            "rate": _rate(clock[f"{state}.rows_per_second"]["value"]), "rates": _windows(clock[f"{state}.rows_per_second"], _rate),
            "more": _ratio(clock[f"{state}.rows_per_second"]["value"], clock[f"{first}.rows_per_second"]["value"]),
        }
        for state, size in states
    ]  # fmt: skip
    names = [row["name"] for row in rows]
    charts = [
        {
            "title": "One request", "note": "milliseconds of one thread, features included",
            "chart": bars(names, [clock[f"{state}.request"]["value"] * 1000 for state, _ in states], title=f"milliseconds of one request to {name}"),
        },
        {
            "title": "A batch", "note": "thousands of rows a second of one thread, from feature values",
            "chart": bars(names, [clock[f"{state}.rows_per_second"]["value"] / 1000 for state, _ in states], title=f"thousands of rows a second of {name}"),
        },
    ]  # fmt: skip
    style = "".join((TEMPLATES / each).read_text(encoding="utf-8") for each in ("page.css", "evaluation.css"))
    return render(
        "readings.html.j2", style=Markup(style),  # noqa: S704  (both files are ours)
        title=name, eyebrow="Readings of a compression", rows=rows, charts=charts,
        summary=f"How fast {model} answers after each step, on the machine of this run.",
    )  # fmt: skip


def _request(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


def _rate(value: float) -> str:
    return f"{value:,.0f}"


def _windows(entry: Mapping[str, Any], shown: Any) -> str:
    """The readings of all windows; the best of them counts."""
    return ", ".join(shown(value) for value in entry["windows"])


def _ratio(one: float, other: float) -> str:
    return f"× {one / other:.2f}"
