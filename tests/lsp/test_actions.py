"""Code actions: every fixable code has one, and its edits are those of `check --fix`."""

from __future__ import annotations

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

import mlspec
from mlspec.diagnostics import all_codes
from mlspec.diagnostics.edits import apply, chosen
from mlspec.source import SourceFile
from tests.lsp.conftest import Editor, Open
from tests.unit.test_spec_messages import BASE, CASES, TABLES

pytestmark = pytest.mark.asyncio(loop_scope="module")


def edited(name: str) -> str:
    row = TABLES["messages"][name]
    return BASE.replace(row["old"], row["new"], 1)


LATE = BASE.replace("channel console = log()\n\n", "").replace("env dev {", "channel console = log()\n\nenv dev {")
TEXTS = {
    "MLS001": edited("eq_eq_field"),
    "MLS004": edited("edition2"),
    "MLS008": edited("single_quotes"),
    "MLS010": BASE.replace("seed = 7", "seed = 7\n  _x = 1", 1),
    "MLS012": edited("every_m"),
    "MLS013": BASE.replace("\nchannel", "\nparam start: timestamp = 2024-01-31T10:00:00+02:00\n\nchannel", 1),
    "MLS014": edited("two_dots"),
    "MLS015": BASE.replace('owner = "team-tabular"', 'owner = "cafe\u0301"', 1),
    "MLS101": edited("missing_prefix"),
    "MLS103": LATE,
    "MLS105": edited("assign_feature"),
    "MLS106": edited("range"),
    "MLS201": edited("no_quotes"),
    "MLS203": edited("pct_for_pp"),
    "MLS208": edited("param"),
    "MLS209": edited("split_num"),
    "MLS210": (CASES / "errors/MLS210/bad.mlspec").read_text(),
    "MLS211": edited("outcome2"),
}


async def test_the_table_here_has_every_fixable_code() -> None:
    assert {row.id for row in all_codes() if row.fixable} == set(TEXTS)


async def actions(editor: Editor, where: types.Range, only: list[str] | None = None) -> list[types.CodeAction]:
    context = types.CodeActionContext([], only=only)
    found = await editor.client.text_document_code_action_async(types.CodeActionParams(editor.document, where, context))
    return [each for each in found or () if isinstance(each, types.CodeAction)]


def edits_of(editor: Editor, action: types.CodeAction) -> list[types.TextEdit]:
    assert action.edit is not None and action.edit.changes is not None and set(action.edit.changes) == {editor.uri}
    return list(action.edit.changes[editor.uri])


@pytest.mark.parametrize("code", TEXTS)
async def test_every_fixable_code_has_its_action(show: Open, client: LanguageClient, code: str) -> None:
    editor = await show(TEXTS[code])
    found = [one for one in mlspec.check(editor.path) if one.code.id == code and one.edits]
    assert found, "the text shows the fault"
    for one in found:
        assert one.span is not None
        where = types.Range(editor.position(one.span.start), editor.position(one.span.end))
        texts = [editor.edited(edits_of(editor, each)) for each in await actions(editor, where, ["quickfix"])
                 if each.diagnostics and each.diagnostics[0].code == code]  # fmt: skip
        wanted = apply(editor.text, sorted(one.edits, key=lambda edit: edit.span.start))
        assert wanted in texts


@pytest.mark.parametrize("code", TEXTS)
async def test_fix_all_makes_the_edits_of_check_fix(show: Open, client: LanguageClient, code: str) -> None:
    editor = await show(TEXTS[code])
    whole = types.Range(types.Position(0, 0), editor.position(len(editor.text)))
    found = await actions(editor, whole, ["source.fixAll"])
    diagnostics = mlspec.check(editor.path)
    source = next((one.span.source for one in diagnostics if one.span is not None), SourceFile("", ""))
    wanted = chosen(diagnostics, source, guesses=False)
    assert len(found) == bool(wanted)
    for each in found:
        assert each.kind == "source.fixAll.mlspec"
        assert editor.edited(edits_of(editor, each)) == apply(editor.text, wanted)


async def test_a_guess_is_offered_and_not_preferred(show: Open, client: LanguageClient) -> None:
    editor = await show(BASE.replace("part = by_chance.train", "part = by_chance.trian", 1))
    start = editor.text.index("trian")
    (found,) = await actions(editor, types.Range(editor.position(start), editor.position(start)), ["quickfix"])
    assert found.title == "Replace `trian` by `train`" and found.is_preferred is False
    assert not await actions(editor, types.Range(editor.position(start), editor.position(start)), ["source.fixAll.mlspec"])
    assert not await actions(editor, types.Range(editor.position(start), editor.position(start)), ["refactor"])


async def test_nothing_is_offered_where_nothing_is_wrong(show: Open, client: LanguageClient) -> None:
    editor = await show(BASE)
    assert not await actions(editor, types.Range(types.Position(0, 0), types.Position(1, 0)))
