"""Compiles grammar/mlspec.lark into table.json, the parse table that `parse` runs: `python -m mlspec.syntax.tables`.

Lark is the grammar tool: it reads the grammar, proves it LALR(1) without conflicts and without colliding terminals (strict=True) and makes the
table. It is imported here and in tests only: importing it costs four times an empty Python, which no check should pay.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("table.json")


def grammar_path() -> Path:
    """The grammar: beside the package in a checkout, inside it in a wheel."""
    inside = Path(__file__).parents[1] / "grammar" / "mlspec.lark"
    return inside if inside.exists() else Path(__file__).parents[2] / "grammar" / "mlspec.lark"


def load_lark() -> Any:
    """The grammar as a strict Lark parser."""
    from lark import Lark

    return Lark(
        grammar_path().read_text(encoding="utf-8"),
        parser="lalr",
        lexer="contextual",
        strict=True,
        start="file",
        maybe_placeholders=False,
        keep_all_tokens=True,
    )


def build() -> dict[str, Any]:
    """The table as JSON: rules `[name, length, action]`, and per state what each symbol does.

    A number n >= 0 shifts to state n (or, for a rule's name, goes there), n < 0 reduces by rule -n - 1. States are numbered in the order
    in which a walk from the start meets them and symbols are sorted, so that the same grammar gives the same bytes everywhere.
    """
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

    data, memo = load_lark().memo_serialize([TerminalDef, Rule])
    parser = data["parser"]["parser"]
    symbols = parser["tokens"]
    rows = {state: {symbols[key]: step for key, step in row.items()} for state, row in parser["states"].items()}
    rules: list[list[Any]] = []
    numbers: dict[int, int] = {}

    def rule(key: int) -> int:
        if key not in numbers:
            numbers[key] = len(rules)
            row = memo[key]
            rules.append([row["origin"]["name"], len(row["expansion"]), row["alias"]])
        return -numbers[key] - 1

    order = _walk(parser["start_states"]["file"], rows)
    place = {state: index for index, state in enumerate(order)}
    states = [
        {symbol: place[arg] if action == 0 else rule(arg["@"]) for symbol, (action, arg) in sorted(rows[state].items())}
        for state in order
    ]
    return {"format": 1, "end": place[parser["end_states"]["file"]], "rules": rules, "states": states}


def _walk(start: int, rows: dict[int, dict[str, tuple[int, Any]]]) -> list[int]:
    """All states reachable from `start`, breadth first, symbols in alphabetical order."""
    order = [start]
    seen = {start}
    for state in order:
        for _, (action, arg) in sorted(rows[state].items()):
            if action == 0 and arg not in seen:
                seen.add(arg)
                order.append(arg)
    return order


def render(table: dict[str, Any]) -> str:
    """The text of table.json: one rule or state a line, so that a change of the grammar reads in a diff."""
    rules = ",\n".join(json.dumps(row, separators=(",", ":")) for row in table["rules"])
    states = ",\n".join(json.dumps(row, separators=(",", ":"), sort_keys=True) for row in table["states"])
    return f'{{"format":{table["format"]},"end":{table["end"]},"rules":[\n{rules}\n],"states":[\n{states}\n]}}\n'


if __name__ == "__main__":
    TABLE.write_text(render(build()), encoding="utf-8")
    sys.stdout.write(f"wrote {TABLE.name}\n")
