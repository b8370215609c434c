"""Each feature, asked by a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

from mlspec.lsp.colours import LEGEND
from mlspec.lsp.features import FEATURES
from tests.lsp.conftest import ROOT, Editor, Open

CENSUS = (ROOT / "specs/census_income.mlspec").read_text()
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def labels(editor: Editor, position: types.Position) -> dict[str, types.CompletionItem]:
    found = await editor.client.text_document_completion_async(types.CompletionParams(editor.document, position))
    assert isinstance(found, types.CompletionList)
    assert len({item.label for item in found.items}) == len(found.items)
    return {item.label: item for item in found.items}


async def complete(show: Open, old: str, new: str) -> dict[str, types.CompletionItem]:
    """The items at `|` in the census spec with one piece replaced."""
    assert old in CENSUS
    whole = CENSUS.replace(old, new, 1)
    editor = await show(whole.replace("|", "", 1))
    return await labels(editor, editor.position(whole.index("|")))


# ---- diagnostics


async def test_a_finding_has_its_code_page_and_places(show: Open) -> None:
    editor = await show(CENSUS + "\nsource census {\n}\n")
    (found,) = [one for one in await editor.diagnostics() if one.code == "MLS102"]
    assert found.severity == types.DiagnosticSeverity.Error and found.source == "mlspec"
    assert found.code_description is not None and found.code_description.href.endswith("/pages/MLS102.md")
    assert found.related_information is not None
    assert editor.under(found.related_information[0].location.range) == "census"
    assert found.related_information[0].location.uri == editor.uri


async def test_findings_follow_the_typing(show: Open) -> None:
    editor = await show(CENSUS)
    assert not [one for one in await editor.diagnostics() if one.severity == types.DiagnosticSeverity.Error]
    editor.replace("census.age)", "census.aeg)")
    (found,) = [one for one in await editor.diagnostics() if one.severity == types.DiagnosticSeverity.Error]
    assert found.code == "MLS101" and editor.under(found.range) == "aeg"
    assert "help: did you mean `age`?" in found.message
    editor.replace("census.aeg)", "census.age")
    assert {one.code for one in await editor.diagnostics()} & {"MLS001", "MLS002"}
    editor.replace("census.age", "census.age)")
    assert not [one for one in await editor.diagnostics() if one.severity == types.DiagnosticSeverity.Error]


async def test_what_is_unused_and_deprecated_is_marked(show: Open) -> None:
    editor = await show(CENSUS.replace("channel console", "channel spare = log()\nchannel console", 1))
    (found,) = [one for one in await editor.diagnostics() if one.code == "MLS107"]
    assert (
        found.tags is not None
        and list(found.tags) == [types.DiagnosticTag.Unnecessary]
        and editor.under(found.range) == "spare"
    )


async def test_utf_16_positions(show: Open) -> None:
    """Astral characters count twice, in changes that come and in places that go."""
    text = CENSUS.replace('owner = "team-tabular"', 'owner = "team 𝄞😀 é日"  # 😀😀', 1)
    editor = await show(text.replace("income: category", '# 𝄞\n  odd: category("😀", "𝄞x") @outcom\n  income: category', 1))
    found = [one for one in await editor.diagnostics() if one.code == "MLS101"]
    assert [editor.under(one.range) for one in found] == ["outcom"]
    assert found[0].range.start.character == len('  odd: category("😀", "𝄞x") @') + 2
    editor.replace('"𝄞x") @outcom', '"😀𝄞") @pii(quasi)')
    after = await editor.diagnostics()
    assert "MLS101" not in {one.code for one in after}
    editor.replace("é日", "日é𝄞")
    editor.replace("😀😀", "x")
    hover = await editor.client.text_document_hover_async(types.HoverParams(editor.document, editor.at("odd:", 1)))
    assert hover is not None and '"😀𝄞"' in str(hover.contents)


async def test_an_import_follows_its_unsaved_text(show: Open) -> None:
    shared = await show('mlspec 2026.1\n\nspec shared {\n  owner = "a"\n}\n\nchannel team = log()\n', "shared.mlspec")
    text = CENSUS.replace("\nchannel console = log()\n", '\nuse "./shared.mlspec" as shared\n').replace(
        "@notify(console)", "@notify(shared.team)"
    )
    editor = await show(text)
    assert not [one for one in await editor.diagnostics() if one.severity == types.DiagnosticSeverity.Error]
    found = await editor.client.text_document_definition_async(
        types.DefinitionParams(editor.document, editor.at("shared.team", 8))
    )
    assert isinstance(found, types.Location)
    assert found.uri == shared.uri and shared.under(found.range) == "team"
    uses = await editor.client.text_document_references_async(
        types.ReferenceParams(types.ReferenceContext(False), shared.document, shared.at("team"))
    )
    assert uses is not None and {use.uri for use in uses} == {editor.uri} and len(uses) == text.count("shared.team")
    shared.replace("channel team", "channel crew")
    await shared.diagnostics()
    editor.replace("seed = 7", "seed = 8")
    errors = [one for one in await editor.diagnostics() if one.severity == types.DiagnosticSeverity.Error]
    assert {one.code for one in errors} == {"MLS101"} and {editor.under(one.range) for one in errors} == {"team"}


async def test_findings_of_an_import_that_is_not_open_are_shown_at_its_file(show: Open, client: LanguageClient) -> None:
    shared = await show("mlspec 2026.1\n\nspec shared {\n  owner = 1\n}\n\nchannel team = log()\n", "other.mlspec")
    shared.close()
    text = CENSUS.replace("\nchannel console = log()\n", '\nuse "./other.mlspec" as shared\n').replace(
        "@notify(console)", "@notify(shared.team)"
    )
    editor = await show(text)
    await editor.diagnostics()
    for _ in range(200):
        if client.diagnostics.get(shared.uri):
            break
        await asyncio.sleep(0.02)
    assert [one.code for one in client.diagnostics[shared.uri]] == ["MLS201"]


# ---- completion


async def test_completion_of_block_kinds_and_fields(show: Open) -> None:
    found = await complete(show, "\nenv dev {", "\n|\nenv dev {")
    assert {"source", "features", "gates", "use"} <= set(found)
    assert found["source"].insert_text == "source ${1:name} {\n  $0\n}"
    fields = await complete(show, "  trials = 20\n", "  trials = 20\n  |\n")
    assert "cv" not in fields and "trials" not in fields and "features" not in fields, "those are set already"
    assert {"family", "budget"} & set(fields) and "cpu" in fields


async def test_completion_of_the_words_and_calls_of_a_field(show: Open) -> None:
    assert {"probability", "value"} & set(await complete(show, "output = probability", "output = |"))
    sections = await complete(show, "[missing, target_rate, correlation]", "[missing, |]")
    assert {"target_rate", "drift"} <= set(sections) and "census" not in sections
    calls = await complete(show, "folds(5, stratify: income)", "|")
    assert "forward_chain" in calls and calls["folds"].detail is not None
    inside = await complete(show, "folds(5, stratify: income)", "folds(5, |)")
    assert "stratify:" in inside
    assert {"income", "age"} <= set(await complete(show, "folds(5, stratify: income)", "folds(5, stratify: |)"))


async def test_completion_of_declared_names(show: Open) -> None:
    assert {"age", "income"} <= set(await complete(show, "scale(census.age)", "scale(census.|)"))
    assert {"train", "holdout"} <= set(await complete(show, "reference = by_chance.holdout", "reference = by_chance.|"))
    assert {"tune.best", "majority"} <= set(await complete(show, "candidate = tune.best", "candidate = |"))
    assert {"by_chance.train", "by_chance.holdout"} <= set(
        await complete(show, "reference = by_chance.holdout", "reference = |")
    )
    assert "console" in await complete(show, "@for(2h) @notify(console)", "@for(2h) @notify(|)")
    assert {"log1p", "onehot", "census"} <= set(await complete(show, "age := scale(census.age)", "age := |"))
    gates = await complete(show, "fast := p95", "fast := |")
    assert {"auc", "candidate", "lower"} <= set(gates) and "onehot" not in gates


async def test_completion_of_estimators_and_their_parameters(show: Open) -> None:
    assert "sklearn.LogisticRegression" in await complete(show, "estimator = sklearn.DummyClassifier", "estimator = |")
    assert "LogisticRegression" in await complete(show, "estimator = sklearn.DummyClassifier", "estimator = sklearn.|")
    parameters = await complete(show, "    C = loguniform(1e-3, 1e2)\n", "    |\n")
    assert {"C", "penalty"} & set(parameters)
    assert "loguniform" in await complete(show, "C = loguniform(1e-3, 1e2)", "C = |")


async def test_completion_of_types_tags_and_units(show: Open) -> None:
    assert {"int", "category", "timestamp"} <= set(await complete(show, "workclass: category?", "workclass: |"))
    tags = await complete(show, "@range(17..90) @pii(quasi)", "@range(17..90) @|")
    assert {"pii", "protected", "key"} <= set(tags) and "range" not in tags and "notify" not in tags
    assert {"quasi", "direct"} <= set(await complete(show, "@pii(quasi)", "@pii(|)"))
    units = await complete(show, "keep = 30d", "keep = 30|")
    assert {"30d", "30h", "30%", "30pp"} <= set(units)
    assert "for" in await complete(show, "<= 0.20 @for(2h)", "<= 0.20 @|")


async def test_completion_of_patches_and_imports(show: Open) -> None:
    assert {"census", "tune"} <= set(await complete(show, "set tune.trials = 4", "set |"))
    fields = await complete(show, "set tune.trials = 4", "set tune.|")
    assert "trials" in fields and "label" not in fields, "a locked field is not offered"
    await show("mlspec 2026.1\n", "beside.mlspec")
    assert "./beside.mlspec" in await complete(show, "\nchannel console", '\nuse "|" as x\nchannel console')


async def test_nothing_is_offered_in_comments_and_strings(show: Open) -> None:
    assert not await complete(show, "\nenv dev {", "\n# so|\nenv dev {")
    assert not await complete(show, 'owner = "team-tabular"', 'owner = "te|"')


async def test_a_chosen_completion_is_documented(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    found = await labels(editor, editor.at("census.age)", 7))
    item = await client.completion_item_resolve_async(found["age"])
    assert "type `int`" in str(item.documentation) and "@pii.quasi" in str(item.documentation)


# ---- hover and signatures


@pytest.mark.parametrize(
    ("wanted", "behind", "says"),
    [
        ("inputs.sex", 8, ("feature of `inputs`", "Reads `census.sex`", "Read by", "level Row")),
        (
            "census.age)",
            8,
            (
                "column of `census`",
                "type `int`",
                "tags @pii.quasi",
                "personal data: quasi",
                "from `parquet(",
                "Read by `inputs.age`",
            ),
        ),
        ("tune.best", 1, ("search tune", "Reads")),
        ("confidence = 95%", 2, ("A field of `gates`", "default")),
        ("C = loguniform", 0, ("A parameter of `sklearn.LogisticRegression`", "default `1.0`")),
        ("auc(candidate)", 1, ("The chance that a positive scores above a negative.", "higher is better")),
        ("log1p(", 1, ("logarithm of 1 + x", "taint keep")),
        ("@pii(quasi)", 2, ("@pii(kind)", "tells of a person")),
        ("folds(5", 1, ("folds(", "`stratify`")),
        ("stratify: income", 2, ("stratify",)),
        ("category?", 2, ("one of a set of texts",)),
        ("30d", 1, ("2.592e+06 s",)),
        ("12pp", 1, ("a difference of shares: 0.12",)),
        ("sklearn.LogisticRegression", 12, ("binary", "takes no nulls")),
        ("gates release", 2, ("What must hold of a model",)),
        ("serve income_api", 8, ("serve income_api",)),
    ],
)
async def test_hover(show: Open, client: LanguageClient, wanted: str, behind: int, says: tuple[str, ...]) -> None:
    editor = await show(CENSUS)
    found = await client.text_document_hover_async(types.HoverParams(editor.document, editor.at(wanted, behind)))
    assert found is not None and isinstance(found.contents, types.MarkupContent)
    for text in says:
        assert text in found.contents.value
    assert found.range is not None and editor.under(found.range) in CENSUS


async def test_hover_of_nothing(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    assert await client.text_document_hover_async(types.HoverParams(editor.document, editor.at("\nchannel", 0))) is None


@pytest.mark.parametrize(
    ("old", "new", "label", "active"),
    [
        ("log1p(census.capital_gain)", "log1p(|", "log1p(x: number)", 0),
        ("folds(5, stratify: income)", "folds(5, |)", "folds(", 1),
        ("report(by_chance.train, ", "report(by_chance.train, min_cell: |, ", "report(", 2),
        ("@pii(quasi)", "@pii(|)", "@pii(kind)", 0),
        ("auc(candidate)", "auc(|)", "auc(model: model)", 0),
        ("latency(candidate, load: 50rps, cpu: 1)", "latency(candidate, load: |, cpu: 1)", "latency(", 1),
        ("round(score, 3)", "round(score, |", "round(x: number, digits: int = 0)", 1),
    ],
)
async def test_signature_help(show: Open, client: LanguageClient, old: str, new: str, label: str, active: int) -> None:
    whole = CENSUS.replace(old, new, 1)
    assert whole != CENSUS
    editor = await show(whole.replace("|", "", 1))
    found = await client.text_document_signature_help_async(
        types.SignatureHelpParams(editor.document, editor.position(whole.index("|")))
    )
    assert found is not None and found.signatures[0].label.startswith(label)
    assert found.active_parameter == active


# ---- names


async def test_definition_references_and_highlights(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    found = await client.text_document_definition_async(
        types.DefinitionParams(editor.document, editor.at("census.capital_gain", 9))
    )
    assert isinstance(found, types.Location)
    assert found.range.start == editor.at("capital_gain: int") and editor.under(found.range) == "capital_gain"
    uses = await client.text_document_references_async(
        types.ReferenceParams(types.ReferenceContext(True), editor.document, editor.at("capital_gain: int"))
    )
    assert uses is not None and [editor.under(each.range) for each in uses] == ["capital_gain"] * CENSUS.count("capital_gain")
    marks = await client.text_document_document_highlight_async(
        types.DocumentHighlightParams(editor.document, editor.at("by_chance {"))
    )
    assert marks is not None and len(marks) == CENSUS.count("by_chance")
    assert marks[0].kind == types.DocumentHighlightKind.Write
    assert {mark.kind for mark in marks[1:]} == {types.DocumentHighlightKind.Read}


async def test_a_bare_column_and_a_candidate_are_found(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    for wanted, behind, line in (("stratify = income", 12, "income: category"), ("auc(candidate)", 5, "candidate = tune.best")):
        found = await client.text_document_definition_async(types.DefinitionParams(editor.document, editor.at(wanted, behind)))
        assert isinstance(found, types.Location) and found.range.start == editor.at(line)


async def test_outline(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    found = await client.text_document_document_symbol_async(types.DocumentSymbolParams(editor.document))
    assert found is not None
    by_name = {each.name: each for each in found if isinstance(each, types.DocumentSymbol)}
    assert {"census_income", "console", "census", "by_chance", "inputs", "tune", "release"} <= set(by_name)
    assert "age" in [child.name for child in by_name["census"].children or []]
    assert by_name["inputs"].detail == "features" and by_name["census"].kind == types.SymbolKind.Struct
    assert editor.under(by_name["tune"].selection_range) == "tune"


async def test_workspace_symbols(show: Open, client: LanguageClient) -> None:
    await show(CENSUS)
    found = await client.workspace_symbol_async(types.WorkspaceSymbolParams("capgain"))
    assert found is not None and [each.name for each in found] == ["capital_gain"]
    assert found[0].container_name == "census"


async def test_lineage(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)

    async def at(wanted: str, behind: int) -> types.CallHierarchyItem:
        items = await client.text_document_prepare_call_hierarchy_async(
            types.CallHierarchyPrepareParams(editor.document, editor.at(wanted, behind))
        )
        assert items is not None
        return items[0]

    sex = await at("inputs.sex", 8)
    assert sex.name == "inputs.sex" and sex.detail == "feature"
    down = await client.call_hierarchy_outgoing_calls_async(types.CallHierarchyOutgoingCallsParams(sex))
    assert down is not None and [each.to.name for each in down] == ["census.sex"]
    assert [editor.under(where) for where in down[0].from_ranges] == ["sex"]
    up = await client.call_hierarchy_incoming_calls_async(types.CallHierarchyIncomingCallsParams(down[0].to))
    assert up is not None and "inputs.sex" in [each.from_.name for each in up]
    gates = await client.call_hierarchy_incoming_calls_async(types.CallHierarchyIncomingCallsParams(sex))
    assert gates is not None and "release.fair_errors" in [each.from_.name for each in gates]
    block = await client.call_hierarchy_incoming_calls_async(
        types.CallHierarchyIncomingCallsParams(await at("features inputs", 10))
    )
    assert block is not None and {"majority", "tune"} <= {each.from_.name for each in block}


# ---- the look of the text


async def test_formatting_is_that_of_fmt(show: Open, client: LanguageClient, tmp_path: object) -> None:
    from mlspec.source import SourceFile
    from mlspec.spec import schema
    from mlspec.syntax import parse
    from mlspec.syntax.format import format_file

    messy = CENSUS.replace("  owner", "      owner").replace("seed = 7", "seed=7   # 😀").replace("\nenv dev", "\n\n\nenv dev")
    editor = await show(messy)
    edits = await client.text_document_formatting_async(
        types.DocumentFormattingParams(editor.document, types.FormattingOptions(tab_size=8, insert_spaces=False))
    )
    source = SourceFile("x", messy)
    tree, _ = parse(source)
    assert edits is not None and tree is not None
    assert editor.edited(list(edits)) == format_file(tree, source, schema.order)
    assert len(edits) >= 2, "other lines are left alone"
    editor.replace("seed=7", "seed=")
    broken = await client.text_document_formatting_async(
        types.DocumentFormattingParams(editor.document, types.FormattingOptions(tab_size=8, insert_spaces=False))
    )
    assert not broken


@pytest.mark.parametrize("change", [
    lambda text: text.replace("\n", "\r\n"), lambda text: f"\ufeff{text}", lambda text: text.replace("\n", "\r\n", 3),
    lambda text: "\ufeff" + text.replace("\n", "\r\n"),
], ids=["crlf", "mark", "mixed", "both"])  # fmt: skip
async def test_formatting_mends_line_ends_and_byte_order_marks_as_fmt_does(
    change: Callable[[str], str], show: Open, client: LanguageClient, tmp_path: Path
) -> None:
    from mlspec.cli import main

    (tmp_path / "other.mlspec").write_bytes(change(CENSUS).encode())
    assert main(["fmt", "--check", str(tmp_path / "other.mlspec")]) == 1
    editor = await show(change(CENSUS))
    edits = await client.text_document_formatting_async(
        types.DocumentFormattingParams(editor.document, types.FormattingOptions(tab_size=2, insert_spaces=True))
    )
    assert edits is not None
    assert editor.edited(list(edits)) == CENSUS


async def test_folding(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS.replace("\nchannel", '\n# one\n# two\nuse "./a.mlspec" as a\nuse "./b.mlspec" as b\n\nchannel'))
    found = await client.text_document_folding_range_async(types.FoldingRangeParams(editor.document))
    assert found is not None
    lines = editor.text.split("\n")
    heads = {lines[each.start_line]: each for each in found}
    census = heads["source census {"]
    assert lines[census.end_line + 1] == "}", "the closing line stays in sight"
    assert (
        heads["# one"].kind == types.FoldingRangeKind.Comment
        and heads['use "./a.mlspec" as a'].kind == types.FoldingRangeKind.Imports
    )


async def test_semantic_tokens(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS.replace("seed = 7", "seed = 7  # 😀 x"))
    found = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(editor.document))
    assert found is not None
    tokens = decoded(editor, list(found.data))
    first = dict(reversed(tokens))
    expected = {
        "mlspec": "keyword", "spec": "keyword", "census_income": "class", "seed": "property", "7": "number", "# 😀 x": "comment",
        "age": "property", "int": "type", "range": "decorator", "volume": "variable", "rows": "function", "tune": "class",
        "sklearn": "namespace", "LogisticRegression": "class", "probability": "enumMember", "stratify": "property", "train": "enumMember",
        '"team-tabular"': "string", ":=": "operator", "set": "keyword",
    }  # fmt: skip
    assert {text: first.get(text) for text in expected} == expected
    where = types.Range(editor.at("gates release"), editor.at("serve income_api"))
    part = await client.text_document_semantic_tokens_range_async(types.SemanticTokensRangeParams(editor.document, where))
    assert part is not None
    inside = decoded(editor, list(part.data))
    assert inside[0] == ("gates", "keyword") and len(inside) < len(tokens) / 2


def decoded(editor: Editor, data: list[int]) -> list[tuple[str, str]]:
    found = []
    line = character = 0
    for index in range(0, len(data), 5):
        step, along, width, kind, _ = data[index : index + 5]
        line, character = line + step, along if step else character + along
        where = types.Range(types.Position(line, character), types.Position(line, character + width))
        found.append((editor.under(where), LEGEND.token_types[kind]))
    return found


async def test_inlay_hints(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    whole = types.Range(types.Position(0, 0), types.Position(500, 0))
    found = await client.text_document_inlay_hint_async(types.InlayHintParams(editor.document, whole))
    assert found is not None
    kinds = {editor.text[: editor.offset(hint.position)].rpartition("\n")[2]: hint for hint in found}
    assert kinds["  age"].label == ": vector" or str(kinds["  age"].label).startswith(": ")
    assert kinds["  sex"].label == ': category("Female", "Male")'
    assert "  useful" not in kinds, "a gate is a condition: that is plain"
    search = kinds["search tune {"]
    assert "more" in str(search.label) or "=" in str(search.label)
    few = types.Range(editor.at("features inputs"), editor.at("explore eda"))
    part = await client.text_document_inlay_hint_async(types.InlayHintParams(editor.document, few))
    assert part is not None and 0 < len(part) < len(found)


async def test_the_server_says_all_that_it_can(client: LanguageClient) -> None:
    """Every row of the table is announced."""
    from pygls.capabilities import ServerCapabilitiesBuilder

    assert ServerCapabilitiesBuilder is not None
    given = client.__dict__["announced"]
    for name in ("completion_provider", "hover_provider", "signature_help_provider", "definition_provider", "references_provider",
                 "document_highlight_provider", "document_symbol_provider", "workspace_symbol_provider", "rename_provider", "code_action_provider",
                 "document_formatting_provider", "folding_range_provider", "semantic_tokens_provider", "inlay_hint_provider",
                 "call_hierarchy_provider", "code_lens_provider", "execute_command_provider"):  # fmt: skip
        assert getattr(given, name), name
    assert len(FEATURES) == len({feature.method for feature in FEATURES})
    assert given.position_encoding in (types.PositionEncodingKind.Utf16, "utf-16")
