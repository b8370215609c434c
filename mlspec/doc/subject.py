"""What all pages of a site are about: the checked spec, its stages and its stored run, with the way from a place to its line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from mlspec.doc.stored import Stored, Taken
from mlspec.driver import Compilation
from mlspec.graph import Graph, Stage
from mlspec.page.html import Html, el
from mlspec.source import SourceFile, Span
from mlspec.spec import schema
from mlspec.spec.model import Block, Spec
from mlspec.spec.text import item_text, value_text
from mlspec.spec.values import Typed


class Cite(NamedTuple):
    """What an answer was read from: a line of the spec or an artifact of the run, and where the site shows it."""

    text: str
    href: str = ""


class Subject:
    """A spec without errors, and what its stored run found where there is one."""

    def __init__(self, found: Compilation, run: Stored | None) -> None:
        assert found.spec is not None, "only of a spec without errors"
        self.found = found
        self.spec: Spec = found.spec
        self.graph: Graph = found.graph
        self.run = run

    @cached_property
    def files(self) -> list[tuple[str, SourceFile]]:
        """The texts by their path from the project root: the spec's own first, then those of its imports by path."""
        own = self.found.source
        assert own is not None
        root = self.found.project.root
        imported = sorted(
            (os.path.relpath(path, root).replace(os.sep, "/"), item) for path, item in self.found.imported.items()
        )
        return [(os.path.relpath(self.found.path, root).replace(os.sep, "/"), own), *imported]

    @cached_property
    def _numbers(self) -> dict[str, tuple[int, str]]:
        return {source.name: (number, path) for number, (path, source) in enumerate(self.files)}

    def cite(self, span: Span | None) -> Cite | None:
        """`file:line` of a place, with the line on the page of the text; None without a place."""
        if span is None or span.source.name not in self._numbers:
            return None
        number, path = self._numbers[span.source.name]
        line = span.position[0]
        return Cite(f"{path}:{line}", f"spec.html#{line_id(number, line)}")

    def line(self, span: Span | None) -> Html:
        """The line of a place as a short link, for the cell of a table; the file is named where it is not the spec's own."""
        found = self.cite(span)
        if found is None:
            return el("span", "–")
        own = found.text.removeprefix(f"{self.files[0][0]}:")
        return el("a", f"line {own}" if own != found.text else found.text, href=found.href, class_="nowrap")

    def cite_at(self, where: str) -> Cite | None:
        """`file:line` of a dotted place."""
        return self.cite(self.spec.span_of(where))

    def cite_found(self, name: str) -> Cite | None:
        """What the run stored under `output.block`, by its digest."""
        digest = None if self.run is None else self.run.digests.get(name)
        return None if digest is None else Cite(f"{name} {digest[:12]}", f"stages.html#{artifact_id(digest)}")

    def blocks(self, *kinds: str) -> list[Block]:
        """The blocks of these kinds, the file's own."""
        return list(self.spec.of_kind(*kinds))

    def first(self, *kinds: str) -> Block | None:
        """The first block of a kind, None without any."""
        return next(iter(self.blocks(*kinds)), None)

    @property
    def documented(self) -> str:
        """What the `##` lines above the spec say."""
        return self.spec.settings.doc

    def taken(self, stage: Stage) -> Taken | None:
        """What a stage took, None where no run has it."""
        return None if self.run is None else self.run.stages.get(stage.id)

    @cached_property
    def readers(self) -> dict[tuple[str, str], list[str]]:
        """The features that read each column, by (source, column)."""
        found: dict[tuple[str, str], list[str]] = {}
        for block in self.blocks("features"):
            for feature in block.definitions.values():
                for column in sorted(feature.value.columns):
                    found.setdefault(column, []).append(feature.name)
        return found

    @property
    def min_cell(self) -> int:
        """How many rows must stand behind a cell that a page shows: the most that any report of the spec asks for."""
        asked = [made.get("min_cell") for block in self.blocks("explore") if (made := block.make("value")) is not None]
        return max([20, *(int(value) for value in asked if value)])


def line_id(file: int, line: int) -> str:
    """The anchor of a line on the page of the text."""
    return f"f{file}-{line}"


def artifact_id(digest: str) -> str:
    """The anchor of an artifact on the page of the stages."""
    return f"d-{digest[:16]}"


def field_text(block: Block, name: str) -> str:
    """A field of a block as the language writes it; "" where it has no value."""
    value = block.fields.get(name)
    row = schema.kind(block.kind)
    return "" if value is None or value.item is None else value_text(value, row.fields.get(name) if row else None)


def made_text(item: object) -> str:
    """A value as the language writes it."""
    return item_text(item, "")


def expression_text(value: Typed) -> str:
    """An expression as it was written, on one line."""
    return " ".join(value.span.text.split())


def cites(found: Iterable[Cite | None]) -> Html | None:
    """The list of what an answer was read from."""
    known = list(dict.fromkeys(item for item in found if item is not None))
    if not known:
        return None
    items = [el("li", el("a", el("code", item.text), href=item.href) if item.href else el("code", item.text)) for item in known]
    return el("ul", items, class_="cites", aria_label="Read from")


def size_text(count: int) -> str:
    """`1.5 MiB`."""
    if count >= 2**20:
        return f"{count / 2**20:.1f} MiB"
    return f"{count / 2**10:.1f} KiB" if count >= 2**10 else f"{count} B"
