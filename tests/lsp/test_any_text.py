"""Whatever is typed: the state follows, the findings are those of a fresh check, and no question brings the server down."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from mlspec.driver import Compilation
from mlspec.lsp import lineage
from mlspec.lsp.documents import Document
from mlspec.lsp.features import FEATURES
from mlspec.lsp.findings import published
from mlspec.lsp.rename import Refused
from mlspec.lsp.workspace import Workspace
from mlspec.source import SourceFile
from mlspec.syntax import parse
from tests.fuzz.mutate import corpus
from tests.unit.test_syntax_incremental import random_edit, told

ROOT = Path(__file__).parents[2]
CENSUS = (ROOT / "specs/census_income.mlspec").read_text()


def question(method: str, document: Document, rng: random.Random) -> Any:
    """Parameters for a request at a random place."""
    identifier = types.TextDocumentIdentifier(document.uri)
    offsets = sorted(rng.randint(0, len(document.source.text)) for _ in range(2))
    where = document.positions.range(*offsets)
    place = rng.choice((where.start, where.end, types.Position(rng.randint(0, 200), rng.randint(0, 300))))
    near = {
        types.TEXT_DOCUMENT_REFERENCES: lambda: types.ReferenceParams(types.ReferenceContext(True), identifier, place),
        types.TEXT_DOCUMENT_RENAME: lambda: types.RenameParams(
            identifier, place, rng.choice(("fresh", "census", "if", "é", ""))
        ),
        types.TEXT_DOCUMENT_CODE_ACTION: lambda: types.CodeActionParams(identifier, where, types.CodeActionContext([])),
        types.TEXT_DOCUMENT_FORMATTING: lambda: types.DocumentFormattingParams(identifier, types.FormattingOptions(2, True)),
        types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE: lambda: types.SemanticTokensRangeParams(identifier, where),
        types.TEXT_DOCUMENT_INLAY_HINT: lambda: types.InlayHintParams(identifier, where),
        types.WORKSPACE_SYMBOL: lambda: types.WorkspaceSymbolParams(rng.choice(("", "a", "inp", "zzz"))),
    }
    if method in near:
        return near[method]()
    kind = types.METHOD_TO_TYPES[method][2]
    assert kind is not None
    if method in (types.CALL_HIERARCHY_INCOMING_CALLS, types.CALL_HIERARCHY_OUTGOING_CALLS, types.COMPLETION_ITEM_RESOLVE):
        return None
    return kind(identifier, place) if "position" in kind.__annotations__ else kind(identifier)


def ask(workspace: Workspace, document: Document, rng: random.Random) -> None:
    """Every request of the table."""
    for feature in FEATURES:
        asked = question(feature.method, document, rng)
        if asked is None:
            continue
        try:
            given = feature.answer(workspace, asked)
        except Refused as refusal:
            assert refusal.message
            continue
        if feature.method == types.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY and given:
            lineage.incoming(workspace, types.CallHierarchyIncomingCallsParams(given[0]))
            lineage.outgoing(workspace, types.CallHierarchyOutgoingCallsParams(given[0]))


def check(workspace: Workspace, document: Document, path: Path) -> None:
    """The state is that of a server that was opened with this very text."""
    tree, found = parse(SourceFile(document.path, document.source.text))
    assert document.reading.tree == tree
    assert told(document.reading.found) == told(found)
    fresh = Compilation(path)
    fresh.source = SourceFile(document.path, document.source.text)
    analysis = workspace.analysis(document.uri)
    assert told(analysis.diagnostics) == told(fresh.diagnostics)
    (shown,) = published(workspace, analysis).values()
    assert len(shown) == len(fresh.diagnostics)


@pytest.mark.parametrize("seed", range(6))
def test_random_edits_leave_what_a_fresh_start_gives(seed: int, tmp_path: Path) -> None:
    (tmp_path / "mlspec.toml").touch()
    path = tmp_path / "demo.mlspec"
    rng = random.Random(seed)
    seeds = [text for text in corpus() if len(text) < 3_000]
    for _ in range(2):
        workspace = Workspace()
        document = workspace.documents.open(path.as_uri(), rng.choice([CENSUS, *seeds]), 1)
        for version in range(2, 14):
            start, end, new = random_edit(rng, document.source.text)
            where = document.positions.range(start, end)
            workspace.documents.change(document.uri, version, [types.TextDocumentContentChangePartial(range=where, text=new)])
            workspace.changed()
            check(workspace, document, path)
            ask(workspace, document, rng)


def test_a_text_that_is_too_large_says_so_and_is_let_be(tmp_path: Path) -> None:
    workspace = Workspace()
    text = CENSUS + "# " + "x" * 300_000
    document = workspace.documents.open((tmp_path / "demo.mlspec").as_uri(), text, 1)
    assert [item.code.id for item in workspace.analysis(document.uri).diagnostics] == ["MLS005"]
    ask(workspace, document, random.Random(0))
    where = document.positions.range(len(CENSUS), len(text))
    workspace.documents.change(document.uri, 2, [types.TextDocumentContentChangePartial(range=where, text="")])
    workspace.changed()
    assert not [item for item in workspace.analysis(document.uri).diagnostics if item.code.id == "MLS005"]


def test_an_address_that_is_no_file_is_checked_as_well() -> None:
    workspace = Workspace()
    document = workspace.documents.open("untitled:Untitled-1", CENSUS.replace("0.88", "088"), 1)
    assert {item.code.id for item in workspace.analysis(document.uri).diagnostics} == {"MLS014"}
    ask(workspace, document, random.Random(1))


def test_changes_of_a_text_that_is_not_open_are_passed_over() -> None:
    workspace = Workspace()
    assert workspace.documents.change("file:///nowhere.mlspec", 2, []) is None
    workspace.documents.close("file:///nowhere.mlspec")


def test_only_what_reads_a_text_is_worked_out_again(tmp_path: Path) -> None:
    (tmp_path / "mlspec.toml").touch()
    shared = 'mlspec 2026.1\n\nspec shared {\n  owner = "a"\n}\n\nchannel team = log()\n'
    using = CENSUS.replace("\nchannel console = log()\n", '\nuse "./shared.mlspec" as shared\n').replace(
        "(console)", "(shared.team)"
    )
    workspace = Workspace()
    texts = {"shared": shared, "using": using, "alone": CENSUS}
    documents = {
        name: workspace.documents.open((tmp_path / f"{name}.mlspec").as_uri(), text, 1) for name, text in texts.items()
    }
    before = {name: workspace.analysis(document.uri) for name, document in documents.items()}
    assert not [item for analysis in before.values() for item in analysis.diagnostics if item.severity == "error"]
    workspace.documents.change(
        documents["shared"].uri, 2, [types.TextDocumentContentChangeWholeDocument(shared.replace("team", "crew"))]
    )
    workspace.changed(documents["shared"].path)
    after = {name: workspace.analysis(document.uri) for name, document in documents.items()}
    assert [name for name in texts if after[name] is not before[name]] == ["shared", "using"]
    assert {item.code.id for item in after["using"].diagnostics if item.severity == "error"} == {"MLS101"}


@pytest.mark.slow
def test_many_random_edits_leave_what_a_fresh_start_gives(tmp_path: Path) -> None:
    for seed in range(100, 160):
        test_random_edits_leave_what_a_fresh_start_gives(seed, tmp_path)
