"""No hole: whatever is changed or taken out of a spec, the diff says something, unless what is left means the same."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec.cli.diff import _changed_envs, _version
from mlspec.diff import compare
from mlspec.diff.page import FileDiff, render
from mlspec.driver import Compilation
from mlspec.syntax import nodes

ROOT = Path(__file__).parents[2]
CENSUS, CARDS = ROOT / "specs" / "census_income.mlspec", ROOT / "tests" / "cases" / "ok" / "card_default.mlspec"
REMOVABLE = (nodes.Attr, nodes.Define, nodes.Setting, nodes.Declare, nodes.Block, nodes.Use, nodes.Patch, nodes.Arg)
# What says the default: without it the spec means the same.
DEFAULTS = {
    'category: "missing"', "min_cell: 20", "engine = hyperopt(algorithm: tpe)", "algorithm: tpe", "trials = 20", "confidence = 95%",
    "cpu: 1", "engine = fastapi(port: 8080)", "port: 8080", "every = 1h", "window = 1d",
}  # fmt: skip


def walk(node: object, wanted: tuple[type, ...]) -> Iterator[nodes.Node]:
    if isinstance(node, nodes.Node):
        if isinstance(node, wanted):
            yield node
        for name in node.__match_args__:
            if name not in ("span", "head", "doc"):
                yield from walk(getattr(node, name), wanted)
    elif isinstance(node, tuple | list):
        for item in node:
            yield from walk(item, wanted)


def another(literal: nodes.Literal) -> str | None:
    """Another literal of the same kind."""
    raw = literal.raw
    if literal.kind == "string":
        return f'{raw[:-1]}x"'
    if literal.kind == "bool":
        return "false" if raw == "true" else "true"
    if literal.kind in ("date", "instant"):
        return f"{int(raw[:4]) - 1}{raw[4:]}"
    if literal.kind == "text":
        return raw.replace('"""', '"""  select 1 as one, ', 1)
    found = re.match(r"([0-9_.e-]+)(.*)$", raw)
    if found is None:
        return None
    value = float(found[1].replace("_", ""))
    whole = value == int(value) and not set(".e") & set(found[1])
    return f"{int(value) + 1 if whole else value * 1.5 or 0.5}{found[2]}"


def silent(path: Path, edits: list[tuple[nodes.Node, str]], tmp_path: Path) -> list[str]:
    """The texts whose edit nothing is said of; an edit that leaves no tree is no version of the spec."""
    text = path.read_text(encoding="utf-8")
    (tmp_path / "old.mlspec").write_text(text)
    old, found = Compilation(tmp_path / "old.mlspec"), []
    for node, instead in edits:
        (tmp_path / "new.mlspec").write_text(text[: node.span.start] + instead + text[node.span.end :])
        new = Compilation(tmp_path / "new.mlspec")
        if new.rough is None:
            continue
        envs = _changed_envs(old, new)
        if not compare(_version(old, "", envs), _version(new, "", envs)).changes:
            found.append(node.span.text)
    return found


@pytest.mark.parametrize("path", [CENSUS, CARDS], ids=lambda path: path.stem)
def test_every_literal_counts(path: Path, tmp_path: Path) -> None:
    tree = Compilation(path).tree
    assert tree is not None
    found = [node for node in walk(tree.statements, (nodes.Literal,)) if isinstance(node, nodes.Literal)]
    edits = [(node, instead) for node in found if (instead := another(node)) is not None]
    assert len(edits) > 40
    assert silent(path, list(edits), tmp_path) == []


def test_nothing_goes_unnoticed(tmp_path: Path) -> None:
    tree = Compilation(CENSUS).tree
    assert tree is not None
    edits = [(node, "") for node in walk(tree.statements, REMOVABLE)]
    assert len(edits) > 100
    assert set(silent(CENSUS, edits, tmp_path)) == DEFAULTS


def broken(text: str, chance: random.Random, words: list[str]) -> str:
    """A spec with one to three lines lost, doubled, swapped or with another word: most still have a tree, few are sound."""
    lines = text.split("\n")
    for _ in range(chance.randint(1, 3)):
        at, other = chance.randrange(2, len(lines)), chance.randrange(2, len(lines))
        kind = chance.random()
        if kind < 0.3 and "{" not in lines[at] and "}" not in lines[at]:
            del lines[at]
        elif kind < 0.5 and "{" not in lines[at] and "}" not in lines[at]:
            lines.insert(other, lines[at])
        elif lines[at].split():
            line = lines[at].split(" ")
            line[-1] = chance.choice(words)
            lines[at] = " ".join(line)
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_no_broken_spec_breaks_the_diff(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    text = (CENSUS, CARDS)[seed % 2].read_text(encoding="utf-8")
    words = sorted({word for word in text.split() if "{" not in word and "}" not in word and '"' not in word})
    compared = 0
    for _ in range(25):
        sides = []
        for name in ("old", "new"):
            (tmp_path / f"{name}.mlspec").write_text(broken(text, chance, words))
            sides.append(Compilation(tmp_path / f"{name}.mlspec"))
        if any(side.rough is None for side in sides):
            continue
        envs = _changed_envs(*sides)
        found = compare(*(_version(side, "", envs) for side in sides))
        compared += 1
        for format in ("text", "json", "markdown", "sarif", "github"):
            assert render([FileDiff("demo.mlspec", "changed", found)], format)
    assert compared
