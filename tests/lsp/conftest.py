"""A client with a server of its own for each module, and a folder for each test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities, make_test_lsp_client

ROOT = Path(__file__).parents[2]
SERVER = [sys.executable, "-m", "mlspec", "lsp", "--stdio"]


def make_client() -> LanguageClient:
    """The library's client, which also notes the versions that findings are about."""
    client = make_test_lsp_client()
    handle = client.protocol._handle_notification

    def noted(method: str, params: Any) -> None:
        if method == types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS:
            versions(client)[params.uri] = params.version
            client.diagnostics[params.uri] = params.diagnostics
        handle(method, params)

    client.protocol._handle_notification = noted

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def registered(params: types.RegistrationParams) -> None:
        client.__dict__.setdefault("registered", []).extend(params.registrations)

    return client


@pytest_lsp.fixture(config=ClientServerConfig(server_command=SERVER, client_factory=make_client), scope="module")
async def client(lsp_client: LanguageClient) -> AsyncIterator[None]:
    result = await lsp_client.initialize_session(
        types.InitializeParams(capabilities=client_capabilities("visual-studio-code"), root_uri=ROOT.as_uri())
    )
    lsp_client.__dict__["announced"] = result.capabilities
    yield
    await lsp_client.shutdown_session()


class Editor:
    """One open text of a client."""

    def __init__(self, client: LanguageClient, path: Path, text: str) -> None:
        self.client = client
        self.path = path
        self.uri = path.as_uri()
        self.text = text
        self.version = 1
        self.document = types.TextDocumentIdentifier(self.uri)
        item = types.TextDocumentItem(self.uri, "mlspec", self.version, text)
        client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def position(self, offset: int) -> types.Position:
        """An offset in UTF-16, worked out by Python's own encoder."""
        before = self.text[:offset]
        line = before.rpartition("\n")[2]
        return types.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)

    def at(self, wanted: str, behind: int = 0, nth: int = 1) -> types.Position:
        """The position of a piece of the text, so many characters behind its start."""
        place = -1
        for _ in range(nth):
            place = self.text.index(wanted, place + 1)
        return self.position(place + behind)

    def offset(self, position: types.Position) -> int:
        lines = self.text.split("\n")
        line = lines[position.line].encode("utf-16-le")[: position.character * 2].decode("utf-16-le")
        return sum(len(each) + 1 for each in lines[: position.line]) + len(line)

    def under(self, where: types.Range) -> str:
        """The text in a range."""
        return self.text[self.offset(where.start) : self.offset(where.end)]

    def replace(self, old: str, new: str) -> None:
        """An edit as an editor sends it: a range and a text."""
        start = self.text.index(old)
        where = types.Range(self.position(start), self.position(start + len(old)))
        self.text = self.text.replace(old, new, 1)
        self.change([types.TextDocumentContentChangePartial(range=where, text=new)])

    def change(self, changes: list[types.TextDocumentContentChangeEvent]) -> None:
        self.version += 1
        identifier = types.VersionedTextDocumentIdentifier(version=self.version, uri=self.uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, changes))

    async def diagnostics(self) -> list[types.Diagnostic]:
        """What was found of the newest version."""
        while versions(self.client).get(self.uri) != self.version:
            await asyncio.wait_for(
                self.client.protocol.wait_for_notification_async(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS), 20
            )
        return list(self.client.diagnostics[self.uri])

    def edited(self, edits: list[types.TextEdit]) -> str:
        text = self.text
        for edit in sorted(edits, key=lambda each: (each.range.start.line, each.range.start.character), reverse=True):
            text = text[: self.offset(edit.range.start)] + edit.new_text + text[self.offset(edit.range.end) :]
        return text

    def close(self) -> None:
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(self.document))


Open = Callable[..., Awaitable[Editor]]


def versions(client: LanguageClient) -> dict[str, int | None]:
    """The version that the newest findings of a text are about."""
    found: dict[str, int | None] = client.__dict__.setdefault("versions", {})
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def show(client: LanguageClient, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens a text under a name, and closes it after the test."""
    (tmp_path / "mlspec.toml").touch()
    editors: list[Editor] = []

    async def open_text(text: str, name: str = "demo.mlspec", saved: bool = True) -> Editor:
        path = tmp_path / name
        if saved:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        editors.append(Editor(client, path, text))
        return editors[-1]

    yield open_text
    for editor in editors:
        editor.close()
