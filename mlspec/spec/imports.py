"""`use "./file.mlspec" as name`: files read once, cycles and excess reported."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from mlspec.spec.findings import Findings
from mlspec.spec.model import Spec
from mlspec.spec.published import publish
from mlspec.spec.scope import Scope
from mlspec.syntax.nodes import Expr, File, Patch, Use

MAX_FILES = 64
MAX_DEPTH = 8

Load = Callable[[str], "File | Reported | None"]
Check = Callable[[File, Findings, "Imports"], Spec]


class Reported:
    """In place of a file that was read and whose errors stand at their own places: nothing more is said of its import."""


class Imports:
    """The imports of one check: `chain` leads from the spec to the file that is being read, by path from the spec's folder."""

    def __init__(self, load: Load, root: File) -> None:
        self.load = load
        self.chain: list[str] = []
        self.done: dict[str, Spec] = {}
        self.broken: dict[str, set[str]] = {}  # by path, the names of a file whose declaration has an error
        self.env: str | None = None
        self.patches: dict[str, dict[str, Patch]] = {}  # by path, what the chosen env of the spec sets in that file
        self.parameters: dict[str, dict[str, Expr]] = {}  # by path, the values that `-p` gives its params
        self.root = root.span.source.name

    def path_of(self, written: str) -> str:
        """The path from the spec's folder that a `use` of the file that is being read means."""
        base = posixpath.dirname(self.chain[-1]) if self.chain else ""
        return posixpath.normpath(posixpath.join(base, written))


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
        path = imports.path_of(written)
        spec = _read(node, path, written, scope, imports, check)
        if spec is not None:
            scope.spec.imports[node.alias.text] = written
            scope.imports[node.alias.text] = publish(path, spec, scope, imports.broken[path])
            scope.spec.homes[node.alias.text] = scope.imports[node.alias.text]
            return
    scope.broken.add(node.alias.text)


def _refused(path: str) -> str:
    """Why a path is no import, "" if it may be one."""
    if "\\" in path or "\0" in path:
        return "holds a character that is no part of a path"
    if path.startswith(("/", "~")) or "://" in path or path[1:2] == ":":
        return "is not relative"
    return "" if path.endswith(".mlspec") else "does not end in `.mlspec`"


def give(file: File, scope: Scope, imports: Imports) -> None:
    """Hands what an env and `-p` of the spec say of imported blocks to the check of their files: only there are they bound."""
    imports.env = scope.env
    for node in file.statements:
        if isinstance(node, Use) and not _refused(str(node.path.value)):
            path, head = imports.path_of(str(node.path.value)), f"{node.alias.text}."
            own = {name.removeprefix(head): patch for name, patch in scope.patches.items() if name.startswith(head)}
            imports.patches.setdefault(path, {}).update(own)
            _give_parameters(head, imports.parameters.setdefault(path, {}), scope)


def _give_parameters(head: str, there: dict[str, Expr], scope: Scope) -> None:
    """The values of `-p` for one alias of a file; two aliases are two names of one param, which has one value."""
    for name in [name for name in scope.parameters if name.startswith(head)]:
        value = scope.parameters.pop(name)
        if there.setdefault(name.removeprefix(head), value) is not value:
            scope.findings.add("MLS102", value.span, kind="param", name=name)


def direct_aliases(file: File, imports: Imports) -> dict[str, str]:
    """The first alias of each file that a file imports itself, by path: what is also met further down goes by that name."""
    uses = [node for node in file.statements if isinstance(node, Use) and not _refused(str(node.path.value))]
    return {imports.path_of(str(node.path.value)): node.alias.text for node in reversed(uses)}


def _read(node: Use, path: str, written: str, scope: Scope, imports: Imports, check: Check) -> Spec | None:
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
    if isinstance(file, Reported):
        return None
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
