"""Writes the grammars of editors from the terminals of grammar/mlspec.lark and their roles in grammar/highlight.toml.

    python editors/generate.py          writes them
    python editors/generate.py --check  exits 1 where a file is not what would be written

TextMate and Pygments take the same list of patterns; tree-sitter takes the terminals into a grammar of its own.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
NAME = r"[A-Za-z][A-Za-z0-9_]*"
_TERMINAL = re.compile(r'^([A-Z]+): (?:/(.*)/|"(.*)")$', re.MULTILINE)
_END = r"(?![A-Za-z0-9_%])"


class Table:
    """The terminals as patterns, and the role of each."""

    def __init__(self) -> None:
        rows = tomllib.loads((ROOT / "grammar/highlight.toml").read_text(encoding="utf-8"))
        self.role_of: dict[str, str] = {name: role for role, names in rows["terminals"].items() for name in names}
        self.roles: dict[str, dict[str, str]] = rows["roles"]
        found = _TERMINAL.findall((ROOT / "grammar/mlspec.lark").read_text(encoding="utf-8"))
        self.patterns = {name: pattern or re.escape(word) for name, pattern, word in found}
        self.words = {name: word for name, _, word in found if word}

    def alternatives(self, *names: str) -> str:
        """One pattern for several terminals, in the order given; of marks the longest first."""
        return "|".join(self.patterns[name] for name in names)

    def of_role(self, role: str) -> list[str]:
        """The terminals of a role, longest text first where they are fixed."""
        names = [name for name, other in self.role_of.items() if other == role]
        return sorted(names, key=lambda name: -len(self.words.get(name, "")))


class Rule(NamedTuple):
    """A pattern, and the role of each of its groups; one without groups has one role."""

    pattern: str
    roles: tuple[str, ...]


def rules(table: Table) -> Iterator[Rule]:
    """What a text is, from the most special; understood alike by Python's `re` and by Oniguruma, line by line."""
    blank = r"[ \t]*"
    yield Rule(rf"^{blank}##[^\n]*", ("documentation",))
    yield Rule(r"#[^\n]*", ("comment",))
    yield Rule(table.patterns["STRING"], ("string",))
    yield Rule(rf"^({blank})(mlspec)([ \t]+)({_edition(table)})", ("", "keyword", "", "number"))
    yield Rule(rf'^({blank})(use)(?={blank}")', ("", "keyword"))
    yield Rule(rf'(?<=")([ \t]+)(as)(?=[ \t]+{NAME})', ("", "keyword"))
    yield Rule(rf"^({blank})(set)(?=[ \t]+{NAME}{blank}\.)", ("", "keyword"))
    yield Rule(rf"^({blank})(extern)(?=[ \t]+{NAME}[ \t]+{NAME})", ("", "keyword"))
    yield Rule(rf"^({blank})({NAME})(?=(?:[ \t]+{NAME})?{blank}\{{)", ("", "kind"))
    yield Rule(rf"^({blank})({NAME})(?={blank}:=)", ("", "definition"))
    yield Rule(rf"^({blank})({NAME})(?={blank}=(?!=))", ("", "field"))
    yield Rule(rf"@{blank}{NAME}", ("attribute",))
    yield Rule(table.patterns["DIGEST"] + _END, ("digest",))
    yield Rule(rf"\b(?:{table.alternatives('INSTANT', 'DATE')}){_END}", ("number",))
    yield Rule(rf"\b(?:{table.alternatives('DURATION', 'BYTES', 'RATE', 'PERCENT', 'POINTS')}){_END}", ("number",))
    yield Rule(rf"\b(?:{table.alternatives('FLOAT', 'INT')}){_END}", ("number",))
    yield Rule(rf"\b(?:true|false|null(?!{blank}:))\b", ("constant",))
    yield Rule(rf"\b(?:{'|'.join(_words(table))})\b", ("keyword",))
    named = "|".join(types())
    yield Rule(rf"(:)({blank})({named})\b", ("punctuation", "", "type"))
    yield Rule(rf"(->)({blank})({named})\b", ("operator", "", "type"))
    yield Rule(rf"\b{NAME}(?={blank}\()", ("function",))
    yield Rule(rf"\b{NAME}", ("name",))
    yield Rule(table.alternatives(*table.of_role("operator")), ("operator",))
    yield Rule(table.alternatives(*table.of_role("punctuation")), ("punctuation",))


def _edition(table: Table) -> str:
    return table.patterns["EDITION"]


def _words(table: Table) -> list[str]:
    """The words that are keywords wherever they stand."""
    soft = {"MLSPEC", "USE", "AS", "SET", "EXTERN"}
    return [table.words[name] for name in table.of_role("keyword") if name not in soft]


def types() -> list[str]:
    """The names of types, as the checker has them."""
    sys.path.insert(0, str(ROOT))
    from mlspec.spec.reference import types as shown

    return re.findall(r"`(\w+)`", shown())


# ---- TextMate


def textmate(table: Table) -> str:
    """The grammar of VS Code and of all that read TextMate's."""
    patterns: list[dict[str, object]] = []
    for rule in rules(table):
        row: dict[str, object] = {"match": rule.pattern}
        if len(rule.roles) == 1:
            row["name"] = _scope(table, rule.roles[0])
        else:
            captures = {str(place): {"name": _scope(table, role)} for place, role in enumerate(rule.roles, 1) if role}
            row["captures"] = captures
        patterns.append(row)
    patterns.insert(2, _text_block(table))
    document = {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "comment": "Written by editors/generate.py from grammar/highlight.toml.",
        "name": "mlspec",
        "scopeName": "source.mlspec",
        "fileTypes": ["mlspec"],
        "patterns": patterns,
    }
    return json.dumps(document, indent=2) + "\n"


def _text_block(table: Table) -> dict[str, object]:
    """A tagged text over many lines."""
    return {
        "name": _scope(table, "text"),
        "begin": rf'({NAME})(""")',
        "beginCaptures": {"1": {"name": "storage.type.string.mlspec"}},
        "end": '"""',
    }


def _scope(table: Table, role: str) -> str:
    return f"{table.roles[role]['textmate']}.mlspec"


# ---- Pygments


def pygments(table: Table) -> str:
    """The module of the lexer."""
    lines = [f"            ({_quoted(table.patterns['TEXT'])}, {_token(table, 'text')}),"]
    for rule in rules(table):
        style = (
            _token(table, rule.roles[0])
            if len(rule.roles) == 1
            else f"bygroups({', '.join(_token(table, role) for role in rule.roles)})"
        )
        lines.append(f"            ({_quoted(rule.pattern)}, {style}),")
    # A comment may hold what looks like a text: comments come first.
    lines = [*lines[1:3], lines[0], *lines[3:]]
    return _PYGMENTS.replace("RULES", "\n".join(lines))


def _quoted(pattern: str) -> str:
    return 'r"' + pattern + '"' if '"' not in pattern else "r'" + pattern + "'"


def _token(table: Table, role: str) -> str:
    return table.roles[role]["pygments"] if role else "Whitespace"


_PYGMENTS = '''"""Highlights specs with Pygments, in Sphinx, MkDocs and notebooks. Written by editors/generate.py from grammar/highlight.toml."""

import re

from pygments.lexer import RegexLexer, bygroups  # type: ignore[import-untyped, unused-ignore]
from pygments.token import (  # type: ignore[import-untyped, unused-ignore]
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

__all__ = ["MlspecLexer"]


class MlspecLexer(RegexLexer):  # type: ignore[misc, unused-ignore]
    """Specs of machine-learning systems."""

    name = "mlspec"
    aliases = ["mlspec"]
    filenames = ["*.mlspec"]
    mimetypes = ["text/x-mlspec"]
    version_added = ""
    flags = re.MULTILINE
    # fmt: off
    tokens = {
        "root": [
RULES
            (r"[ \\t\\ufeff]+|\\r?\\n", Whitespace),
            (r".", Error),
        ],
    }
'''


# ---- tree-sitter


def tree_sitter(table: Table) -> str:
    """The grammar of tree-sitter: its rules are written beside this program, its terminals are ours."""
    template = (HERE / "tree-sitter/grammar.in.js").read_text(encoding="utf-8")
    head, _, body = template.partition("*/\n")

    def pattern(found: re.Match[str]) -> str:
        names = found[1].split("|")
        if len(names) == 1 and names[0] in table.words:
            return json.dumps(table.words[names[0]])
        return f"/{'|'.join(_without_looking(table.patterns[name]) for name in names)}/"

    return f"// Written by editors/generate.py from grammar.in.js and grammar/mlspec.lark.\n{head}*/\n" + re.sub(
        r"\bT\(([A-Z|]+)\)", pattern, body
    )


def _without_looking(pattern: str) -> str:
    """A terminal as tree-sitter takes it: its lexer takes the longest match and looks neither ahead nor back."""
    plain = re.sub(r"\(\?!\[[^]]*\]\)$", "", pattern).replace('"(?!"")', '"[^"]|""[^"]').replace("(?:", "(")
    assert "(?" not in plain, pattern
    return plain.replace("/", "\\/")


def queries(table: Table) -> str:
    """What tree-sitter's nodes are to a highlighter; the last that matches counts."""
    role = {name: f"@{row['treesitter']}" for name, row in table.roles.items()}
    words = {
        name: [json.dumps(table.words[item]) for item in table.of_role(name) if item in table.words]
        for name in ("keyword", "operator", "punctuation")
    }
    lines = [f"(name) {role['name']}", *(f"[{' '.join(words[name])}] {role[name]}" for name in words)]
    lines += [
        f"(comment) {role['comment']}", f"(documentation) {role['documentation']}", f"(string) {role['string']}", f"(text) {role['text']}",
        f"(digest) {role['digest']}", f"(constant) {role['constant']}", f"[(edition) (number)] {role['number']}",
        f'(attribute "@" {role["attribute"]} name: (name) {role["attribute"]})', f"(block kind: (name) {role['kind']})",
        f"(setting name: (name) {role['field']})", f"(definition name: (name) {role['definition']})", f"(type name: (name) {role['type']})",
        f"(call function: (reference (name) {role['function']} .))",
    ]  # fmt: skip
    return "; Written by editors/generate.py from grammar/highlight.toml.\n" + "\n".join(lines) + "\n"


FILES: dict[str, Callable[[Table], str]] = {
    "editors/vscode/syntaxes/mlspec.tmLanguage.json": textmate,
    "mlspec/syntax/pygments_lexer.py": pygments,
    "editors/tree-sitter/grammar.js": tree_sitter,
    "editors/tree-sitter/queries/highlights.scm": queries,
}


def main(arguments: list[str]) -> int:
    """Write the files, or say which are not as they would be written."""
    table, stale = Table(), []
    for name, make in FILES.items():
        path, text = ROOT / name, make(table)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(f"not as written by `python editors/generate.py`: {', '.join(stale)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
