"""A session as a whole: cancellation, lenses, settings, and how the process begins and ends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import LanguageClient

from tests.lsp.conftest import ROOT, SERVER, Open
from tests.support.repository import commit, git

CENSUS = (ROOT / "specs/census_income.mlspec").read_text()
asynchronous = pytest.mark.asyncio(loop_scope="module")


@asynchronous
async def test_a_request_can_be_taken_back(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    await editor.diagnostics()
    asked = asyncio.ensure_future(
        client.protocol.send_request_async(
            types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensParams(editor.document), msg_id="taken-back"
        )
    )
    await asyncio.sleep(0)
    client.cancel_request(types.CancelParams("taken-back"))
    with pytest.raises(JsonRpcException) as refused:
        await asyncio.wait_for(asked, 10)
    assert refused.value.code == -32800
    assert await client.text_document_hover_async(types.HoverParams(editor.document, editor.at("inputs.sex", 8)))


@asynchronous
async def test_many_changes_give_the_findings_of_the_last(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    for step in range(40):
        editor.replace("seed = 7" if step % 2 == 0 else "seed = x", "seed = x" if step % 2 == 0 else "seed = 7")
    assert not [one for one in await editor.diagnostics() if one.severity == types.DiagnosticSeverity.Error]


@asynchronous
async def test_a_whole_new_text_and_line_ends_of_another_system(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    editor.text = CENSUS.replace("census.age)", "census.aeg)").replace("\n", "\r\n")
    editor.change([types.TextDocumentContentChangeWholeDocument(editor.text)])
    (found,) = [one for one in await editor.diagnostics() if one.severity == types.DiagnosticSeverity.Error]
    assert found.code == "MLS101" and found.range.start.line == editor.text.split("\r\n").index("  age := scale(census.aeg)")
    start = types.Position(found.range.start.line, found.range.start.character)
    editor.change([types.TextDocumentContentChangePartial(range=types.Range(start, found.range.end), text="age")])
    assert not [one for one in await editor.diagnostics() if one.severity == types.DiagnosticSeverity.Error]


async def lenses(client: LanguageClient, document: types.TextDocumentIdentifier) -> list[str]:
    found = await client.text_document_code_lens_async(types.CodeLensParams(document))
    return [each.command.title for each in found or () if each.command is not None]


@asynchronous
async def test_lenses_say_what_runs_again_since_the_commit(show: Open, client: LanguageClient, tmp_path: Path) -> None:
    editor = await show(CENSUS)
    assert await lenses(client, editor.document) == [], "without a commit and without a run nothing is known"
    git(tmp_path, "init", "-q")
    commit(tmp_path, "one")
    assert await lenses(client, editor.document) == ["since HEAD: nothing runs again"]
    editor.replace(">= 0.88", ">= 0.84")
    whole, *blocks = await lenses(client, editor.document)
    assert whole.startswith("since HEAD: rescores 1 stage") and blocks == ["rescores 1 stage"]
    editor.replace("trials = 20", "trials = 21")
    editor.replace("scale(census.age)", "log1p(census.age)")
    whole, *blocks = await lenses(client, editor.document)
    assert "re-runs" in whole and len(blocks) == 3
    editor.replace("log1p(census.age)", "log1p(census.aeg)")
    assert await lenses(client, editor.document) == [], "of a text with errors nothing is known"


@asynchronous
async def test_a_lens_that_is_clicked_says_its_stages(show: Open, client: LanguageClient) -> None:
    given = {"rerun": ["tune-search"], "rescore": ["release-verdict"]}
    await client.workspace_execute_command_async(types.ExecuteCommandParams("mlspec.stages", [given]))
    assert client.messages[-1].message == "re-runs: tune-search\nrescores: release-verdict"


@asynchronous
async def test_settings_are_taken(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS)
    whole = types.Range(types.Position(0, 0), types.Position(500, 0))

    async def hints() -> int:
        found = await client.text_document_inlay_hint_async(types.InlayHintParams(editor.document, whole))
        return len(found or ())

    assert await hints()
    for given in (
        {"inlayHints": {"types": False, "defaults": False}, "codeLens": False},
        {"mlspec": {"inlayHints": {"types": False}}},
        3,
        None,
        [],
    ):
        client.workspace_did_change_configuration(types.DidChangeConfigurationParams(given))
        assert await hints() == 0
    client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"mlspec": {"inlayHints": {"types": True}}}))
    assert await hints()
    client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams({"mlspec": {"inlayHints": {"defaults": True}, "codeLens": True}})
    )
    client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"mlspec": {"env": "nowhere"}}))
    editor.replace("seed = 7", "seed = 8")
    assert "MLS101" in {one.code for one in await editor.diagnostics()}, "the env that is set is the one that is checked"
    client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"mlspec": {"env": None}}))


@asynchronous
async def test_files_on_the_disk_are_watched(show: Open, client: LanguageClient, tmp_path: Path) -> None:
    assert types.WORKSPACE_DID_CHANGE_WATCHED_FILES in {each.method for each in client.__dict__["registered"]}
    text = CENSUS.replace("\nchannel console = log()\n", '\nuse "./shared.mlspec" as shared\n').replace(
        "@notify(console)", "@notify(shared.team)"
    )
    editor = await show(text)
    assert "MLS114" in {one.code for one in await editor.diagnostics()}
    shared = tmp_path / "shared.mlspec"
    shared.write_text('mlspec 2026.1\n\nspec shared {\n  owner = "a"\n}\n\nchannel team = log()\n')
    event = types.FileEvent(shared.as_uri(), types.FileChangeType.Created)
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    for _ in range(200):
        if "MLS114" not in {one.code for one in client.diagnostics[editor.uri]}:
            break
        await asyncio.sleep(0.02)
    assert not [one for one in client.diagnostics[editor.uri] if one.severity == types.DiagnosticSeverity.Error]


@asynchronous
async def test_findings_go_when_the_text_is_closed(show: Open, client: LanguageClient) -> None:
    editor = await show(CENSUS.replace("0.88", "088"))
    assert await editor.diagnostics()
    editor.close()
    for _ in range(200):
        if not client.diagnostics[editor.uri]:
            break
        await asyncio.sleep(0.02)
    assert not client.diagnostics[editor.uri]


# ---- the process


def message(**content: Any) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **content}).encode()
    return f"Content-Length: {len(body)}\r\n\r\n".encode() + body


BEGIN = message(id=1, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}})


def run(*messages: bytes, command: list[str] = SERVER) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=b"".join(messages), capture_output=True, timeout=60, check=False)


def test_the_end_of_a_session_is_clean_and_a_broken_one_is_not() -> None:
    done = run(BEGIN, message(method="initialized", params={}), message(id=2, method="shutdown"), message(method="exit"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert run(BEGIN, message(method="exit")).returncode == 1
    assert run(BEGIN).returncode == 1


def test_what_is_no_message_is_passed_over() -> None:
    junk = (
        message(id=7, method="textDocument/hover", params={"no": "such"}),
        message(method="mlspec/unknown", params=[]),
        message(id=9),
    )
    done = run(BEGIN, *junk, message(id=2, method="shutdown"), message(method="exit"))
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    assert done.stdout.count(b'"id": 2') + done.stdout.count(b'"id":2') == 1


def test_a_session_from_a_file_and_one_that_is_cut_off(tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_bytes(b"".join((BEGIN, message(id=2, method="shutdown"), message(method="exit"))))
    with said.open("rb") as stdin:
        done = subprocess.run(SERVER, stdin=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and b"completionProvider" in done.stdout
    for cut in (BEGIN[:-20], b"Content-Length: 100\r\n", b"no header at all\n" * 9, b"\xff\xfe\r\n\r\n"):
        done = run(BEGIN, cut)
        assert done.returncode == 1 and b"Traceback" not in done.stderr, done.stderr


def test_it_listens_nowhere_and_writes_nothing(tmp_path: Path) -> None:
    """G1: no connection, no process but git's two, no file opened for writing, no code of the user's."""
    (tmp_path / "demo.mlspec").write_text(CENSUS)
    probe = """
import os, sys
seen = []
def hook(event, args):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.mkdir",
                 "os.rename", "socket.getaddrinfo", "ctypes.dlopen"):
        seen.append(f"{event} {args!r}"[:200])
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and args[0] != os.devnull:
        if not isinstance(args[0], int):
            seen.append(f"write {args[0]}")
    if event == "import" and str(args[0]).split(".")[0] in ("numpy", "pandas", "sklearn", "duckdb", "torch", "kfp"):
        seen.append(f"import {args[0]}")
sys.dont_write_bytecode = True
sys.addaudithook(hook)
from mlspec.cli import main
try:
    main(["lsp"])
finally:
    print("SEEN", seen, file=sys.stderr)
"""
    document = {"uri": (tmp_path / "demo.mlspec").as_uri()}
    begin = message(id=1, method="initialize", params={"processId": None, "rootUri": tmp_path.as_uri(), "capabilities": {}})
    opened = message(
        method="textDocument/didOpen",
        params={"textDocument": {**document, "languageId": "mlspec", "version": 1, "text": CENSUS}},
    )
    place = {"textDocument": document, "position": {"line": 12, "character": 4}}
    asked = [message(id=number, method=f"textDocument/{name}", params=place) for number, name in
             enumerate(("hover", "completion", "definition", "codeLens", "semanticTokens/full", "foldingRange"), 10)]  # fmt: skip
    done = run(
        begin, opened, *asked, message(id=2, method="shutdown"), message(method="exit"), command=[sys.executable, "-c", probe]
    )
    assert b"SEEN []" in done.stderr, done.stderr


def test_without_the_extra_it_says_how_to_install_it() -> None:
    probe = "import sys; sys.modules['pygls'] = None; sys.modules['lsprotocol'] = None\nfrom mlspec.cli import main; sys.exit(main(['lsp']))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "MLS812" in done.stderr and 'pip install "mlspec-lang[lsp]"' in done.stderr
