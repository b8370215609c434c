"""The server: takes changes at once, answers requests in turn, and says what is wrong when nothing more is waiting.

All of it runs on one thread but the code lenses, which work on copies. Standard input and output carry the protocol; nothing listens.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from functools import partial
from typing import Any, BinaryIO

from lsprotocol import types
from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from mlspec import __version__
from mlspec.lsp import lenses
from mlspec.lsp.documents import path_of
from mlspec.lsp.features import FEATURES, Feature
from mlspec.lsp.findings import published
from mlspec.lsp.workspace import Workspace

LEAST_WAIT = 0.002
"""Seconds that a change waits for more of them: they lie in the pipe already when somebody types fast."""

MOST_WAIT = 0.5
QUIET = 0.3
"""Seconds without a request before lenses are worked out."""

REST = 2.0
"""Seconds without a change before memory is swept: a sweep in the midst of typing costs more than a check."""

SWEEP_AFTER = 200_000
MOST_MESSAGE = 64 * 2**20
"""Bytes of one message; an editor sends a whole text at most, and those that are checked have 256 KiB."""

WATCHED = ("**/*.mlspec", "**/mlspec.lock", "**/mlspec.toml")


class Protocol(LanguageServerProtocol):
    """The base protocol with our own texts in place of pygls's, whose lines are not those of the protocol."""

    @property
    def _own(self) -> Server:
        assert isinstance(self._server, Server)
        return self._server

    @property
    def ended(self) -> bool:
        """Whether the editor asked for the end."""
        return self._shutdown

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        document = params.text_document
        self._own.touched(self._own.texts.documents.open(document.uri, document.text, document.version).path)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        document = self._own.texts.documents.change(
            params.text_document.uri, params.text_document.version, params.content_changes
        )
        if document is not None:
            self._own.touched(document.path)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._own.texts.documents.close(params.text_document.uri)
        self._own.closed(params.text_document.uri)


class Server(LanguageServer):
    """One session with one editor."""

    def __init__(self) -> None:
        super().__init__("mlspec", __version__, protocol_cls=Protocol, max_workers=3)
        self.texts = Workspace()
        self._due: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._cost = 0.0
        self._changed = 0.0
        self._shown: dict[str, set[str]] = {}  # by the address of a text, the addresses that its findings are shown at
        self._last: dict[str, tuple[int | None, list[types.Diagnostic]]] = {}
        for feature in FEATURES:
            self.feature(feature.method, feature.options)(self._turn(feature))
        self._others()

    # ---- changes

    def touched(self, path: str | None = None) -> None:
        """A text changed, or anything: findings follow when no change has come for a moment, longer where changes come too fast."""
        self.texts.changed(path)
        for waiting in (self._due, self._rest):
            if waiting is not None:
                waiting.cancel()
        loop = asyncio.get_running_loop()
        faster = loop.time() - self._changed < self._cost  # than findings are worked out
        self._changed = loop.time()
        self._due = loop.call_later(min(MOST_WAIT, self._cost) if faster else LEAST_WAIT, self.diagnose)

    def closed(self, uri: str) -> None:
        """A text is closed: what was said of it is taken back."""
        for address in self._shown.pop(uri, set()):
            self._say(address, [])
        self.touched(path_of(uri))

    def diagnose(self) -> None:
        """Publishes what is found of every open text, as far as it is not what was published before."""
        self._due = None
        start = time.perf_counter()
        versions: dict[str, int] = {}
        found: dict[str, list[types.Diagnostic]] = {}
        for document, analysis in self.texts.open_ones():
            versions[document.uri] = document.version
            by_address = published(self.texts, analysis)
            for gone in self._shown.get(document.uri, set()) - set(by_address):
                found.setdefault(gone, [])
            self._shown[document.uri] = set(by_address)
            for address, items in by_address.items():
                known = found.setdefault(address, [])
                known += [item for item in items if item not in known]
        for address, items in found.items():
            self._say(address, items, versions.get(address))
        self._cost = time.perf_counter() - start
        self._rest = asyncio.get_running_loop().call_later(REST, gc.collect)

    def _say(self, uri: str, items: list[types.Diagnostic], version: int | None = None) -> None:
        if self._last.get(uri) == (version, items):
            return
        self._last[uri] = version, items
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=items, version=version))

    # ---- requests

    def _turn(self, feature: Feature) -> Callable[[Any], Awaitable[Any]]:
        """The handler of a feature: it lets what is waiting in first, such as the cancellation of this very request."""

        async def handle(params: Any) -> Any:
            await asyncio.sleep(LEAST_WAIT)
            return feature.answer(self.texts, params)

        return handle

    def _others(self) -> None:
        """What needs the server itself."""
        handlers: dict[str, Callable[..., Any]] = {
            types.INITIALIZE: self._initialize,
            types.INITIALIZED: self._initialized,
            types.TEXT_DOCUMENT_CODE_LENS: self._lenses,
            types.WORKSPACE_DID_CHANGE_CONFIGURATION: self._configured,
            types.WORKSPACE_DID_CHANGE_WATCHED_FILES: self._watched,
        }
        for method, handler in handlers.items():
            self.feature(method)(partial(handler))  # pygls notes things on a handler, which a method does not take
        self.command(lenses.COMMAND)(partial(self._stages))

    def _initialize(self, params: types.InitializeParams) -> None:
        self.texts.documents.encoding = self.protocol.workspace.position_encoding or types.PositionEncodingKind.Utf16
        self.texts.settings.take(params.initialization_options)

    def _initialized(self, params: types.InitializedParams) -> None:
        """Asks for the settings, and to be told when they or files on the disk change."""
        workspace = self.client_capabilities.workspace
        if workspace is None:
            return
        wanted = []
        if workspace.did_change_watched_files is not None and workspace.did_change_watched_files.dynamic_registration:
            watchers = [types.FileSystemWatcher(glob_pattern=name) for name in WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers=watchers)
            wanted.append(types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options))
        if workspace.did_change_configuration is not None and workspace.did_change_configuration.dynamic_registration:
            section = types.DidChangeConfigurationRegistrationOptions(section="mlspec")
            wanted.append(types.Registration("settings", types.WORKSPACE_DID_CHANGE_CONFIGURATION, section))
        if wanted:
            self.client_register_capability(types.RegistrationParams(wanted))
        self._ask_settings()

    def _ask_settings(self) -> None:
        """Asks the editor for its settings, if it can be asked."""
        workspace = self.client_capabilities.workspace
        if workspace is not None and workspace.configuration:
            asked = types.ConfigurationParams([types.ConfigurationItem(section="mlspec")])
            self.workspace_configuration(asked, callback=self._given)

    def _given(self, settings: Any) -> None:
        for each in settings or ():
            self.texts.settings.take(each)
        self.touched()

    def _configured(self, params: types.DidChangeConfigurationParams) -> None:
        """Settings come with the message, or have to be asked for."""
        self.texts.settings.take(params.settings)
        self.touched()
        if not params.settings:
            self._ask_settings()

    def _watched(self, params: types.DidChangeWatchedFilesParams) -> None:
        self.touched()

    async def _lenses(self, params: types.CodeLensParams) -> list[types.CodeLens]:
        """Lenses once nobody has typed for a moment; none where they are off or not known."""
        if not self.texts.settings.code_lens:
            return []
        await asyncio.sleep(QUIET)
        analysis = self.texts.analysis(params.text_document.uri)
        asked = lenses.question(self.texts.documents, analysis, self.texts.settings.env)
        affected = await asyncio.get_running_loop().run_in_executor(self.thread_pool, lenses.answer, asked)
        now = self.texts.analysis(params.text_document.uri)
        return [] if affected is None or now.text != asked.text else lenses.lenses(now, affected)

    def _stages(self, *given: Any) -> None:
        """A lens was clicked."""
        for each in given[:1]:
            lenses.listing(each, lambda text: self.window_show_message(types.ShowMessageParams(types.MessageType.Info, text)))


async def _talk(server: Server, out: BinaryIO) -> None:
    """Reads messages until there are no more.

    Straight from the pipe: a thread that reads, as pygls has it, costs three changes of thread a message. Where standard input is no
    pipe, or the system cannot wait for one, that thread reads all the same.
    """
    server.protocol.set_writer(StdoutWriter(out))
    reader = asyncio.StreamReader(limit=MOST_MESSAGE)
    stop = threading.Event()
    try:
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    except (ValueError, NotImplementedError, OSError):
        threaded = StdinAsyncReader(sys.stdin.buffer, server.thread_pool)
        await run_async(stop, threaded, server.protocol, error_handler=server.report_server_error)
        return
    try:
        await run_async(stop, reader, server.protocol, error_handler=server.report_server_error)
    except (asyncio.IncompleteReadError, ValueError):
        return  # cut off in the midst of a message, or none of this protocol


def serve() -> bool:
    """Answers on standard input and output until the editor ends the session; whether it said so before it left."""
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # standard error is for what a person should read
    server = Server()
    gc.freeze()
    gc.set_threshold(SWEEP_AFTER)
    # The protocol gets a descriptor of its own, which it closes at the end; whatever else prints goes to standard error.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out, redirect_stdout(sys.stderr):
        try:
            asyncio.run(_talk(server, out))
        except (SystemExit, KeyboardInterrupt, BrokenPipeError):
            pass  # the editor left, with or without a word: `ended` says which
        finally:
            server.shutdown()  # type: ignore[no-untyped-call]
    assert isinstance(server.protocol, Protocol)
    return server.protocol.ended
