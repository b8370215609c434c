"""Rename: every use, `@was` where a diff needs it, and a reason where a name stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import LanguageClient

import mlspec
from mlspec.cli import main
from tests.lsp.conftest import ROOT, Editor, Open

CENSUS = (ROOT / "specs/census_income.mlspec").read_text()
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def renamed(editor: Editor, wanted: str, behind: int, new: str) -> dict[str, str]:
    """The texts after a rename, by address."""
    asked = types.RenameParams(editor.document, editor.at(wanted, behind), new)
    found = await editor.client.text_document_rename_async(asked)
    assert found is not None and found.changes is not None
    assert set(found.changes) == {editor.uri}
    return {editor.uri: editor.edited(list(found.changes[editor.uri]))}


async def test_a_feature_leaves_was_so_that_the_diff_is_a_rename(show: Open, client: LanguageClient, tmp_path: Path,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    editor = await show(CENSUS)
    text = (await renamed(editor, "inputs.sex", 8, "gender"))[editor.uri]
    assert "  gender := census.sex @audit @was(sex)\n" in text
    assert "by: inputs.gender" in text and "inputs.sex" not in text and "census.sex" in text
    new = tmp_path / "new.mlspec"
    new.write_text(text)
    assert not [one for one in mlspec.check(new) if one.severity == "error"]
    capsys.readouterr()
    main(["diff", str(editor.path), str(new), "--format", "json"])
    said = capsys.readouterr().out
    assert "item-renamed" in said and "feature-removed" not in said and '"breaking"' not in said.replace('"breaking": 0', "")


async def test_a_column_keeps_its_name_in_the_data(show: Open, client: LanguageClient, tmp_path: Path) -> None:
    editor = await show(CENSUS)
    text = (await renamed(editor, "capital_gain: int", 3, "gain_in_dollars"))[editor.uri]
    assert '  gain_in_dollars: int @range(0..99_999) @named("capital_gain") @was(capital_gain)\n' in text
    assert "census.gain_in_dollars" in text and "census.capital_gain" not in text
    new = tmp_path / "new.mlspec"
    new.write_text(text)
    assert not [one for one in mlspec.check(new) if one.severity == "error"]


async def test_back_to_the_old_name_leaves_nothing(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    for wanted, behind, new in (("capital_gain: int", 3, "gain_in_dollars"), ("sex := census.sex", 0, "gender")):
        there = (await renamed(editor, wanted, behind, new))[editor.uri]
        again = await show(there, "again.mlspec")
        back = (await renamed(again, f"{new}{wanted[wanted.index(':') - 1 if wanted[wanted.index(':') - 1] == ' ' else wanted.index(':'):]}", 1,
                              wanted.partition(":")[0].strip()))[again.uri]  # fmt: skip
        assert back == CENSUS


async def test_a_second_rename_keeps_the_oldest_name(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    once = await show((await renamed(editor, "sex := census.sex", 0, "gender"))[editor.uri], "once.mlspec")
    twice = (await renamed(once, "gender := census.sex", 0, "woman"))[once.uri]
    assert "  woman := census.sex @audit @was(sex)\n" in twice


async def test_a_block_is_renamed_everywhere(show: Open, client: LanguageClient, tmp_path: Path) -> None:
    editor = await show(CENSUS)
    text = (await renamed(editor, "search tune", 8, "hunt"))[editor.uri]
    assert "search hunt {" in text and "hunt.best" in text and "set hunt.trials" in text
    new = tmp_path / "new.mlspec"
    new.write_text(text)
    assert not [one for one in mlspec.check(new) if one.severity == "error"]


GATED = (
    CENSUS
    + """
waive until_then {
  finding = "MLS504"
  at = release.useful
  reason = "people look at it until then"
  owner = "team-risk"
  expires = 2027-03-31
}

test a_calm_day {
  given watch = [row(input_drift: 0.1)]
  calm := watch.input_drift
}
"""
)


@pytest.mark.parametrize(("wanted", "behind", "old", "new", "uses"), [
    ("useful := lower", 2, "useful", "helpful", ["row(helpful: 0.88", "row(helpful: 0.879", "at = release.helpful", "not release.helpful"]),
    ("row(useful", 5, "useful", "helpful", ["helpful := lower", "row(helpful: 0.879", "at = release.helpful"]),
    ("input_drift := worst", 2, "input_drift", "drift", ["row(drift: 0.1)", "calm := watch.drift"]),
    ("gates release", 8, "release", "verdict", ["at = verdict.useful", "given verdict = [", "not verdict.useful"]),
])  # fmt: skip
async def test_a_gate_is_renamed_in_the_numbers_of_tests_and_in_waivers(
    wanted: str, behind: int, old: str, new: str, uses: list[str], show: Open, client: LanguageClient, tmp_path: Path
) -> None:
    editor = await show(GATED)
    text = (await renamed(editor, wanted, behind, new))[editor.uri]
    for use in uses:
        assert use in text
    assert (
        f"({old}:" not in text
        and f" {old}:" not in text
        and f"{old}." not in text
        and f".{old}" not in text.replace(f"@was({old})", "")
    )
    (tmp_path / "new.mlspec").write_text(text)
    before = [one.code.id for one in mlspec.check(editor.path) if one.severity == "error"]
    assert [one.code.id for one in mlspec.check(tmp_path / "new.mlspec") if one.severity == "error"] == before
    found = await client.text_document_references_async(
        types.ReferenceParams(types.ReferenceContext(include_declaration=True), editor.document, editor.at(wanted, behind))
    )
    assert found is not None and len(found) > len(uses)


async def test_all_files_that_import_it_follow(show: Open, client: LanguageClient) -> None:
    shared = await show('mlspec 2026.1\n\nspec shared {\n  owner = "a"\n}\n\nchannel team = log()\n', "shared.mlspec")
    text = CENSUS.replace("\nchannel console = log()\n", '\nuse "./shared.mlspec" as shared\n').replace(
        "@notify(console)", "@notify(shared.team)"
    )
    editor = await show(text)
    found = await client.text_document_rename_async(types.RenameParams(shared.document, shared.at("team ="), "crew"))
    assert found is not None and found.changes is not None and set(found.changes) == {shared.uri, editor.uri}
    assert "channel crew = log()" in shared.edited(list(found.changes[shared.uri]))
    after = editor.edited(list(found.changes[editor.uri]))
    assert "shared.crew" in after and "shared.team" not in after


@pytest.mark.parametrize(
    ("wanted", "behind", "new", "why"),
    [
        ("confidence = 95%", 2, "certainty", "word of the language"),
        ("auc(candidate)", 1, "area", "word of the language"),
        ("auc(candidate)", 5, "winner", "field of the schema"),
        ("inputs.sex", 8, "age", "cannot be its name"),
        ("inputs.sex", 8, "tune", "cannot be its name"),
        ("inputs.sex", 8, "if", "word of the language"),
        ("inputs.sex", 8, "größe", "is no name"),
        ("inputs.sex", 8, "x" * 65, "64 characters"),
        ("search tune", 8, "con", "cannot be its name"),
    ],
)
async def test_what_cannot_be_renamed_says_why(
    show: Open, client: LanguageClient, wanted: str, behind: int, new: str, why: str
) -> None:
    editor = await show(CENSUS)
    with pytest.raises(JsonRpcException, match=why) as refused:
        await client.text_document_rename_async(types.RenameParams(editor.document, editor.at(wanted, behind), new))
    assert refused.value.code == -32803


async def test_whether_it_can_be_renamed(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)

    async def at(wanted: str, behind: int) -> object:
        return await client.text_document_prepare_rename_async(
            types.PrepareRenameParams(editor.document, editor.at(wanted, behind))
        )

    found = await at("inputs.sex", 8)
    assert (
        isinstance(found, types.PrepareRenamePlaceholder) and found.placeholder == "sex" and editor.under(found.range) == "sex"
    )
    assert await at("confidence = 95%", 2) is None
    assert await at("auc(candidate)", 5) is None
