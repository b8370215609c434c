"""Reads `mlspec.toml`: every key known, every value of its type, every fault at its line and column."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from mlspec.diagnostics import Diagnostic, Edit, code
from mlspec.diagnostics.hidden import forbidden, shown
from mlspec.diagnostics.levels import LEVELS, why_not_lowered
from mlspec.policy.rows import EFFECT_LEVELS, ROWS, TABLES, row_of
from mlspec.source import SourceFile, Span
from mlspec.spec.findings import listing, nearest

if TYPE_CHECKING:
    from pathlib import Path

FILE = "mlspec.toml"
MAX_SETTINGS = 64 * 1024
MOST = 100
"""Characters of the file, and faults that are told."""

_SAID = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
_DUPLICATE = ("Cannot overwrite", "twice", "Cannot mutate", "Duplicate inline", "Cannot extend")
_EMPTY = re.compile(r"(?:[ \t\n]|#[^\n]*)*")


class Policy:
    """The settings of a project; `values` by dotted path, `spans` of their keys, `source` None where there is no file."""

    __slots__ = ("source", "spans", "values")

    def __init__(
        self, values: Mapping[str, Any] | None = None, spans: Mapping[str, Span] | None = None, source: SourceFile | None = None
    ) -> None:
        self.values = dict(values or {})
        self.spans = dict(spans or {})
        self.source = source

    def __repr__(self) -> str:
        return f"Policy({self.values!r})"

    def get(self, path: str) -> Any:
        """A setting, or its default."""
        row = row_of(path)
        return self.values.get(path, None if row is None else row[2])

    @property
    def tighten_only(self) -> bool:
        return bool(self.get("policy.tighten_only"))

    def level(self, id: str) -> str | None:
        """The level that the policy gives a code, None where it says nothing of it."""
        found: str | None = self.values.get(f"policy.codes.{id}")
        return found

    def effect_level(self, effect: str) -> str:
        """What a diff does about an effect."""
        if effect == "loosening" and self.tighten_only:
            return "error"
        return str(self.values.get(f"policy.effects.{effect}", EFFECT_LEVELS[effect]))

    def signers(self, what: str, spec_approvers: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Who may sign for a code, an effect or "override": those named for it, else all approvers, else those of the spec."""
        for path in (f"policy.approve.{what}", "policy.approvers"):
            if path in self.values:
                return tuple(self.values[path])
        return spec_approvers


def load_policy(root: str | Path) -> tuple[Policy, list[Diagnostic]]:
    """The policy in a folder and what is wrong with it; no file is the policy of the defaults."""
    from mlspec.syntax import read_source

    path = os.path.join(root, FILE)  # noqa: PTH118 - on the check path
    if not os.path.lexists(path):
        return Policy(), []
    found = read_source(FILE, root=root, name=_shown(path))
    if isinstance(found, Diagnostic):
        return Policy(), [found]
    return read_policy(found)


def _shown(path: str) -> str:
    """The path as a person here would type it."""
    return os.path.relpath(path)


def read_policy(source: SourceFile) -> tuple[Policy, list[Diagnostic]]:
    """The policy that a text holds, and every fault in it. Settings with a fault are left at their defaults."""
    if len(source.text) > MAX_SETTINGS:
        data = {
            "what": "the file",
            "limit": f"{MAX_SETTINGS // 1024} KiB",
            "got": f"{len(source.text) // 1024} KiB",
            "name": source.name,
        }
        return Policy(source=source), [Diagnostic(code("MLS005"), Span(source, 0, 1), data)]
    hidden = [_hidden(source, offset, id) for offset, id in islice(forbidden(source.text), MOST)]
    if hidden:
        return Policy(source=source), hidden
    match = _EMPTY.match(source.text)
    if match is not None and match.end() == len(source.text):
        return Policy(source=source), []
    table = _parsed(source)
    if isinstance(table, Diagnostic):
        return Policy(source=source), [table]
    from mlspec.policy.places import places_of

    try:
        places = places_of(source.text)
    except RecursionError:
        return Policy(source=source), [_too_deep(source)]
    reader = _Reader(source, places)
    reader.table(table, ())
    reader.contradictions()
    return Policy(reader.values, reader.spans, source), sorted(
        reader.found, key=lambda item: item.span.start if item.span else 0
    )


def _hidden(source: SourceFile, offset: int, id: str) -> Diagnostic:
    return Diagnostic(code(id), Span(source, offset, offset + 1), {"char": shown(source.text[offset])})


def _parsed(source: SourceFile) -> dict[str, Any] | Diagnostic:
    import tomllib

    # A key of thousands of parts takes `tomllib` a time that grows with their square.
    if any(line.count(".") > MOST and not line.lstrip().startswith("#") for line in source.text.split("\n")):
        return _too_deep(source)
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        return _syntax(source, str(error))
    except RecursionError:
        return _too_deep(source)
    except ValueError as error:
        return _syntax(source, f"{error} (at line 1, column 1)")


def _too_deep(source: SourceFile) -> Diagnostic:
    return Diagnostic(code("MLS006"), Span(source, 0, 1), {"what": f"`{FILE}` is nested too deep"})


def _syntax(source: SourceFile, said: str) -> Diagnostic:
    """A fault that `tomllib` found, at its place; the same key twice is a duplicate as in a spec."""
    match = _SAID.match(said)
    why, line, column = (match[1], match[2], match[3]) if match is not None else (said, None, None)
    length = len(source.text)
    start = length if line is None else min(length, _offset(source, int(line), int(column or 1)))
    if any(word in why for word in _DUPLICATE):
        line_text = source.line(source.position(start)[0])
        at = start - source.position(start)[1] + 1
        name = line_text.partition("=")[0].strip(" \t[]")
        return Diagnostic(code("MLS102"), Span(source, at, at + len(line_text)), {"kind": "setting", "name": name})
    start = min(start, max(0, length - 1))
    data = {"name": FILE, "why": why[:1].lower() + why[1:], "hint": "" if line else "the text ends too early"}
    return Diagnostic(code("MLS116"), Span(source, start, start + 1), data)


def _offset(source: SourceFile, line: int, column: int) -> int:
    """The offset of a line and column, both from 1."""
    starts = [0]
    for text in source.text.split("\n"):
        starts.append(starts[-1] + len(text) + 1)
    return starts[line - 1] + column - 1


class _Reader:
    """Walks the tables of a text and keeps what fits the rows."""

    def __init__(self, source: SourceFile, places: Mapping[tuple[str, ...], tuple[int, int, int, int]]) -> None:
        self.source = source
        self.places = places
        self.values: dict[str, Any] = {}
        self.spans: dict[str, Span] = {}
        self.found: list[Diagnostic] = []

    def table(self, table: Mapping[str, Any], prefix: tuple[str, ...]) -> None:
        """Every key of a table."""
        for key, value in table.items():
            if len(self.found) >= MOST:
                return
            path = (*prefix, key)
            dotted = ".".join(path)
            if dotted in TABLES:
                if isinstance(value, dict):
                    self.table(value, path)
                else:
                    self._type(path, value, "a table")
            elif "." in key or row_of(dotted) is None:
                self._unknown(path)
            elif self._named(path):
                self._value(path, value)

    def _span(self, path: tuple[str, ...], value: bool = False) -> Span:
        place = self.places.get(path, (0, 0, 0, 0))
        return Span(self.source, *(place[2:] if value else place[:2]))

    def _say(self, id: str, span: Span, edit: str = "", **data: str) -> None:
        # A key in quotes or dots is left alone: the edit would not fit its spelling.
        edits = [Edit(span, edit, guess=True)] if edit and span.text.isidentifier() else []
        self.found.append(Diagnostic(code(id), span, {name: text for name, text in data.items() if text}, (), edits))

    def _unknown(self, path: tuple[str, ...]) -> None:
        above = ".".join(path[:-1])
        names = [name[len(above) + 1 if above else 0 :] for name in (*(row[0] for row in ROWS), *TABLES)
                 if name.rpartition(".")[0] == above and not name.endswith("*")]  # fmt: skip
        elsewhere = next((row[0] for row in ROWS if row[0].rpartition(".")[2] == path[-1]), "")
        self._say(
            "MLS105", self._span(path), near := nearest(path[-1], names), noun="setting", kind=f"`[{above}]`" if above else f"`{FILE}`",
            name=path[-1], known=listing(names), nearest=near, hint=f"`{elsewhere}` is one" if elsewhere and not near else "",
        )  # fmt: skip

    def _named(self, path: tuple[str, ...]) -> bool:
        """Whether the name under `codes`, `effects` or `approve` is a code, an effect, or `override`."""
        table, name = path[-2], path[-1]
        if len(path) < 3:
            return True
        known = {"codes": (), "effects": tuple(EFFECT_LEVELS), "approve": (*EFFECT_LEVELS, "override")}[table]
        if name in known or (table != "effects" and _is_code(name)):
            return True
        kind = {"codes": "code", "effects": "effect", "approve": "code or effect"}[table]
        near = nearest(name, known) or (near_code(name) if table != "effects" else "")
        shown_ = listing(known)
        self._say("MLS101", self._span(path), near, kind=kind, name=name, known=shown_, nearest=near,
                  hint="" if near or table == "effects" else "`docs/errors/README.md` lists all codes")  # fmt: skip
        return False

    def _value(self, path: tuple[str, ...], value: Any) -> None:
        dotted = ".".join(path)
        row = row_of(dotted)
        assert row is not None
        read = _fit(row[1], value)
        if read is None:
            self._type(path, value, _wanted(row[1]))
        elif self._permitted(path, read):
            self.values[dotted] = read
            self.spans[dotted] = self._span(path)

    def _type(self, path: tuple[str, ...], value: Any, wanted: str) -> None:
        span = self._span(path, value=True)
        text = " ".join(span.text.split())
        self._say(
            "MLS201", span, what=f"`{'.'.join(path)}`", wanted=wanted, got=f"`{text[:60]}`" if text else type(value).__name__
        )

    def _permitted(self, path: tuple[str, ...], level: Any) -> bool:
        """Whether a level is one that the code may have; `mlspec/diagnostics/levels.py` says which and why."""
        if path[:-1] != ("policy", "codes"):
            return True
        row = code(path[-1])
        why = why_not_lowered(row.id, row.severity)
        if not why or LEVELS.index(level) <= LEVELS.index(row.severity):
            return True
        self._say("MLS517", self._span(path, value=True), what=f"{row.id} ({row.slug.replace('-', ' ')})", got=f"`{level}`",
                  wanted=f"`{row.severity}`" if row.severity == "error" else f"`{row.severity}` or `error`", why=why,
                  hint=_waiver_hint(row.id))  # fmt: skip
        return False

    def contradictions(self) -> None:
        """Settings that undo each other."""
        loose = self.values.get("policy.effects.loosening", "error")
        if self.values.get("policy.tighten_only") and loose != "error":
            self._say("MLS517", self._span(("policy", "effects", "loosening"), value=True), what="loosening", got=f"`{loose}`",
                      wanted="`error`", why="`tighten_only = true` says that no change may loosen")  # fmt: skip


def _waiver_hint(id: str) -> str:
    from mlspec.diagnostics.levels import WAIVABLE

    return f"at one place and for a time it may be waived: {WAIVABLE[id]}" if id in WAIVABLE else ""


def _is_code(name: str) -> bool:
    try:
        code(name)
    except KeyError:
        return False
    return True


def near_code(name: str) -> str:
    """The code that a misspelt one was probably meant to be: letters for digits, or its slug; "" where none is near."""
    from mlspec.diagnostics import all_codes

    rows = all_codes()
    slugs = {row.slug: row.id for row in rows}
    digits = name.upper().translate(str.maketrans("OIL", "011", "-_ ")).replace("M1S", "MLS")
    if _is_code(digits):
        return digits
    found = nearest(name.replace("_", "-"), slugs)
    return slugs.get(found, "")


def _fit(form: Any, value: Any) -> Any:
    """The value where it has the form; None where it has not."""
    head, *bounds = (form,) if isinstance(form, str) else form
    if head == "bool":
        return value if isinstance(value, bool) else None
    if head == "int":
        return value if type(value) is int and bounds[0] <= value <= bounds[1] else None
    if head == "enum":
        return value if isinstance(value, str) and value in bounds else None
    fits = isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)
    return tuple(value) if fits and len(set(value)) == len(value) else None


def _wanted(form: Any) -> str:
    head = form if isinstance(form, str) else form[0]
    if head == "bool":
        return "`true` or `false`"
    if head == "int":
        return f"a whole number from {form[1]} to {form[2]}"
    if head == "enum":
        return "one of " + listing([f'"{word}"' for word in form[1:]])
    return 'a list of names, each once: `["ml-risk"]`'
