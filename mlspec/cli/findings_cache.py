"""What was found in each of many specs, kept in `.mlspec/cache`: a check of a folder reads again only what holds another text.

One entry for all specs of a check, with the digest of every file that each of them read. It counts for the same
compiler, overrides and folder; a spec counts while its texts and its project's settings are as they were; what waivers had a say in, for its day.
A spec that wanted a file which could not be read is not kept.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlspec.cli.check_cache import day, digest_of, find_root, path_for, write_whole
from mlspec.diagnostics import Diagnostic, Edit, Note, Waived, code
from mlspec.source import SourceFile, Span

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from mlspec.cli.check import One

_SETTINGS = ("mlspec.toml", "mlspec.lock")


class FindingsCache:
    """Answers for the specs of one check; `keep` writes down what was learned."""

    def __init__(self, options: argparse.Namespace, files: Sequence[str], check: Callable[..., One]) -> None:
        self._options = options
        self._check = check
        self._path = _entry_path(options, files)
        self._known = _read(self._path)
        self._kept: dict[str, Any] = {}
        self._held: dict[str, bytes | None] = {}
        self._roots: dict[str, str] = {}
        self._new = False

    def one(self, path: str) -> One:
        """What is found of a spec: what was found before, where it read the same texts then."""
        entry = self._known.get(path)
        if entry is not None:
            with suppress(OSError, ValueError, KeyError, TypeError, IndexError):  # an entry of another make is checked anew
                if self._holds(entry):
                    found = self._answer(path, entry)
                    self._kept[path] = entry
                    return found
        self._new = True
        reading: set[str] = set()
        one = self._check(self._options, path, read=_reader(reading))
        if self._path is not None and one.texts:
            self._learn(path, one, reading)
        return one

    def keep(self) -> None:
        """Write the entry, if something in it is new."""
        if self._path is not None and (self._new or self._kept.keys() != self._known.keys()):
            write_whole(self._path, json.dumps({"specs": self._kept}))

    def _holds(self, entry: dict[str, Any]) -> bool:
        same = all(self._digest(name) == digest for name, digest in entry["files"].items())
        return same and entry.get("day", day()) == day()

    def _digest(self, path: str) -> str | None:
        """The digest of what a file holds; None for no file."""
        held = self._bytes(path)
        return None if held is None else digest_of(held)

    def _text(self, path: str) -> str:
        return (self._bytes(path) or b"").decode("utf-8-sig", "replace").replace("\r\n", "\n")

    def _bytes(self, path: str) -> bytes | None:
        """What a file holds, read once a check; None for no file."""
        if path not in self._held:
            try:
                with open(path, "rb") as file:  # noqa: PTH123
                    self._held[path] = file.read()
            except FileNotFoundError:
                self._held[path] = None
        return self._held[path]

    def _settings(self, path: str) -> list[str]:
        """The settings files that count for a spec, there or not."""
        folder = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120
        root = self._roots.get(folder) or self._roots.setdefault(folder, find_root(path))
        return [os.path.join(root, name) for name in _SETTINGS]  # noqa: PTH118

    def _learn(self, path: str, one: One, reading: set[str]) -> None:
        if not reading <= one.texts.keys() or any(self._text(name) != text for name, text in one.texts.items()):
            return  # a file is not there, or changed meanwhile: what was found is not about what lies there now
        files = {name: self._digest(name) for name in (*self._settings(path), *one.texts)}
        pointed: dict[str, SourceFile] = {}
        found = [_to_json(item, pointed) for item in one.found]
        by_text = {text: name for name, text in one.texts.items()}
        sources = {name: (source.path, by_text[source.text]) for name, source in pointed.items() if source.text in by_text}
        if len(sources) == len(pointed):
            self._kept[path] = {"files": files, "found": found, "sources": sources, **({"day": day()} if one.dated else {})}

    def _answer(self, path: str, entry: dict[str, Any]) -> One:
        from mlspec.cli.check import One

        texts = {name: self._text(name) for name in entry["files"] if os.path.basename(name) not in _SETTINGS}  # noqa: PTH119
        sources = {name: SourceFile(name, texts[file], own) for name, (own, file) in entry["sources"].items()}
        return One([_from_json(item, sources) for item in entry["found"]], texts, "day" in entry)


def _entry_path(options: argparse.Namespace, files: Sequence[str]) -> str | None:
    """The file of the entry; None for a check that is not kept."""
    if (
        len(files) < 2
        or options.untrusted
        or options.max_externs is not None
        or options.today is not None
        or options.target is not None
    ):
        return None
    return path_for(files[0], ("findings", options.env, sorted(options.params), options.max_externs))


def _read(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            found = json.load(file)["specs"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _reader(reading: set[str]) -> Callable[..., SourceFile | Diagnostic]:
    """Reads as every check does, and notes what was wanted, also where it is not there."""

    def read(path: Any, root: Any = None, name: str | None = None) -> SourceFile | Diagnostic:
        from mlspec.syntax import read_source

        reading.add(os.path.normpath(os.path.join(root or "", path)) if root else os.path.abspath(path))  # noqa: PTH100, PTH118
        return read_source(path, root, name)

    return read


def _span_to_json(span: Span | None, pointed: dict[str, SourceFile]) -> list[Any] | None:
    if span is None:
        return None
    pointed[span.source.name] = span.source
    return [span.source.name, span.start, span.end]


def _to_json(found: Diagnostic, pointed: dict[str, SourceFile]) -> dict[str, Any]:
    """A finding as JSON; the texts that it points into are added to `pointed`."""
    waived = found.waived
    return {
        "code": found.code.id, "severity": found.severity, "data": found.data, "span": _span_to_json(found.span, pointed),
        "notes": [[note.message, _span_to_json(note.span, pointed)] for note in found.notes],
        "edits": [[_span_to_json(edit.span, pointed), edit.text, edit.guess] for edit in found.edits],
        "waived": None if waived is None else [waived.name, waived.owner, waived.reason, waived.expires, waived.level, _span_to_json(waived.span, pointed)],
    }  # fmt: skip


def _from_json(item: dict[str, Any], sources: dict[str, SourceFile]) -> Diagnostic:
    def span(told: list[Any] | None) -> Any:
        return None if told is None else Span(sources[told[0]], told[1], told[2])

    notes = [Note(message, span(place)) for message, place in item["notes"]]
    edits = [Edit(span(place), text, guess) for place, text, guess in item["edits"]]
    found = Diagnostic(code(item["code"]), span(item["span"]), item["data"], notes, edits, item["severity"])
    if item["waived"] is not None:
        name, owner, reason, expires, level, place = item["waived"]
        found.waived = Waived(name, owner, reason, expires, level, span(place))
    return found
