"""What is known of one open text: its compilation, worked out by the driver as `mlspec check` works it out, and its names."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from mlspec.diagnostics import Diagnostic
from mlspec.driver import Compilation
from mlspec.lsp.documents import Document, Documents
from mlspec.lsp.names import Names
from mlspec.lsp.positions import Positions
from mlspec.source import SourceFile
from mlspec.spec.model import Spec
from mlspec.syntax.nodes import File, Use


class Analysis:
    """One text, until it or a file that it imports changes. Each property is worked out when it is first asked for."""

    def __init__(self, documents: Documents, path: str, source: SourceFile | None, env: str | None = None) -> None:
        """Without a `source` the file is read."""
        self._documents = documents
        self.path = path
        self.compilation = Compilation(Path(path), env, read=documents.read, parse=documents.parse)
        if source is not None:
            self.compilation.source = source

    @classmethod
    def of(cls, documents: Documents, document: Document, env: str | None = None) -> Analysis:
        """The analysis of an open text."""
        return cls(documents, document.path, document.source, env)

    @property
    def source(self) -> SourceFile:
        return self.compilation.source or SourceFile(self.path, "")

    @property
    def text(self) -> str:
        return self.source.text

    @cached_property
    def positions(self) -> Positions:
        """The lines of the text."""
        document = self._documents.at(self.path)
        if document is not None and document.source is self.source:
            return document.positions
        return Positions(self.text, self._documents.encoding)

    @property
    def tree(self) -> File | None:
        """What could be read of the text."""
        return self.compilation.parsed[0]

    @property
    def spec(self) -> Spec | None:
        """What could be bound of it."""
        return self.compilation.readable

    @property
    def diagnostics(self) -> list[Diagnostic]:
        return self.compilation.diagnostics

    @cached_property
    def imports(self) -> dict[str, str]:
        """The files that the text imports, by alias."""
        statements = () if self.tree is None else self.tree.statements
        folder = self.compilation.folder
        return {
            each.alias.text: os.path.normpath(folder / str(each.path.value))
            for each in statements
            if isinstance(each, Use) and "\0" not in str(each.path.value)
        }

    def reads(self, path: str) -> bool:
        """Whether the text of another file is a part of what is known of this one."""
        return path in self.imports.values() or path in self.compilation.imported

    @cached_property
    def names(self) -> Names:
        """Every name of the text."""
        return Names(self.tree, self.spec, self.imports)

    def positions_of(self, source: SourceFile) -> Positions:
        """The lines of a text that a span lies in: this one's, or an import's."""
        return self.positions if source is self.source else Positions(source.text, self._documents.encoding)
