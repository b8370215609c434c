"""The grammars of editors say of every character what the language's own scanner says.

Pygments is always run; TextMate's grammar where Node and the engine of VS Code are there; tree-sitter's grammar is proven and run from
what Node reads of it, and compiled where its own program is there. Packages for Node: `npm install` in editors/vscode, or another folder
with node_modules that MLSPEC_NODE_MODULES names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from editors.generate import FILES, Table, main
from mlspec.source import SourceFile
from mlspec.syntax import parse
from mlspec.syntax.layout import Layout
from mlspec.syntax.scan import Scan
from tests.docs.markdown import examples

ROOT = Path(__file__).parents[2]
MODULES = Path(os.environ.get("MLSPEC_NODE_MODULES") or ROOT / "editors/vscode/node_modules")
TABLE = Table()
NAMES = {"kind", "type", "function", "definition", "field"}
SPECS = [*sorted((ROOT / "specs").glob("*.mlspec")), *sorted((ROOT / "tests/cases").rglob("*.mlspec"))]
READABLE = [path for path in SPECS if not any(item.severity == "error" for item in parse(SourceFile("", path.read_text()))[1])]
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def own_roles(text: str) -> list[str]:
    """The role of every character by the scanner; blanks have none."""
    scan = Scan(SourceFile("", text))
    roles, behind_at = [""] * len(text), False
    for token in Layout(scan).tokens:
        role = TABLE.role_of.get(token.type, "")
        if token.type == "NAME" and behind_at:
            role = "attribute"
        behind_at = token.type == "AT"
        if role:
            roles[token.start : token.end] = [role] * (token.end - token.start)
    for comment in scan.comments:
        role = "documentation" if comment.own_line and comment.text.startswith("##") else "comment"
        roles[comment.span.start : comment.span.end] = [role] * (comment.span.end - comment.span.start)
    return roles


def differences(text: str, found: list[str]) -> Iterator[str]:
    """Where another grammar disagrees; a name in a place is a name."""
    own = own_roles(text)
    for offset, character in enumerate(text):
        theirs = "name" if found[offset] in NAMES else found[offset]
        if not character.isspace() and own[offset] != theirs:
            line = text.count("\n", 0, offset) + 1
            yield f"line {line} {character!r}: {own[offset]}, not {theirs}: {text.splitlines()[line - 1]}"


def constructs() -> dict[str, str]:
    """Every whole spec of the pages, and what is rare in specs."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = {
        str(one): one.text
        for page in pages
        for one in examples(page)
        if one.language == "mlspec" and one.text.startswith("mlspec ")
    }
    found["rare"] = (
        'mlspec 2026.1 # the edition\n\nuse "./a b.mlspec" as other\n\n## Says \\"what\\" it is.\nextern metric grounded(reply: text, n: int) -> float {\n'
        '  code = "a.py:f"\n}\n\nparam as_of: date = 2026-03-31 # on\n\nsource set {\n  set: string @key @named("a \\u{20ac} \\n")\n  use: int?\n  as: category("f", "m")?\n'
        '  null_rate := null_rate(set) <= 5% and not unique(use) or 1 in [1, 2]\n  text = sql"""\n    select "a", \'#\' -- ## no comment\n    from x where y = """\n}\n\n'
        'features f {\n  a := if set.use ?? -1 >= 1e-3 then log1p(set.use * 2 / 3 + 1) else 0.5\n  b := bucket(a, edges: [\n    1, # first\n    30_000,\n  ], null: ["NA"])\n'
        "  c := 17..90 @range(0..500)\n  d := (1d + 250ms - 2min) != 64MiB\n  e := 50rps < 2pp\n  f := 2026-03-31T00:00:00.123456Z == true\n}\n\nenv dev {\n  set tune.trials = 4\n}\n"
        f"lock x = sha256:{'0f' * 32}\n"
    )
    return found


def texts() -> dict[str, str]:
    return {str(path.relative_to(ROOT)): path.read_text() for path in READABLE} | constructs()


def test_every_grammar_is_as_its_table_makes_it() -> None:
    assert main(["--check"]) == 0, "python editors/generate.py"
    assert all((ROOT / name).is_file() for name in FILES)


def test_every_terminal_has_a_role_and_every_role_a_name() -> None:
    assert set(TABLE.role_of) == set(TABLE.patterns) - {"NL", "BAD_LITERAL"}
    assert set(TABLE.role_of.values()) <= set(TABLE.roles)
    for row in TABLE.roles.values():
        assert set(row) == {"textmate", "pygments", "treesitter"}


def test_there_is_something_to_compare() -> None:
    assert len(READABLE) > 100
    assert {role for text in texts().values() for role in own_roles(text)} >= set(TABLE.role_of.values())


def pygments_roles(text: str) -> list[str]:
    from pygments.lexers import get_lexer_by_name

    roles_of = {f"Token.{row['pygments']}": role for role, row in TABLE.roles.items()} | {
        "Token.Literal." + row["pygments"]: role for role, row in TABLE.roles.items()
    }
    found = [""] * len(text)
    for offset, token, part in get_lexer_by_name("mlspec").get_tokens_unprocessed(text):
        found[offset : offset + len(part)] = [roles_of.get(str(token), str(token))] * len(part)
    return found


@pytest.mark.parametrize("name", texts())
def test_pygments_sees_what_the_scanner_sees(name: str) -> None:
    text = texts()[name]
    assert list(differences(text, pygments_roles(text))) == []


def test_pygments_finds_the_lexer_of_a_file() -> None:
    from pygments.lexers import get_lexer_for_filename

    assert type(get_lexer_for_filename("a.mlspec")).__module__ == "mlspec.syntax.pygments_lexer"


def test_pygments_marks_what_is_no_token() -> None:
    assert "Token.Error" in pygments_roles("mlspec 2026.1\na = $b\n")


def package(name: str) -> Path:
    if shutil.which("node") is None or not (MODULES / name).is_dir():
        pytest.skip(f"{name} is not installed: `npm install {name}`, and MLSPEC_NODE_MODULES names the folder node_modules")
    return MODULES


def test_textmate_sees_what_the_scanner_sees(tmp_path: Path) -> None:
    modules = package("vscode-textmate")
    files = {}
    for number, (name, text) in enumerate(texts().items()):
        files[str(tmp_path / f"{number}.mlspec")] = name, text
        (tmp_path / f"{number}.mlspec").write_text(text)
    done = subprocess.run(
        ["node", ROOT / "tests/editors/textmate.js", ROOT / "editors/vscode/syntaxes/mlspec.tmLanguage.json"], input=json.dumps(list(files)),
        capture_output=True, text=True, env={**os.environ, "NODE_PATH": str(modules)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    roles_of = {f"{row['textmate']}.mlspec": role for role, row in TABLE.roles.items()}
    found = json.loads(done.stdout)
    assert len(found) == len(files)
    for path, lines in found.items():
        name, text = files[path]
        roles, start = [""] * len(text), 0
        for line, tokens in zip(text.split("\n"), lines, strict=True):
            for first, last, scopes in tokens:
                role = next((roles_of[scope] for scope in scopes if scope in roles_of), "")
                roles[start + first : start + last] = [role] * (last - first)
            start += len(line) + 1
        assert list(differences(text, roles)) == [], name


# ---- tree-sitter


@pytest.fixture(scope="module")
def grammar() -> dict[str, Any]:
    """What grammar.js says, as data."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    words = ["node", ROOT / "tests/editors/tree_sitter.js", ROOT / "editors/tree-sitter/grammar.js"]
    found: dict[str, Any] = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return found


class Proof:
    """The same rules for Lark, whose LALR(1) is a part of tree-sitter's LR(1): no conflict there is none here."""

    def __init__(self, grammar: dict[str, Any]) -> None:
        self.terminals: dict[str, str] = {}
        self.tokens = {name for name, rule in grammar["rules"].items() if rule["type"] in ("TOKEN", "PATTERN")}
        self.rules = [f"{_rule(name)}: {self.of(rule)}" for name, rule in grammar["rules"].items() if name not in self.tokens]
        for name in sorted(self.tokens):
            pattern = self.pattern(grammar["rules"][name])
            # Of several alternatives tree-sitter takes the longest, `re` the first: a number ends where nothing more of one stands.
            self.terminals[name.upper()] = f"/(?:{pattern})(?![0-9A-Za-z_%])/" if name == "number" else f"/{pattern}/"
        self.ignored = [item["value"] for item in grammar["extras"] if item["type"] == "PATTERN"]

    def pattern(self, rule: dict[str, Any]) -> str:
        if rule["type"] in ("TOKEN", "PREC"):
            return self.pattern(rule["content"])
        if rule["type"] == "CHOICE":
            return "|".join(f"(?:{self.pattern(item)})" for item in rule["members"])
        return str(rule["value"])

    def of(self, rule: dict[str, Any]) -> str:
        match rule["type"]:
            case "STRING":
                terminal = f"T_{'_'.join(str(ord(character)) for character in rule['value'])}"
                self.terminals[terminal] = json.dumps(rule["value"])
                return terminal
            case "SYMBOL":
                return str(rule["name"].upper()) if rule["name"] in self.tokens else _rule(rule["name"])
            case "SEQ":
                return " ".join(self.of(item) for item in rule["members"])
            case "CHOICE":
                members = [self.of(item) for item in rule["members"] if item["type"] != "BLANK"]
                return f"({' | '.join(members)})" + ("?" if len(members) < len(rule["members"]) else "")
            case "REPEAT":
                return f"({self.of(rule['content'])})*"
        return self.of(rule["content"])

    def text(self) -> str:
        terminals = [f"{name}: {pattern}" for name, pattern in self.terminals.items()]
        return "\n".join(
            [
                *self.rules,
                *terminals,
                "BLANK: /[ \\t\\r\\n\\ufeff]+/",
                "%ignore BLANK",
                "%ignore COMMENT",
                "%ignore DOCUMENTATION",
            ]
        )


def _rule(name: str) -> str:
    return f"r{name}"


def test_tree_sitters_grammar_has_no_conflict_and_reads_every_spec(grammar: dict[str, Any]) -> None:
    from lark import Lark

    text = re.sub(r"^(EDITION|DOCUMENTATION|DIGEST|TEXT): /", r"\1.2: /", Proof(grammar).text(), flags=re.MULTILINE)
    parser = Lark(
        text, parser="lalr", lexer="contextual", start="rfile"
    )  # a conflict of reductions is an error, one of shifts as well:
    assert not shift_conflicts(text)
    for name, spec in texts().items():
        try:
            parser.parse(spec)
        except Exception as error:
            raise AssertionError(f"{name}: {error}") from error


def shift_conflicts(text: str) -> list[str]:
    """The places where Lark would have to choose between going on and ending a rule."""
    import logging

    from lark import Lark, logger

    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        Lark(text, parser="lalr", lexer="contextual", start="rfile", debug=True)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return [line for line in said if "Shift/Reduce" in line]


def test_tree_sitters_tokens_look_neither_ahead_nor_back(grammar: dict[str, Any]) -> None:
    patterns = re.findall(r'"type": "PATTERN", "value": "(.*?)"}', json.dumps(grammar))
    assert len(patterns) > 8
    assert not [pattern for pattern in patterns if "(?" in pattern]


def test_its_queries_name_what_the_grammar_has(grammar: dict[str, Any]) -> None:
    text = (ROOT / "editors/tree-sitter/queries/highlights.scm").read_text()
    strings = set(re.findall(r'"type": "STRING", "value": "(.*?)"}', json.dumps(grammar, ensure_ascii=False)))
    assert set(re.findall(r"\((\w+)", text)) <= set(grammar["rules"])
    assert {json.loads(f'"{one}"') for one in re.findall(r'"(.*?)"', text)} <= strings


def test_its_description_names_what_there_is(grammar: dict[str, Any]) -> None:
    from mlspec import __version__

    folder = ROOT / "editors/tree-sitter"
    told = json.loads((folder / "tree-sitter.json").read_text())
    (row,) = told["grammars"]
    assert row["name"] == grammar["name"]
    assert (folder / row["highlights"]).is_file()
    assert told["metadata"]["version"] == __version__


def test_tree_sitter_compiles_it(tmp_path: Path) -> None:
    program = package("tree-sitter-cli") / ".bin/tree-sitter"
    if shutil.which("cc") is None or not (MODULES / "tree-sitter-cli/tree-sitter").exists():
        pytest.skip(
            "tree-sitter's program is not there: its npm package fetches it from elsewhere when it is installed; a C compiler is needed too"
        )
    shutil.copytree(ROOT / "editors/tree-sitter", tmp_path, dirs_exist_ok=True)
    subprocess.run([program, "generate"], cwd=tmp_path, check=True)
    for number, (name, text) in enumerate(texts().items()):
        (tmp_path / f"{number}.mlspec").write_text(text)
        done = subprocess.run([program, "parse", "--quiet", f"{number}.mlspec"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{name}\n{done.stdout}"


def test_a_conflict_would_be_seen() -> None:
    assert shift_conflicts('rfile: rfile "+" rfile | "a"\n')
