"""The block kinds and fields of the language, with defaults and what they mean."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mlspec.cli import exits
from mlspec.cli.loading import style
from mlspec.cli.terminal import out
from mlspec.spec import schema
from mlspec.spec.text import default_text, form_text

OUTPUTS = (
    "diagnostics",
    "plan",
    "graph",
    "run",
    "verdict",
    "diff",
    "test",
    "audit",
    "doc",
    "move",
    "runs",
    "comparison",
    "settings",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """KIND, to say more about one; `--of` prints the JSON Schema of what a command writes."""
    parser.add_argument("kind", nargs="?", help="a block kind, such as `source`")
    parser.add_argument("--diagnostics", action="store_true", help="the JSON Schema of findings, as `--of diagnostics`")
    parser.add_argument("--of", choices=OUTPUTS, help="the JSON Schema of what `--format json` prints: findings, `plan`, `graph`, `diff`, "
                        "`test`, `audit`, `doc`, `run`, `move` (of promote and rollback), `runs` and `comparison` (of show); or of the files verdict.json and mlspec.toml (`settings`)")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Print the table, one kind, or a JSON Schema."""
    if options.of or options.diagnostics:
        out(json.dumps(published(options.of or "diagnostics"), indent=2) + "\n")
        return exits.OK
    if options.kind is None:
        return _all(options)
    row = schema.kind(options.kind)
    if row is None:
        from mlspec.spec.findings import nearest

        near = nearest(options.kind, schema.kinds())
        raise exits.CommandError(f"there is no block kind `{options.kind}`", expected=" ".join(schema.kinds()), found=options.kind,
                                 help=f"did you mean `{near}`?" if near else "")  # fmt: skip
    if options.format == "json":
        out(json.dumps(_json(row), indent=2) + "\n")
    else:
        out(_text(options, row))
    return exits.OK


def published(name: str) -> dict[str, Any]:
    """The JSON Schema of one of OUTPUTS."""
    if name == "diagnostics":
        from mlspec.diagnostics.render.json import schema as of_findings

        return of_findings()
    found: dict[str, Any] = json.loads((Path(__file__).parent / "schemas" / f"{name}.json").read_bytes())
    return found


def _all(options: argparse.Namespace) -> int:
    rows = [row for name in schema.kinds() if (row := schema.kind(name)) is not None]
    if options.format == "json":
        out(json.dumps({"format": 1, "kinds": [_json(row) for row in rows]}, indent=2) + "\n")
        return exits.OK
    paint = style(options)
    for row in rows:
        state = "" if row.built else paint("dim", " (not built yet)")
        out(f"{paint('bold', row.name.ljust(10))} {row.doc}{state}\n")
    return exits.OK


def _json(row: schema.Kind) -> dict[str, Any]:
    fields = [
        {"name": field.name, "form": form_text(field.form), "required": field.required, "override": field.override,
         "built": field.built, "default": None if field.required else default_text(field.default, field.form), "doc": field.doc}
        for field in row.fields.values()
    ]  # fmt: skip
    return {"name": row.name, "doc": row.doc, "stage": row.stage, "built": row.built, "inside": list(row.inside),
            "blocks": list(row.blocks), "defines": row.role, "columns": row.columns, "fields": fields}  # fmt: skip


def _text(options: argparse.Namespace, row: schema.Kind) -> str:
    paint = style(options)
    lines = [f"{paint('bold', row.name)}  {row.doc}" + ("" if row.built else "  (not built yet)")]
    if row.columns:
        lines.append("  name: type @…  declares a column")
    if row.role is not None:
        lines.append(f"  name := …      defines {schema.role(row.role).noun}")
    lines += [f"  {inner} …  a block inside" for inner in row.blocks]
    for field in row.fields.values():
        shown = "required" if field.required else f"default {default_text(field.default, field.form)}"
        built = "" if field.built else ", not built yet"
        lines.append(f"  {paint('cyan', field.name)} = {form_text(field.form)}  {paint('dim', f'({shown}{built})')}")
        lines.append(f"      {field.doc}")
    return "\n".join(lines) + "\n"
