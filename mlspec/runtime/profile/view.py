"""The page of a report: statistics as charts and tables, in the sections that the spec asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime.report import charts
from mlspec.runtime.report.page import render

SECTIONS = {
    "distribution": "Distributions", "missing": "Missing values", "target_rate": "Target", "correlation": "Correlation", "drift": "Drift between parts",
}  # fmt: skip
STEADY, SHIFTED = 0.1, 0.2


def page(statistics: Mapping[str, Any], block: str) -> str:
    """The whole page as HTML."""
    builders = {
        "distribution": _distributions,
        "missing": _missing,
        "target_rate": _target,
        "correlation": _correlation,
        "drift": _drift,
    }
    asked = [section for section in SECTIONS if section in statistics["sections"]]
    sections = [{"id": "columns", "title": "Columns", "kind": "columns"}]
    sections += [{"id": key, "title": SECTIONS[key], "kind": key, **builders[key](statistics)} for key in asked]
    return render(
        "explore.html.j2", title=f"Data report: {block}", eyebrow=f"Exploration of part “{statistics['part']}”",
        summary="", sections=sections, statistics=statistics, columns=_columns(statistics), missing_cells=_missing_cells(statistics),
    )  # fmt: skip


def _columns(statistics: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, **column} for name, column in statistics["columns"].items()]


def _missing_cells(statistics: Mapping[str, Any]) -> float:
    columns = statistics["columns"].values()
    cells = sum(column["rows"] for column in columns)
    return sum(column["nulls"] for column in columns) / cells if cells else 0.0


def _distributions(statistics: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "cards": [card for name, column in statistics["columns"].items() if (card := _distribution(name, column)) is not None]
    }


def _distribution(name: str, column: Mapping[str, Any]) -> dict[str, Any] | None:
    if "histogram" in column:
        drawn = column["histogram"]
        note = f"mean {column['mean']:,.4g}, middle {column['quantiles']['0.5']:,.4g}, half of the rows from {column['quantiles']['0.25']:,.4g} to {column['quantiles']['0.75']:,.4g}"
        chart = charts.histogram(drawn["edges"], drawn["counts"], title=f"Distribution of {name}", note=note)
    elif column.get("top"):
        top = column["top"]
        names, counts = [str(item["value"]) for item in top], [float(item["count"]) for item in top]
        draw = charts.columns if column["kind"] == "time" else charts.bars
        note = f"{column['distinct']:,} different values"
        if column["rest"]["values"] > 0:
            note += f"; {column['rest']['values']:,} less frequent ones not drawn"
        if column["withheld"]["values"]:
            note += f"; {column['withheld']['values']:,} withheld, too few rows"
        chart = draw(names, counts, title=f"Rows per value of {name}", note=note)
    else:
        return None
    return {"title": name, "note": note, "chart": chart, "tags": column["tags"]}


def _missing(statistics: Mapping[str, Any]) -> dict[str, Any]:
    columns = sorted(statistics["columns"].items(), key=lambda item: (-item[1]["null_rate"], item[0]))
    missing = [(name, column) for name, column in columns if column["nulls"]]
    complete = len(columns) - len(missing)
    note = f"{complete} of {len(columns)} columns have a value in every row."
    cards = []
    if missing:
        drawn = charts.bars([name for name, _ in missing], [column["null_rate"] for _, column in missing], percent=True, width=640,
                            highest=1.0 if missing[0][1]["null_rate"] > 0.5 else None,
                            title="Share of rows without a value, per column", note=note)  # fmt: skip
        cards.append({"title": "Share of rows without a value", "note": note, "chart": drawn, "tags": [], "wide": True})
    return {"cards": cards, "note": "" if missing else note}


def _target(statistics: Mapping[str, Any]) -> dict[str, Any]:
    found = statistics.get("target")
    if found is None:
        return {"cards": [], "note": "The source has no `@outcome` column."}
    overall = found["overall"]
    if found["task"] == "multiclass":
        cards = [_class_shares(name, cells, found) for name, cells in found["by"].items()]
        told = ", ".join(f"{key.removeprefix('share of ')} {overall[key]:.1%}" for key in found["measures"])
        return {
            "cards": cards,
            "note": f"Classes of {found['column']}: {told}. Each row of a card sums to 100 % over the classes.",
        }
    measure = found["measures"][0]
    percent = found["task"] == "binary"
    value = f"{overall[measure]:.1%}" if percent else f"{overall[measure]:,.4g}"
    cards = [_rate_chart(name, cells, measure, overall[measure], percent, statistics) for name, cells in found["by"].items()]
    return {"cards": cards, "note": f"The dashed line is the {measure} over all rows: {value}."}


def _rate_chart(
    name: str, cells: Any, measure: str, overall: float, percent: bool, statistics: Mapping[str, Any]
) -> dict[str, Any]:
    values = [cell["measures"][measure] for cell in cells]
    names = [cell["value"] for cell in cells]
    rates = dict(zip(names, values, strict=True))
    measure = measure if percent else f"mean of {statistics['target']['column']}"
    note = "per bin of about equal rows" if statistics["columns"][name]["kind"] == "number" else "per value"
    if statistics["columns"][name]["kind"] == "category":
        tips = [
            f"{cell['value']}: {rates[cell['value']]:.3g}, {cell['rows']:,} rows" for cell in cells if cell["rows"] is not None
        ]
        chart = charts.bars(names, values, title=f"{measure} by {name}", percent=percent, reference=overall, tips=tips)
    else:
        chart = charts.columns(names, values, title=f"{measure} by {name}", percent=percent, reference=overall)
    return {"title": name, "note": f"{measure}, {note}", "chart": chart, "tags": statistics["columns"][name]["tags"]}


def _class_shares(name: str, cells: Any, found: Mapping[str, Any]) -> dict[str, Any]:
    classes = [measure.removeprefix("share of ") for measure in found["measures"]]
    values = [[cell["measures"][measure] for measure in found["measures"]] for cell in cells]
    chart = charts.heatmap(
        [cell["value"] for cell in cells],
        classes,
        values,
        signed=False,
        percent=True,
        width=420,
        title=f"Shares of the classes by {name}",
    )
    return {"title": name, "note": "share of each class", "chart": chart, "tags": []}


def _correlation(statistics: Mapping[str, Any]) -> dict[str, Any]:
    found = statistics["correlation"]
    if len(found["columns"]) < 2:
        return {"cards": [], "note": "Fewer than two numeric columns."}
    chart = charts.heatmap(
        found["columns"], found["columns"], found["values"], title="Pearson correlation of numeric columns", width=760
    )
    note = "Pearson’s correlation over rows that have both values. A two-class target counts as 0 and 1."
    if found["left_out"]:
        every = len(found["columns"]) + found["left_out"]
        note += f" Of {every:,} numeric columns the {len(found['columns'])} that go with the target most."
    return {"cards": [{"title": "Correlation of numbers", "note": note, "chart": chart, "tags": [], "wide": True}]}


def _drift(statistics: Mapping[str, Any]) -> dict[str, Any]:
    cards, tables = [], []
    for part, columns in statistics["drift"].items():
        lines = [{"name": name, **column, "verdict": _verdict(column["psi"])} for name, column in columns.items()]
        lines.sort(key=lambda line: -(line["psi"] or 0.0))
        tables.append({"part": part, "lines": lines})
        for line in [line for line in lines if line["psi"] is not None][:6]:
            chart = charts.grouped_bars(
                line["cells"], line["shares"], title=f"{line['name']} in {statistics['part']} and {part}"
            )
            cards.append({"title": line["name"], "note": f"PSI {line['psi']:.3f} against {part}", "chart": chart, "tags": []})
    note = "" if tables else "There is no other part with enough rows."
    return {"cards": cards, "tables": tables, "note": note}


def _verdict(psi: float | None) -> str:
    if psi is None:
        return "unknown"
    return "steady" if psi < STEADY else "some shift" if psi < SHIFTED else "shifted"
