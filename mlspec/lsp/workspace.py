"""What the server holds between requests: open texts, what is known of each, and the settings of the editor."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.diagnostics import Diagnostic
from mlspec.driver import Project
from mlspec.lsp.analysis import Analysis
from mlspec.lsp.documents import Document, Documents, path_of
from mlspec.lsp.names import Target

MAX_FILES = 1_000
"""So many specs of a project are looked through for uses of a name."""

MAX_FOLDERS = 5_000
LOOKED = 5.0
"""Seconds for which a list of a project's files is good, where the editor does not say that they changed."""


class Settings:
    """What an editor may set: `mlspec.env`, `mlspec.codeLens`, `mlspec.inlayHints.types`, `mlspec.inlayHints.defaults`."""

    def __init__(self) -> None:
        self.env: str | None = None
        self.code_lens = True
        self.types = True
        self.defaults = True

    def take(self, given: Any) -> None:
        """Settings as the editor sends them, alone or under `mlspec`; what is none is left as it is."""
        if isinstance(given, Mapping) and isinstance(given.get("mlspec"), Mapping):
            given = given["mlspec"]
        if not isinstance(given, Mapping):
            return
        hints = given.get("inlayHints")
        if isinstance(given.get("env"), str | None) and "env" in given:
            self.env = given["env"] or None
        self.code_lens = _flag(given.get("codeLens"), self.code_lens)
        if isinstance(hints, Mapping):
            self.types = _flag(hints.get("types"), self.types)
            self.defaults = _flag(hints.get("defaults"), self.defaults)


def _flag(given: Any, before: bool) -> bool:
    return given if isinstance(given, bool) else before


class Workspace:
    """Everything that a request is answered from."""

    def __init__(self) -> None:
        self.documents = Documents()
        self.settings = Settings()
        self._known: dict[str, Analysis] = {}
        self._files: dict[str, tuple[float, list[str]]] = {}

    def changed(self, path: str | None = None) -> None:
        """A text is another one: what was worked out from it does not hold. Without a path, anything may have changed."""
        if path is None:
            self._known.clear()
            self._files.clear()
            return
        for known, analysis in list(self._known.items()):
            if known == path or analysis.reads(path):
                del self._known[known]

    def analysis(self, uri: str) -> Analysis:
        """What is known of a text by its address; one that is not open is read from the disk."""
        return self.of_file(path_of(uri))

    def of_file(self, path: str) -> Analysis:
        """What is known of a file by its path."""
        found = self._known.get(path)
        if found is None:
            document = self.documents.at(path)
            source = None if document is None else document.source
            found = self._known[path] = Analysis(
                self.documents, path, source, self.settings.env if document is not None else None
            )
        return found

    def open_ones(self) -> Iterator[tuple[Document, Analysis]]:
        """Every open text with what is known of it."""
        for document in self.documents:
            yield document, self.of_file(document.path)

    def project_files(self, path: str) -> list[str]:
        """The specs of the project that a file belongs to, with open ones, sorted."""
        root = str(Project.of(Path(path)).root)
        when, files = self._files.get(root, (-LOOKED, []))
        if time.monotonic() - when > LOOKED:
            files = _specs_below(root)
            self._files[root] = time.monotonic(), files
        opened = {document.path for document in self.documents if document.path.startswith(os.path.join(root, ""))}  # noqa: PTH118
        return sorted({*files, *opened, path})

    def users(self, target: Target, everywhere: bool = True) -> Iterator[Analysis]:
        """The file of a target, then every file that imports it and mentions the name: of the project, or of those that are open."""
        yield self.of_file(target.file)
        word = target.member or target.block
        for path in self.project_files(target.file) if everywhere else [document.path for document in self.documents]:
            if path != target.file and word in self._text(path) and target.file in self.of_file(path).imports.values():
                yield self.of_file(path)

    def _text(self, path: str) -> str:
        """The text of a file, "" of one that cannot be read or imports nothing."""
        found = self.documents.read(path)
        return "" if isinstance(found, Diagnostic) or "\nuse " not in found.text else found.text


def _specs_below(root: str) -> list[str]:
    """The specs in a folder and below it; hidden folders and those of built things are left out."""
    found: list[str] = []
    for count, (folder, folders, names) in enumerate(os.walk(root)):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in ("node_modules", "build"))
        found += [os.path.join(folder, name) for name in names if name.endswith(".mlspec")]  # noqa: PTH118
        if count >= MAX_FOLDERS or len(found) >= MAX_FILES:
            break
    return found[:MAX_FILES]
