"""The names of a file: what is defined so far, what comes later, and what was used."""

from __future__ import annotations

from collections.abc import Iterable

from mlspec.diagnostics import Edit, Note
from mlspec.source import Span
from mlspec.spec.findings import Findings, article, nearest
from mlspec.spec.model import Block, Override, Spec
from mlspec.spec.values import Reference, Value
from mlspec.syntax.nodes import Expr, Name, Patch, Ref

# Kinds whose statements name nothing else of the file.
ALONE = ("secret", "channel", "entity")
MODELS = ("model", "search", "train", "compress")


def dotted(label: Name) -> Ref:
    """A label that refers, `given shared.people = …`, as the name that it is."""
    parts, start = [], label.span.start
    for word in label.text.split("."):
        start = label.span.source.text.index(word, start)
        parts.append(Name(Span(label.span.source, start, start + len(word)), word))
        start += len(word)
    return Ref(label.span, tuple(parts))


class Declared:
    """A name that the file declares somewhere: its kind and place."""

    __slots__ = ("kind", "span", "statement")

    def __init__(self, kind: str, span: Span, statement: Span | None = None) -> None:
        self.kind = kind
        self.span = span
        self.statement = statement  # the whole statement, where it stands alone: without `##` text above it


class Scope:
    """The flat namespace of one file while it is checked from top to bottom."""

    def __init__(self, spec: Spec, findings: Findings) -> None:
        self.spec = spec
        self.findings = findings
        self.declared: dict[str, Declared] = {}
        self.imports: dict[str, str] = {}  # `use` alias → the name under which the blocks of that file stand here
        self.direct: dict[str, str] = {}  # of a file that a `use` names, by path, the alias that its blocks go by
        self.used: set[str] = set()
        self.broken: set[str] = set()
        self.doubled: set[str] = set()  # declared twice: which of the two a path leads into is open
        self.without_positive: set[tuple[str, str]] = set()  # labels of two classes of which that was asked for
        self.nameless: set[str] = set()  # kinds of blocks whose name is missing: what nobody declares may be theirs
        self.statements: list[Span] = []  # of the file, in order
        self.moved: set[int] = set()
        self.absent: set[str] = set()  # reported: no declaration of it, and none that is near
        self.patches: dict[str, Patch] = {}
        self.parameters: dict[str, Expr] = {}
        self.env: str | None = None
        self.readable: set[str] = set()  # features blocks, each with what reads it, whose types are checked as model inputs
        self.nullable: dict[str, list[Reference]] = {}  # their features that may be null

    def get(self, name: str) -> Block | None:
        """The block `name` if it is defined above; marks it as used."""
        block = self.spec.blocks.get(name)
        if block is not None:
            self.used.add(name)
        return block

    def whole(self, node: Ref) -> Ref:
        """A dotted name with `alias.block` of another file as one name, so that it reads as a name of this file does."""
        if len(node.parts) < 2 or node.parts[0].text not in self.imports:
            return node
        alias, block = node.parts[:2]
        self.used.add(alias.text)
        name = Name(alias.span.to(block.span), f"{self.imports[alias.text]}.{block.text}")
        return Ref(node.span, (name, *node.parts[2:]))

    def nameable(self, block: Block) -> bool:
        """Whether this file can name a block: its own, and those of a file that it imports itself."""
        return not block.alias or block.alias in self.imports.values()

    def names(self, kinds: Iterable[str] = ()) -> list[str]:
        """The names defined so far, of these kinds or of all."""
        wanted = tuple(kinds)
        return [name for name, block in self.spec.blocks.items() if not wanted or block.kind in wanted]

    def missing(self, name: Name, kind: str, known: Iterable[str], hint: str = "") -> None:
        """Report a name that is not defined above: defined later (103), or nowhere (101)."""
        later = self.declared.get(name.text)
        file = name.text.rpartition(".")[0]
        if file in self.imports.values() and name.text not in self.broken:
            self._missing_there(name, file, kind)
            return
        if name.text in self.broken or name.text in self.absent or self._may_be_nameless(name, kind):
            self.findings.hidden.append(name.span)
            return
        if later is not None and name.text not in self.spec.blocks:
            note = Note("defined here", later.span)
            self.findings.add("MLS103", name.span, [note], self._move(later, name), name=name.text, kind=later.kind)
        else:
            names = list(known)
            if not nearest(name.text, names):  # what nobody declares is missing once, however often it is used
                self.absent.add(name.text)
            hint = hint or ("" if names else "nothing of that kind stands above this line: declare it first")
            self.findings.unknown("MLS101", name.span, name.text, names, kind=kind, hint=hint)

    def _missing_there(self, name: Name, file: str, kind: str) -> None:
        """Report a name that an imported file does not define (101), with what it imports itself as the way out."""
        text = name.text.rpartition(".")[2]
        known = [block.name.rpartition(".")[2] for block in self.spec.blocks.values() if block.alias == file]
        deeper = any(block.alias.startswith(f"{name.text}.") or block.alias == name.text for block in self.spec.blocks.values())
        hint = f"`{text}` is what that file imports: `use` it in this file to name its blocks" if deeper else ""
        span = Span(name.span.source, name.span.end - len(text), name.span.end)
        self.findings.unknown("MLS101", span, text, known, kind=kind, hint=hint)

    def _may_be_nameless(self, name: Name, kind: str) -> bool:
        """Whether a name is likely that of a block which was left without one."""
        return bool(self.nameless) and name.text not in self.declared and (kind in self.nameless or kind == "name")

    def _move(self, later: Declared, name: Name) -> list[Edit]:
        """Moves a statement that refers to nothing above the one that uses it; once, whatever the number of uses."""
        whole, source = later.statement, name.span.source
        top = next((span for span in self.statements if span.start <= name.span.start < span.end), None)
        if whole is None or top is None or later.kind not in ALONE or later.span.start in self.moved:
            return []
        text = source.text
        if text[: top.start].rstrip().rpartition("\n")[2].lstrip().startswith("#"):
            return []  # the text above belongs to the statement that uses the name
        self.moved.add(later.span.start)
        end = whole.end + (text[whole.end : whole.end + 1] == "\n")
        end += text[end : end + 1] == "\n"
        return [Edit(Span(source, top.start, top.start), whole.text + "\n\n"), Edit(Span(source, whole.start, end), "")]

    def wrong(self, name: str, span: Span, got: str, wanted: str, near: str = "", hint: str = "") -> None:
        """Report a name of the wrong kind (104)."""
        self.findings.add("MLS104", span, name=name, got=article(got), wanted=wanted, nearest=near, hint=hint)

    def overridden(self, path: str, old: Value | None, new: Value, override: str, by: str, span: Span | None) -> None:
        """Record that an env or `-p` put a value in place of the file's."""
        self.spec.overrides.append(Override(path, old, new, override, by, span))
