"""A data sheet for each source, as a dataset card of the Hugging Face hub, with the questions of Gebru and others (2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime.report.cards.facts import TABULAR, judged, listed, written
from mlspec.runtime.report.cards.front_matter import front_matter
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.markdown import code, escape, table

OPEN = "*Not answered. A `card` block in the spec answers it: `{field} = …`.*"


def datasheet(config: Mapping[str, Any], source: Mapping[str, Any], evidence: Evidence) -> str:
    """The data sheet of one source; equal for equal findings."""
    parts = [
        f"# Data sheet: {escape(source['name'])}", escape(source.get("doc") or ""),
        _section("Motivation", _told(config, "intended_use")),
        _section("Composition", _composition(source)),
        _section("Collection", _told(config, "data")),
        _section("Preprocessing and checks", _checks(source, evidence)),
        _section("Uses", _uses(config)),
        _section("Distribution", f"Licence: {escape(written(config, 'data_license'))}." if written(config, "data_license") else OPEN.format(field="data_license")),
        _section("Maintenance", _contact(config)),
    ]  # fmt: skip
    return front_matter(_metadata(config, source, evidence)) + "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _metadata(config: Mapping[str, Any], source: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    tasks = list(dict.fromkeys(TABULAR[one.task] for one in judged(evidence) if one.task in TABULAR))
    return {
        "license": written(config, "data_license"), "pretty_name": str(source["name"]), "task_categories": tasks, "tags": ["mlspec", "tabular"],
        "dataset_info": {"features": [{"name": str(one["name"]), "dtype": _dtype(str(one["type"]))} for one in source["columns"]]},
    }  # fmt: skip


def _dtype(kind: str) -> str:
    """The hub's name of a type."""
    names = {
        "int": "int64",
        "bytes": "int64",
        "bool": "bool",
        "date": "date32",
        "timestamp": "timestamp[us]",
        "string": "string",
    }
    texts = ("text", "category", "id", "decimal")
    return names.get(kind, "string" if kind in texts else "float64")


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def _told(config: Mapping[str, Any], field: str) -> str:
    value = written(config, field)
    return escape(value) if value else OPEN.format(field=field)


def _composition(source: Mapping[str, Any]) -> str:
    rows = [
        [code(one["name"]), escape(one["type"]) + ("?" if one.get("optional") else ""), escape(_may_be(one)), escape(", ".join(one.get("tags", ())))]
        for one in source["columns"]
    ]  # fmt: skip
    return f"One row has {len(rows)} columns.\n\n" + table(["Column", "Type", "Values", "Tags"], rows)


def _may_be(column: Mapping[str, Any]) -> str:
    if column.get("values"):
        return ", ".join(str(value) for value in column["values"])
    low, high = (column.get("range") or (None, None))[:2]
    return "" if low is None and high is None else f"{'' if low is None else low}..{'' if high is None else high}"


def _checks(source: Mapping[str, Any], evidence: Evidence) -> str:
    found = (evidence.checks.get(str(source["name"])) or {}).get("checks", ())
    if not found:
        return "*No check of this source is declared.*"
    rows = [
        [
            code(one["name"]),
            "passed" if one["passed"] else "failed",
            escape(one.get("expected") or ""),
            escape(one.get("value")),
        ]
        for one in found
    ]
    return table(["Check", "Verdict", "Expected", "Found"], rows)


def _uses(config: Mapping[str, Any]) -> str:
    refused = listed(config, "out_of_scope")
    return f"{_told(config, 'intended_use')}\n\nNot for:\n\n" + (
        "\n".join(f"* {escape(text)}" for text in refused) or OPEN.format(field="out_of_scope")
    )


def _contact(config: Mapping[str, Any]) -> str:
    contact = written(config, "contact") or config.get("owner")
    return f"Questions go to {escape(contact)}." if contact else OPEN.format(field="contact")
