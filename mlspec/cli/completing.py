"""What may stand where the cursor is: from the parsers of the commands, and from the spec that the line names.

Candidates are `value TAB what it means` lines; one that ends in `/`, `=` or `#` is to be gone on with.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from mlspec.cli.dispatch import COMMANDS, module_of, parser_of

if TYPE_CHECKING:
    from mlspec.syntax.nodes import Stmt

# What a value is, by the name that the help shows it under. A value that nobody can know beforehand is "".
SOURCES = {
    "PATH": "spec", "SPEC": "spec", "SPEC|RUN": "spec", "OLD": "spec", "NEW": "spec", "REPORT": "file", "FILE": "file", "FILE:LINE": "file",
    "DIR": "folder", "FOLDER": "folder", "ENV": "env", "CODE": "code", "KIND": "kind", "TARGET": "target", "A,B": "targets",
    "NAME=VALUE": "param", "EFFECT": "effect", "EDITION": "edition",
}  # fmt: skip
UNKNOWN = frozenset(
    ("NAME", "LOGIN", "DATE", "PERCENT", "RUN", "STAGE", "N", "HOST", "PORT", "VARIABLE", "TEXT", "RECORD", "DIGEST", "COLUMN",
     "TARGET.NAME=VALUE", "WORD", "LINE", "BREAKS", "VERSION")
)  # fmt: skip
NAMED = {"serve": "serve", "score": "score", "monitor": "monitor", "override": "gates", "promote": "gates", "rollback": "gates"}
"""The kind of block that `SPEC#name` chooses, by command."""


class Candidate(NamedTuple):
    """A word, and what it means."""

    value: str
    help: str = ""


def candidates(words: Sequence[str]) -> list[Candidate]:
    """What the last of the words of a command line, without `mlspec`, may become."""
    *before, current = words or [""]
    if len(before) >= 2 and before[0] == "-C":
        before = before[2:]
    elif before == ["-C"]:
        return list(_matching(current, _paths(current, "")))
    if not before:
        return list(_matching(current, [Candidate(name, text) for name, text in COMMANDS.items()]))
    name, *rest = before
    if name not in COMMANDS:
        return []
    return list(_matching(current, _Line(name, rest, current).found()))


def _matching(current: str, found: Iterable[Candidate]) -> Iterator[Candidate]:
    return (item for item in found if item.value.startswith(current))


class _Line:
    """The words of one command up to the cursor."""

    def __init__(self, command: str, words: Sequence[str], current: str) -> None:
        self.command = command
        self.current = current
        self.parser = parser_of(command, import_module(module_of(command)))
        self.flags = {flag: action for action in self.parser._actions for flag in action.option_strings}
        self.given: list[str] = []
        self.used: set[str] = set()
        self.awaited: argparse.Action | None = None
        self.only_places = False
        for word in words:
            self._read(word)

    def _read(self, word: str) -> None:
        if self.awaited is not None:
            self.awaited = None
        elif word == "--":
            self.only_places = True
        elif word.startswith("-") and len(word) > 1 and not self.only_places:
            action = self.flags.get(word.partition("=")[0])
            if action is not None:
                self.used.add(action.dest)
                self.awaited = action if action.nargs != 0 and "=" not in word else None
        else:
            self.given.append(word)

    def found(self) -> list[Candidate]:
        """What fits at the cursor."""
        if self.awaited is not None:
            return self._values(self.awaited, self.current)
        flag, sign, value = self.current.partition("=")
        if sign and flag in self.flags and not self.only_places:
            return [Candidate(f"{flag}={item.value}", item.help) for item in self._values(self.flags[flag], value)]
        if self.current.startswith("-") and not self.only_places:
            return [Candidate(flag, _help(action)) for flag, action in self.flags.items() if self._wanted(action)]
        place = self._place()
        return [] if place is None else self._values(place, self.current)

    def _wanted(self, action: argparse.Action) -> bool:
        again = action.dest not in self.used or isinstance(action, argparse._AppendAction | argparse._CountAction)
        return again and action.help is not argparse.SUPPRESS

    def _place(self) -> argparse.Action | None:
        """The positional argument that the current word is."""
        places = [action for action in self.parser._actions if not action.option_strings]
        if not places:
            return None
        many = places[-1].nargs in ("*", "+")
        at = min(len(self.given), len(places) - 1) if many else len(self.given)
        return places[at] if at < len(places) else None

    def _values(self, action: argparse.Action, current: str) -> list[Candidate]:
        if action.choices:
            return [Candidate(str(choice)) for choice in action.choices]
        source = source_of(action)
        if source in ("env", "param"):
            return _of_specs(self.given, source)
        if source == "spec":
            path, sign, _ = current.partition("#")
            named = NAMED.get(self.command)
            if sign and named:
                return [Candidate(f"{path}#{item.value}", item.help) for item in _of_specs([path], named)]
            return list(_paths(current, ".mlspec"))
        if source in ("file", "folder"):
            return list(_paths(current, "" if source == "file" else None))
        return _FIXED[source](current) if source in _FIXED else []


def source_of(action: argparse.Action) -> str:
    """What the values of an argument are, "" where nobody can know."""
    name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return SOURCES.get(name, "")


def _help(action: argparse.Action) -> str:
    return (action.help or "") % {"default": action.default, "prog": "mlspec"}


def _paths(current: str, suffix: str | None) -> Iterator[Candidate]:
    """Folders, and files that end so; hidden ones where a dot was typed. None: folders alone."""
    folder, _, name = current.rpartition("/")
    start = folder + "/" if folder or current.startswith("/") else ""
    try:
        with os.scandir(os.path.expanduser(start) or ".") as entries:  # noqa: PTH111
            found = sorted(
                (entry.name, entry.is_dir()) for entry in entries if name[:1] == "." or not entry.name.startswith(".")
            )
    except OSError:
        return
    for item, is_folder in found:
        if not item.isprintable():
            continue  # neither a terminal nor a line-based protocol may meet it
        if is_folder:
            yield Candidate(f"{start}{item}/")
        elif suffix is not None and item.endswith(suffix):
            yield Candidate(start + item)


def _of_specs(paths: Sequence[str], wanted: str) -> list[Candidate]:
    """The names that a spec of the line declares: its environments, its params, its blocks of a kind."""
    from mlspec.syntax.nodes import Block, Declare

    found: dict[str, Candidate] = {}
    for path in paths:
        for item in _statements(path.partition("#")[0]):
            if isinstance(item, Declare) and item.label is not None and wanted == "param" == item.name.text:
                found.setdefault(item.label.text, Candidate(f"{item.label.text}=", _first(item.doc)))
            elif isinstance(item, Block) and item.label is not None and item.kind.text == wanted:
                found.setdefault(item.label.text, Candidate(item.label.text, _first(item.doc)))
    return list(found.values())


def _first(doc: str) -> str:
    return doc.partition("\n")[0]


def _statements(path: str) -> Sequence[Stmt]:
    """The statements of a spec as far as they can be read: a line is completed while the spec is being written."""
    from mlspec.source import SourceFile
    from mlspec.syntax import parse, read_source

    source = read_source(os.path.expanduser(path))  # noqa: PTH111
    if not isinstance(source, SourceFile):
        return ()
    tree = parse(source)[0]
    return () if tree is None else tree.statements


def _codes(current: str) -> list[Candidate]:
    from mlspec.diagnostics import all_codes

    return [Candidate(row.id, row.slug.replace("-", " ")) for row in all_codes()]


def _kinds(current: str) -> list[Candidate]:
    from mlspec.spec import schema

    return [Candidate(name, row.doc) for name in schema.kinds() if (row := schema.kind(name)) is not None]


def _targets(current: str) -> list[Candidate]:
    from mlspec.registry import entries

    return [Candidate(name) for name in dict.fromkeys(entry.name for entry in entries())]


def _several(current: str) -> list[Candidate]:
    """Targets by commas: those behind the last comma."""
    head, comma, _ = current.rpartition(",")
    return [Candidate(f"{head}{comma}{item.value}") for item in _targets("") if item.value not in head.split(",")]


def _effects(current: str) -> list[Candidate]:
    from mlspec.cli.diff import FAIL_ON

    return [Candidate(effect) for effect in FAIL_ON]


def _editions(current: str) -> list[Candidate]:
    from mlspec.syntax.layout import EDITIONS

    return [Candidate(edition) for edition in EDITIONS]


_FIXED: dict[str, Callable[[str], list[Candidate]]] = {
    "code": _codes, "kind": _kinds, "target": _targets, "targets": _several, "effect": _effects, "edition": _editions,
}  # fmt: skip
