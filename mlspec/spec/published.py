"""An imported file under the names of the file that imports it: `orders` of `shared.mlspec` becomes `shared.orders`.

What is bound stays bound: a copy of each block has its own names, and those of everything that it refers to, changed to what
they are here. So `orders` inside the imported file never means an `orders` of the file that imports it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from mlspec.spec.kinds import Type
from mlspec.spec.model import Attribute, Block, Column, Definition, Override, Part, Spec
from mlspec.spec.scope import Scope
from mlspec.spec.values import Bounds, Made, Reference, Typed, Value


def publish(path: str, spec: Spec, scope: Scope, broken: set[str]) -> str:
    """Makes the blocks of a file known in a scope; the name under which they stand, which is one for all imports of the file."""
    homes = {file: home for home, file in scope.spec.files.items()}
    if path in homes:
        return homes[path]
    home = scope.direct[path]
    here = {"": home}
    new = {home: path}
    for inner, file in spec.files.items():  # what the imported file imports
        here[inner] = homes.get(file) or scope.direct.get(file) or f"{home}.{inner}"
        if file not in homes:
            new[here[inner]] = file
    names = {block.name: f"{here[block.alias]}.{block.own_name}" for block in spec.blocks.values()}
    renaming = _Renaming(names, {block.name for block in spec.blocks.values() if block.kind == "extern"})
    for block in spec.blocks.values():
        if here[block.alias] in new:
            copy = renaming.block(block)
            copy.alias = here[block.alias]
            copy.folder = posixpath.dirname(new[copy.alias])
            scope.spec.blocks[copy.name] = copy
    scope.spec.files |= new
    scope.spec.spans |= {renaming.name(where): span for where, span in spec.spans.items() if renaming.knows(where)}
    scope.spec.overrides += [renaming.override(item) for item in spec.overrides if renaming.knows(item.path)]
    scope.broken |= {f"{home}.{name}" for name in broken if "." not in name}
    return home


class _Renaming:
    """Copies of what is bound, with the blocks that `names` holds under other names."""

    def __init__(self, names: Mapping[str, str], externs: set[str]) -> None:
        self.names = names
        self.code = {name: names[name] for name in externs}  # the only blocks that are called

    def knows(self, path: str) -> bool:
        """Whether a path leads into one of the blocks."""
        return self._block_of(path) is not None

    def name(self, path: str) -> str:
        """A path from the file, with the block that it begins with under its other name."""
        head = self._block_of(path)
        return path if head is None else self.names[head] + path[len(head) :]

    def _block_of(self, path: str) -> str | None:
        """The block that a path begins with, None where it is another thing's: an arm's, a member's alone."""
        while path not in self.names:
            path, dot, _ = path.rpartition(".")
            if not dot:
                return None
        return path

    def block(self, block: Block, top: bool = True) -> Block:
        """A copy of a block; the names of blocks inside another are its own, unless they refer."""
        name = self.names[block.name] if top else block.name
        copy = Block(block.kind, name, self.name(block.path), block.span, block.head, block.doc)
        copy.fields = {key: self.value(value) for key, value in block.fields.items()}
        copy.columns = {key: self._column(column) for key, column in block.columns.items()}
        copy.definitions = {key: self._definition(item) for key, item in block.definitions.items()}
        copy.parts = {key: self._part(part) for key, part in block.parts.items()}
        copy.blocks = [self.block(inner, top=inner.kind in _REFER and inner.name in self.names) for inner in block.blocks]
        return copy

    def override(self, item: Override) -> Override:
        """A copy of what an env put in place."""
        old = None if item.old is None else self.value(item.old)
        return Override(self.name(item.path), old, self.value(item.new), item.override, item.by, item.span)

    def _column(self, column: Column) -> Column:
        attrs = self._attributes(column.attrs)
        return Column(
            column.name, column.span, attrs, column.doc, self.name(column.source), self.type(column.type), column.sound
        )

    def _definition(self, item: Definition) -> Definition:
        return Definition(item.name, item.span, self._attributes(item.attrs), item.doc, self._typed(item.value))

    def _part(self, part: Part) -> Part:
        return Part(part.name, part.span, self._attributes(part.attrs), part.doc, part.share, part.interval)

    def _attributes(self, attrs: Mapping[str, Attribute]) -> dict[str, Attribute]:
        return {key: self._attribute(item) for key, item in attrs.items()}

    def _attribute(self, item: Attribute) -> Attribute:
        return Attribute(item.name, {key: self.value(value) for key, value in item.args.items()}, item.span)

    def value(self, value: Value) -> Value:
        """A copy of the value of a field or argument."""
        return Value(self.item(value.item), value.span, value.origin)

    def item(self, item: Any) -> Any:
        """What a value holds, with the names in it changed."""
        if isinstance(item, Reference):
            return self._reference(item)
        if isinstance(item, Value):
            return self.value(item)
        if isinstance(item, Made):
            return Made(item.name, item.group, {key: self.value(value) for key, value in item.args.items()}, item.span)
        if isinstance(item, Typed):
            return self._typed(item)
        if isinstance(item, Attribute):
            return self._attribute(item)
        if isinstance(item, Bounds):
            return Bounds(self.item(item.low), self.item(item.high))
        if isinstance(item, Type):
            return self.type(item)
        if isinstance(item, tuple):
            return tuple(self.item(part) for part in item)
        if isinstance(item, list):
            return [self.item(part) for part in item]
        return {key: self.item(part) for key, part in item.items()} if isinstance(item, dict) else item

    def _reference(self, found: Reference) -> Reference:
        return Reference(found.kind, self.name(found.block), found.member, found.span)

    def type(self, kind: Type) -> Type:
        """A type, whose entity is a block too."""
        if kind.entity is None and kind.item is None and not kind.members:
            return kind
        return Type(
            kind.name, kind.optional, values=kind.values, precision=kind.precision, scale=kind.scale,
            entity=None if kind.entity is None else self.name(kind.entity), item=None if kind.item is None else self.type(kind.item),
            members=tuple((key, self.type(part)) for key, part in kind.members), settings=kind.settings,
        )  # fmt: skip

    def _typed(self, value: Typed) -> Typed:
        read = {ref.block for ref in value.refs}
        form = _Form({name: new for name, new in self.names.items() if name in read}, self.code).of(value.form)
        return Typed(
            form, self.type(value.type), value.level, value.taint, value.span, tuple(self._reference(ref) for ref in value.refs),
            tuple((self.code.get(name, name), span) for name, span in value.calls), value.size,
        )  # fmt: skip


_REFER = frozenset(("given", "fit", "join"))  # blocks inside another whose label is the name of a block of the file


class _Form:
    """The form of an expression with the blocks that it reads under other names."""

    def __init__(self, names: Mapping[str, str], code: Mapping[str, str]) -> None:
        self.names = names
        self.code = code

    def of(self, form: Any) -> Any:
        """A copy of a form; of strings only those change that stand where a form holds a block."""
        if not self.names and not self.code:
            return form
        if isinstance(form, dict):
            return {key: self._option(key, part) for key, part in form.items()}
        if not isinstance(form, list | tuple) or not form or form[0] == "lit":
            return form
        if form[0] == "col":
            block, dot, column = form[1].rpartition(".")
            return ["col", f"{self._name(block)}{dot}{column}", *form[2:]]
        if form[0] == "metric":
            return ["metric", self.code.get(form[1], form[1]), self._name(form[2]), *(self.of(part) for part in form[3:])]
        if form[0] == "extern":
            return ["extern", self.code.get(form[1], form[1]), *(self.of(part) for part in form[2:])]
        if form[0] in ("features", "rows") and len(form) == 2:
            return [form[0], self._name(form[1])]
        if form[0] == "call":  # an argument that is a model is its name alone
            return ["call", form[1], [self._name(part) if isinstance(part, str) else self.of(part) for part in form[2]],
                    *(self.of(part) for part in form[3:])]  # fmt: skip
        return [self.of(part) for part in form]

    def _option(self, key: str, part: Any) -> Any:
        """A named argument: a secret, and the model that another is compared with, go by name."""
        return self._name(part) if isinstance(part, str) and key in ("secret", "of", "by") else self.of(part)

    def _name(self, found: Any) -> Any:
        return self.names.get(found, found) if isinstance(found, str) else found
