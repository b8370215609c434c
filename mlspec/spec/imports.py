"""`use "./file.mlspec" as name`: files read once, cycles and excess reported."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Spec
from mlspec.spec.scope import Scope
from mlspec.syntax.nodes import File, Use

MAX_FILES = 64
MAX_DEPTH = 8

Load = Callable[[str], File | None]
Check = Callable[[File, Findings, "Imports"], Spec]


class Imports:
    """The imports of one check: `chain` leads from the spec to the file that is being read, by path from the spec's folder."""

    def __init__(self, load: Load, root: File) -> None:
        self.load = load
        self.chain: list[str] = []
        self.done: dict[str, Spec] = {}
        self.root = root.span.source.name


def bind_use(node: Use, scope: Scope, imports: Imports, check: Check) -> None:
    """Reads and checks an imported file, and makes its blocks known as `alias.name`."""
    written = str(node.path.value)
    why = _refused(written)
    if written.startswith("pkg:"):
        scope.findings.add("MLS901", node.path.span, what=f"the package import `{written}`")
    elif why:
        scope.findings.add(
            "MLS114", node.path.span, name=written, why=why, hint='write it as `"./name.mlspec"`, relative to this file'
        )
    else:
        spec = _read(node, written, scope, imports, check)
        if spec is not None:
            _publish(node, spec, scope)
            return
    scope.broken.add(node.alias.text)


def _refused(path: str) -> str:
    """Why a path is no import, "" if it may be one."""
    if "\\" in path or "\0" in path:
        return "holds a character that is no part of a path"
    if path.startswith(("/", "~")) or "://" in path or path[1:2] == ":":
        return "is not relative"
    return "" if path.endswith(".mlspec") else "does not end in `.mlspec`"


def _read(node: Use, written: str, scope: Scope, imports: Imports, check: Check) -> Spec | None:
    base = posixpath.dirname(imports.chain[-1]) if imports.chain else ""
    path = posixpath.normpath(posixpath.join(base, written))
    if path in imports.done:
        return imports.done[path]
    if path in imports.chain or path == posixpath.basename(imports.root):
        chain = [*imports.chain[imports.chain.index(path) :], path] if path in imports.chain else [*imports.chain, path]
        scope.findings.add("MLS110", node.path.span, name=path, chain=" → ".join(chain))
        return None
    if len(imports.done) + len(imports.chain) >= MAX_FILES:
        scope.findings.add(
            "MLS115", node.path.span, what="too many files", limit=f"{MAX_FILES} files", got=f"more than {MAX_FILES}"
        )
        return None
    if len(imports.chain) >= MAX_DEPTH:
        scope.findings.add("MLS115", node.path.span, what="imports inside imports", limit=f"{MAX_DEPTH} levels", got="one more")
        return None
    file = imports.load(path)
    if file is None:
        scope.findings.add(
            "MLS114",
            node.path.span,
            name=written,
            why="names no spec file that can be read",
            hint="it is relative to this file",
        )
        return None
    imports.chain.append(path)
    spec = check(file, scope.findings, imports)
    imports.chain.pop()
    imports.done[path] = spec
    return spec


def _publish(node: Use, spec: Spec, scope: Scope) -> None:
    alias = node.alias.text
    scope.imports[alias] = spec
    scope.spec.imports[alias] = str(node.path.value)
    for block in spec.blocks.values():
        if not block.alias:
            scope.spec.blocks[f"{alias}.{block.name}"] = _renamed(block, alias)


def _renamed(block: Block, alias: str) -> Block:
    """The same block under the name that the importing file gives it."""
    renamed = Block(block.kind, block.name, f"{alias}.{block.name}", block.span, block.head, block.doc)
    renamed.fields, renamed.columns, renamed.definitions = block.fields, block.columns, block.definitions
    renamed.parts, renamed.blocks, renamed.alias = block.parts, block.blocks, alias
    return renamed
