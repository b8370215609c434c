"""An editor over two files: what a name of another file's data leads to, says, and is renamed into."""

from __future__ import annotations

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

from tests.lsp.conftest import Editor, Open

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHARED = """mlspec 2026.1

spec data {
  owner = "a"
}

## Who came, and how often.
source people {
  from = csv("people.csv")
  code: string @key
  age: int @range(18..90)
  visits: int
  bought: category("no", "yes") @outcome(positive: "yes")
}

split parts {
  frame = people
  train := 70%
  rest := 30%
}

features inputs {
  frame = people
  age := scale(people.age)
}
"""
MAIN = """mlspec 2026.1

use "./data.mlspec" as data

spec shop {
  owner = "a"
}

features more {
  frame = data.people
  often := log1p(data.people.visits)
}

model linear {
  estimator = sklearn.LogisticRegression
  features = data.inputs
  label = data.people.bought
  part = data.parts.train
}

env dev {
  set data.people.sample = 10%
}
"""


async def opened(show: Open) -> tuple[Editor, Editor]:
    return await show(SHARED, "data.mlspec"), await show(MAIN, "shop.mlspec")


@pytest.mark.parametrize(
    ("wanted", "behind", "name", "line"),
    [
        ("data.people.visits", 5, "people", "source people {"),
        ("data.people.visits", 13, "visits", "  visits: int"),
        ("data.parts.train", 11, "train", "  train := 70%"),
        ("data.inputs", 6, "inputs", "features inputs {"),
        ("data.people.sample", 6, "people", "source people {"),
    ],
)
async def test_a_name_leads_into_the_other_file(show: Open, wanted: str, behind: int, name: str, line: str) -> None:
    shared, main = await opened(show)
    found = await main.client.text_document_definition_async(types.DefinitionParams(main.document, main.at(wanted, behind)))
    assert isinstance(found, types.Location)
    assert found.uri == shared.uri and shared.under(found.range) == name
    assert SHARED.splitlines()[found.range.start.line] == line


async def test_hover_says_what_stands_there(show: Open) -> None:
    _, main = await opened(show)
    block = await main.client.text_document_hover_async(types.HoverParams(main.document, main.at("data.people.visits", 5)))
    assert block is not None and "Who came, and how often." in str(block.contents)
    column = await main.client.text_document_hover_async(types.HoverParams(main.document, main.at("data.people.bought", 13)))
    assert column is not None and "column of `people`" in str(column.contents)


async def test_references_are_of_both_files(show: Open) -> None:
    shared, main = await opened(show)
    asked = types.ReferenceParams(types.ReferenceContext(True), shared.document, shared.at("source people", 8))
    found = await main.client.text_document_references_async(asked)
    assert found is not None
    count = {uri: sum(one.uri == uri for one in found) for uri in (shared.uri, main.uri)}
    assert count == {shared.uri: SHARED.count(" people") + SHARED.count("(people."), main.uri: MAIN.count("data.people")}


@pytest.mark.parametrize("from_main", [True, False])
async def test_a_rename_changes_both_files(show: Open, client: LanguageClient, from_main: bool) -> None:
    shared, main = await opened(show)
    editor, place = (main, main.at("data.people.visits", 6)) if from_main else (shared, shared.at("source people", 8))
    found = await client.text_document_rename_async(types.RenameParams(editor.document, place, "visitors"))
    assert found is not None and found.changes is not None and set(found.changes) == {shared.uri, main.uri}
    here, there = main.edited(list(found.changes[main.uri])), shared.edited(list(found.changes[shared.uri]))
    assert "data.people" not in here and here.count("data.visitors") == MAIN.count("data.people")
    assert "source visitors {" in there and "frame = visitors" in there and "people.age" not in there


async def test_a_name_that_is_taken_there_is_refused(show: Open, client: LanguageClient) -> None:
    _, main = await opened(show)
    with pytest.raises(Exception, match="cannot be its name"):
        await client.text_document_rename_async(types.RenameParams(main.document, main.at("data.people.visits", 13), "age"))
