"""The texts that an editor holds, saved or not, and a reader of files that prefers them to the disk."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lsprotocol.types import (
    PositionEncodingKind,
    TextDocumentContentChangeEvent,
    TextDocumentContentChangePartial,
)
from pygls.uris import from_fs_path, to_fs_path

from mlspec.diagnostics import Diagnostic
from mlspec.lsp.positions import Positions
from mlspec.source import SourceFile
from mlspec.syntax import parse, read_source
from mlspec.syntax.incremental import Reading
from mlspec.syntax.nodes import File

REMEMBERED = 64
"""So many texts of files that are not open are kept parsed: as many as a spec may import."""


class Document:
    """One open text. `source` is it as the compiler reads it, with the path as its name, and `reading` follows its edits."""

    def __init__(self, uri: str, path: str, text: str, version: int, encoding: PositionEncodingKind | str) -> None:
        self.uri = uri
        self.path = path
        self.version = version
        self._encoding = encoding
        self.source = SourceFile(path, _normal(text))
        self._raw = self.source.text if self.source.text == text else text
        self.reading = Reading(self.source)
        self.positions = Positions(self.source.text, encoding)

    @property
    def raw(self) -> str:
        """The text as the editor has it, with its line ends and byte order mark."""
        return self._raw

    def change(self, changes: Sequence[TextDocumentContentChangeEvent]) -> None:
        """Makes the changes that the editor made, in their order."""
        raw = self._raw
        for change in changes:
            if isinstance(change, TextDocumentContentChangePartial):
                positions = self.positions if raw is self.source.text else Positions(raw, self._encoding)
                start, end = positions.offset(change.range.start), positions.offset(change.range.end)
                raw = raw[: min(start, end)] + change.text + raw[max(start, end) :]
            else:
                raw = change.text
        self._become(raw)

    def _become(self, raw: str) -> None:
        before, text = self.source.text, _normal(raw)
        self._raw = text if text == raw else raw
        start, end = _alike(before, text)
        self.source = SourceFile(self.path, text)
        self.positions = Positions(text, self._encoding)
        self.reading.edit(self.source, start, len(before) - end, len(text) - end - start)


def _normal(text: str) -> str:
    """A text as `read_source` gives it."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _alike(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts begin and end with in common, none counted twice.

    By halves: comparing slices is quick, comparing characters one by one is not.
    """
    most = min(len(one), len(other))
    start = _longest(most, lambda count: one[:count] == other[:count])
    return start, _longest(most - start, lambda count: one[len(one) - count :] == other[len(other) - count :])


def _longest(most: int, fits: Callable[[int], bool]) -> int:
    """The greatest count up to `most` that fits, where all smaller ones do."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


class Documents:
    """All open texts by address and by path."""

    def __init__(self) -> None:
        self.encoding: PositionEncodingKind | str = PositionEncodingKind.Utf16
        self._open: dict[str, Document] = {}
        self._paths: dict[str, Document] = {}
        self._texts: dict[str, str] = {}
        self._parsed: OrderedDict[tuple[str, str], tuple[File | None, list[Diagnostic]]] = OrderedDict()

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._open.values()))

    def open(self, uri: str, text: str, version: int) -> Document:
        """A text that the editor shows from now on."""
        document = Document(uri, path_of(uri), text, version, self.encoding)
        self._open[uri] = self._paths[document.path] = document
        return document

    def change(self, uri: str, version: int, changes: Sequence[TextDocumentContentChangeEvent]) -> Document | None:
        """The text after the editor's changes; None of one that is not open."""
        document = self._open.get(uri)
        if document is not None:
            document.version = version
            document.change(changes)
        return document

    def close(self, uri: str) -> None:
        """The disk has the text from now on."""
        document = self._open.pop(uri, None)
        if document is not None:
            self._paths.pop(document.path, None)

    def get(self, uri: str) -> Document | None:
        return self._open.get(uri)

    def at(self, path: str) -> Document | None:
        """The open text of a file."""
        return self._paths.get(path)

    def with_texts(self, texts: Mapping[str, str]) -> Documents:
        """The same with other texts of some files, as they would be after an edit; nothing of it is kept."""
        other = Documents()
        other.encoding = self.encoding
        other._texts = {path: document.source.text for path, document in self._paths.items()} | dict(texts)
        return other

    def uri_of(self, path: str) -> str:
        """The address of a file, as the editor spells it where it shows it."""
        document = self._paths.get(path)
        return document.uri if document is not None else from_fs_path(path) or path

    def read(self, path: str | Path, root: str | Path | None = None, name: str | None = None) -> SourceFile | Diagnostic:
        """Stands in for `read_source`: of an open file its text in the editor, wherever `read_source` would let it be read."""
        found = read_source(path, root, name)
        full = os.path.normpath(os.path.join(os.path.abspath(root or "."), path))  # noqa: PTH100, PTH118
        document = self._paths.get(full)
        text = self._texts.get(full) if document is None else document.source.text
        if text is None or (isinstance(found, Diagnostic) and not _absent(found)):
            return found
        return SourceFile(str(path) if name is None else name, text)

    def parse(self, source: SourceFile) -> tuple[File | None, list[Diagnostic]]:
        """Stands in for `parse`: what was read of this very text before."""
        document = self._paths.get(source.name)
        if document is not None and document.source is source:
            return document.reading.tree, document.reading.found
        key = (source.name, source.text)
        if key not in self._parsed:
            self._parsed[key] = parse(source)
            while len(self._parsed) > REMEMBERED:
                self._parsed.popitem(last=False)
        self._parsed.move_to_end(key)
        return self._parsed[key]


def _absent(found: Diagnostic) -> bool:
    """Whether a file is refused only for what lies on the disk, and not for where its path leads."""
    return found.code.id in ("MLS005", "MLS007") or found.data.get("why") == "does not exist"


def path_of(uri: str) -> str:
    """The path of an address; one that is no file's gets one in the current folder, so that it has a place and a project."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    if path:
        return os.path.normpath(path)
    name = "".join(char if char.isalnum() else "_" for char in uri.rpartition("/")[2])[:64]
    return str(Path.cwd() / f"{name.removesuffix('_mlspec')}.mlspec")
