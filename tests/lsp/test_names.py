"""What a name stands for is what the checker says that it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlspec.lsp.analysis import Analysis
from mlspec.lsp.documents import Documents
from mlspec.lsp.positions import Positions
from mlspec.spec.model import Attribute, Block, Definition, Spec
from mlspec.spec.values import Bounds, Made, Reference, Typed, Value

ROOT = Path(__file__).parents[2]
SPECS = sorted(
    [*ROOT.glob("specs/*.mlspec"), *ROOT.glob("tests/cases/ok/**/*.mlspec"), *ROOT.glob("tests/cases/diff/*/new.mlspec")]
)


def references(item: Any) -> Iterator[Reference]:
    """Every checked name in a value."""
    if isinstance(item, Reference):
        yield item
    elif isinstance(item, Typed):
        yield from item.refs
    elif isinstance(item, Value):
        yield from references(item.item)
    elif isinstance(item, Made | Attribute):
        yield from references(dict(item.args))
    elif isinstance(item, Bounds):
        yield from references((item.low, item.high))
    elif isinstance(item, dict):
        yield from references(tuple(item.values()))
    elif isinstance(item, tuple | list):
        for each in item:
            yield from references(each)


def of_spec(spec: Spec) -> Iterator[Reference]:
    waiting: list[Block] = [*spec.blocks.values(), *spec.unnamed]
    for block in waiting:
        waiting += block.blocks
        yield from references(dict(block.fields))
        for item in (*block.columns.values(), *block.definitions.values(), *block.parts.values()):
            yield from references(dict(item.attrs))
            if isinstance(item, Definition):
                yield from references(item.value)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_name_is_resolved_as_the_checker_does(path: Path) -> None:
    analysis = Analysis(Documents(), str(path), None)
    assert analysis.spec is not None
    said: dict[tuple[int, int], set[tuple[str, str]]] = {}
    for ref in of_spec(analysis.spec):
        if ref.span is not None and ref.span.source is analysis.source and ref.span.text:
            member = "" if ref.member in (None, "best") else str(ref.member)
            said.setdefault((ref.span.start, ref.span.end), set()).add((ref.block.rpartition(".")[2], member))
    for (start, end), meanings in said.items():
        names = [place.target for place in analysis.names.places if start <= place.span.start and place.span.end <= end]
        text = analysis.text[start:end]
        assert any(
            (target.block.rpartition(".")[2], target.member) in meanings or target.member in ("candidate", "at")
            for target in names
        ), (text, meanings)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-32"])
def test_positions_are_those_of_pythons_own_encoders(encoding: str) -> None:
    text = "a😀b\né𝄞\r\nzwei\rdrei 日本\n"
    positions = Positions(text, encoding)
    width = {"utf-16": 2, "utf-8": 1, "utf-32": 4}[encoding]
    lines = ["a😀b", "é𝄞", "zwei", "drei 日本", ""]
    assert positions.lines == len(lines)
    offset = 0
    for number, line in enumerate(lines):
        for column in range(len(line) + 1):
            units = len(line[:column].encode(f"{encoding}-le" if encoding != "utf-8" else encoding)) // width
            found = positions.position(offset + column)
            assert (found.line, found.character) == (number, units)
            assert positions.offset(found) == offset + column
        offset += len(line) + (2 if text[offset + len(line) : offset + len(line) + 2] == "\r\n" else 1)


def test_a_position_behind_an_end_is_that_end() -> None:
    from lsprotocol.types import Position

    positions = Positions("ab\ncd")
    assert [positions.offset(Position(*place)) for place in ((0, 9), (1, 9), (7, 0))] == [2, 5, 5]
    assert Positions("😀x").offset(Position(0, 1)) == 1, "inside a pair: behind the character"
