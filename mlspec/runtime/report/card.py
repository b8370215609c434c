"""The `card` stage: the model card, in Markdown, from what people wrote in the spec and what the run found.

What nobody answered is said to be open, with the block that would answer it; nothing is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.report.cards import card_files
from mlspec.runtime.report.evidence import Evidence, read_evidence
from mlspec.runtime.report.facts_part import packages_part
from mlspec.runtime.report.gates_part import gates_part
from mlspec.runtime.report.markdown import code, escape, table
from mlspec.runtime.report.models_part import models_part
from mlspec.runtime.report.slices_part import slices_part

WRITTEN = (
    ("intended_use", "Intended use"), ("users", "Users"), ("out_of_scope", "Out of scope"), ("risks", "Risks"),
    ("mitigations", "Mitigations"), ("regulation", "Regulation"),
)  # fmt: skip
MARKS = {"passed": "✓ passed", "failed": "✗ failed", "skipped": "– skipped"}


def run(context: StageContext) -> None:
    """Write the card as index.md, and beside it the formats of others."""
    evidence = read_evidence(context.inputs())
    text = card_text(context.config, evidence)
    for name, content in {"index.md": text, **card_files(context.config, evidence, text)}.items():
        files.write_text(context.output("card") / name, content)


def card_text(config: Mapping[str, Any], evidence: Evidence) -> str:
    """The whole card; equal for equal findings."""
    blocks = [
        _head(config, evidence), *_people(config), _models(evidence), _verdicts(evidence, _quoted(config)), _numbers(evidence),
        _slices(evidence), _data(config, evidence), _reproduce(config, evidence),
    ]  # fmt: skip
    return "\n\n".join(block for block in blocks if block) + "\n"


def _list(items: Sequence[Any]) -> str:
    return "\n".join(f"* {escape(item)}" for item in items)


def _open(what: str, field: str) -> str:
    return f"*Not answered. A `card` block in the spec answers it: `{field} = …` says {what}.*"


def _head(config: Mapping[str, Any], evidence: Evidence) -> str:
    verdict = {True: "All gates passed.", False: "**Not released: a gate failed.**", None: "No gate judged this model."}[
        evidence.passed
    ]
    lines = [f"# Model card: {escape(config['spec'])}"]
    if config.get("doc"):
        lines.append(escape(config["doc"]))
    contact = (config.get("card") or {}).get("contact") or config.get("owner")
    lines.append(f"{verdict} " + (f"Contact: {escape(contact)}." if contact else _open("where questions go", "contact")))
    return "\n\n".join(lines)


def _people(config: Mapping[str, Any]) -> Iterator[str]:
    """What only people can say."""
    card = config.get("card") or {}
    says = {
        "intended_use": "what the system is for", "users": "who uses it", "out_of_scope": "what it must not be used for",
        "risks": "what can go wrong, and for whom", "mitigations": "what is done about it", "regulation": "the rules that it falls under",
    }  # fmt: skip
    for field, title in WRITTEN:
        value = card.get(field)
        text = (_list(value) if isinstance(value, list) else escape(value)) if value else _open(says[field], field)
        yield f"## {title}\n\n{text}"


def _quoted(config: Mapping[str, Any]) -> list[str]:
    """The blocks whose evidence the card quotes; none means all."""
    return [str(name).partition(".")[0] for name in (config.get("card") or {}).get("evidence") or ()]


def _models(evidence: Evidence) -> str:
    candidates = evidence.candidates()
    found = [package for package in packages_part(evidence) if not candidates or package["name"] in candidates]
    parts = []
    for package in found:
        rows = [[escape(key), code(value)] for key, value in package["facts"]]
        inputs = ", ".join(
            code(item["name"]) + (f" ({escape(' → '.join(item['steps']))})" if item["steps"] else "")
            for item in package["features"]
        )
        parts.append(
            f"### {escape(package['name'])}\n\n{table(['Fact', 'Value'], rows)}" + (f"\n\nInputs: {inputs}." if inputs else "")
        )
    return "## Model\n\n" + ("\n\n".join(parts) if parts else "*The run made no package.*")


def _verdicts(evidence: Evidence, quoted: Sequence[str]) -> str:
    parts = []
    for block in gates_part(evidence):
        if quoted and block["name"] not in quoted:
            continue
        rows = [
            [escape(gate["name"]), MARKS[gate["status"]], code(gate["text"]), escape(gate["value"] or ("measured" if gate["measured"] else "none")),
             escape("; ".join(text for text in (gate["evidence"], gate["open"]) if text))]
            for gate in block["gates"]
        ]  # fmt: skip
        where = f" on {block['n']:,} rows of {code(block['part'])}" if block["n"] else ""
        parts.append(
            f"### {escape(block['name'])}: {escape(block['headline'])}{where}\n\n{table(['Gate', 'Verdict', 'Condition', 'Compared', 'Evidence'], rows)}"
        )
    empty = "*No gate judged the model. A `gates` block says what it must meet before it serves.*"
    return "## Validation\n\n" + ("\n\n".join(parts) if parts else empty)


def _numbers(evidence: Evidence) -> str:
    parts = []
    for block in models_part(evidence):
        rows = [
            [escape(row["name"]), *(_with_span(cell) for cell in row["cells"])]
            for row in block["rows"]
        ]  # fmt: skip
        head = ["Metric", *(escape(name) for name in block["models"])]
        parts.append(
            f"{table(head, rows)}\n\n{block['n']:,} held-out rows; in brackets the {block['confidence']:.0%} interval."
        )
    return "## Performance\n\n" + "\n\n".join(parts) if parts else ""


def _with_span(cell: Mapping[str, Any]) -> str:
    """A value, in brackets its interval or why it has none."""
    return escape(cell["value"]) + (f" ({escape(cell['span'])})" if cell["span"] else "")


def _slices(evidence: Evidence) -> str:
    parts = []
    for item in slices_part(evidence):
        head = [escape(item["name"]), "rows", *(escape(name) for name in item["metrics"])]
        rows = [
            [
                escape(row["name"]),
                "few" if row["n"] is None else f"{row['n']:,}",
                *(_with_span(cell) for cell in row["cells"]),
                *(["too few rows"] * len(item["metrics"]) if row["few"] else []),
            ]
            for row in item["rows"]
        ]
        parts.append(f"### {escape(item['model'])} by {escape(item['name'])}\n\n{table(head, rows)}")
    empty = "*No group was compared. An `@audit` feature and a gate with `by:` compare them.*"
    return "## Fairness and slices\n\n" + ("\n\n".join(parts) if parts else empty)


def _data(config: Mapping[str, Any], evidence: Evidence) -> str:
    card = config.get("card") or {}
    parts = [escape(card["data"]) if card.get("data") else _open("how the data came about, and under which licence", "data")]
    documented = {
        str(block["name"]): str(block.get("doc") or "") for block in config.get("blocks") or () if block.get("kind") == "source"
    }
    for name, found in evidence.checks.items():
        checks = found.get("checks", ())
        failed = sum(not check["passed"] for check in checks)
        state = f"{len(checks)} checks, all passed" if not failed else f"{failed} of {len(checks)} checks failed"
        parts.append(f"* {code(name)}: {state}." + (f" {escape(documented[name])}" if documented.get(name) else ""))
    return "## Data\n\n" + "\n\n".join(parts)


def _reproduce(config: Mapping[str, Any], evidence: Evidence) -> str:
    digests = {name: digest for verdict in evidence.verdict.values() for name, digest in verdict.get("packages", {}).items()}
    lines = [f"* {code(name)} {code(digest)}" for name, digest in sorted(digests.items())]
    return (
        "## Evidence\n\nEvery number above was read from stored findings of one run, made for these packages:\n\n"
        + "\n".join(lines)
        if lines
        else ""
    )
