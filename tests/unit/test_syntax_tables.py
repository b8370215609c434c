"""The committed parse table is the grammar's, and our driver does with it what Lark's own does."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlspec.source import SourceFile
from mlspec.syntax.build import Builder
from mlspec.syntax.driver import Driver, table
from mlspec.syntax.layout import Layout
from mlspec.syntax.scan import Scan
from mlspec.syntax.tables import TABLE, build, load_lark, render

OK = sorted((Path(__file__).parents[1] / "cases" / "syntax" / "ok").rglob("*.mlspec"))


@pytest.fixture(scope="module")
def lark() -> Any:
    return load_lark()


def test_the_committed_table_is_built_from_the_grammar() -> None:
    assert TABLE.read_text(encoding="utf-8") == render(build()), "run python -m mlspec.syntax.tables"


def test_every_action_of_the_grammar_exists() -> None:
    assert all(action == "same" or hasattr(Builder, action) for _, _, action in table()["rules"])


def layout(path: Path) -> Layout:
    return Layout(Scan(SourceFile(path.name, path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("path", OK, ids=lambda p: p.name)
def test_our_driver_reduces_as_larks_does(path: Path, lark: Any) -> None:
    """Both run over the same tokens; the sequences of reductions are equal."""
    from lark.lexer import Token as LarkToken
    from lark.parsers.lalr_parser_state import ParseConf, ParserState

    tokens = layout(path).tokens
    theirs: list[tuple[str, int, str]] = []

    class Callbacks(dict):  # type: ignore[type-arg]
        def __missing__(self, rule: Any) -> Any:
            return lambda values: theirs.append((rule.origin.name, len(rule.expansion), rule.alias))

        def __contains__(self, key: object) -> bool:
            return not isinstance(key, str)

        def __bool__(self) -> bool:
            return True

    parser = lark.parser.parser
    state: Any = ParserState(ParseConf(parser._parse_table, Callbacks(), "file"), SimpleNamespace())
    for token in tokens[:-1]:
        state.feed_token(LarkToken(token.type, token.text))
    state.feed_token(LarkToken("$END", ""), True)

    ours: list[tuple[str, int, str]] = []
    driver = Driver(tokens, Builder(SourceFile("t", ""), {}, lambda *_: None), lambda *_: pytest.fail("no error expected"))
    driver._rules = [_Recorded(rule, raw, ours) for rule, raw in zip(driver._rules, table()["rules"], strict=True)]  # type: ignore[misc]
    driver.run()
    assert ours == [row for row in theirs if row[0] != "$root_file"]
    assert len(ours) > len(tokens)


class _Recorded(tuple):  # type: ignore[type-arg]
    """A rule that notes its use when the driver unpacks it."""

    def __new__(cls, rule: Any, raw: Any, log: list[Any]) -> _Recorded:
        made = super().__new__(cls, rule)
        made.raw = tuple(raw)  # type: ignore[attr-defined]
        made.log = log  # type: ignore[attr-defined]
        return made

    def __iter__(self) -> Any:
        self.log.append(self.raw)  # type: ignore[attr-defined]
        return super().__iter__()


@pytest.mark.parametrize("path", OK, ids=lambda p: p.name)
def test_the_scanner_makes_the_terminals_of_the_grammar(path: Path, lark: Any) -> None:
    patterns = {terminal.name: terminal.pattern.to_regexp() for terminal in lark.terminals}
    for token in layout(path).tokens[:-1]:
        if token.type != "NL":
            assert re.fullmatch(patterns[token.type], token.text), token


def test_terminals_are_ascii(lark: Any) -> None:
    assert all(
        terminal.pattern.to_regexp().isascii() and not re.search(r"\\[dws]", terminal.pattern.to_regexp())
        for terminal in lark.terminals
    )
