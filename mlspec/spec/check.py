"""Checks a parsed file: binds its blocks from top to bottom, and says what is wrong with names and types."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable

from mlspec.diagnostics import Diagnostic, Note
from mlspec.source import Span
from mlspec.spec.bind import bind_block
from mlspec.spec.environments import check_env, choose_env, read_parameters
from mlspec.spec.findings import Findings, nearest
from mlspec.spec.imports import Imports, Load, bind_use, direct_aliases, give
from mlspec.spec.model import Block, Spec
from mlspec.spec.needed import needed_blocks, stages_apart
from mlspec.spec.scope import Declared, Scope
from mlspec.spec.sound import sound_part
from mlspec.syntax import nodes
from mlspec.syntax.nodes import File

# A file of these alone is there to be imported: that it uses them itself is not to be expected.
_FOR_OTHERS = frozenset(
    ("spec", "param", "secret", "channel", "entity", "env", "source", "frame", "split", "features", "prompt", "extern")
)

Then = Callable[[Spec], list[Diagnostic]]

# Kinds that exist to be referred to: one that nothing refers to is reported as unused.
_REFERRED = frozenset(
    ("param", "secret", "channel", "entity", "source", "frame", "split", "features", "model", "prompt", "extern", "use", "compress", "train")
)  # fmt: skip


def check_spec(
    file: File,
    *,
    load: Load,
    env: str | None = None,
    params: dict[str, str] | None = None,
    then: Then | None = None,
    lost: frozenset[str] | None = None,
) -> tuple[Spec | None, list[Diagnostic]]:
    """The checked spec and what was found, in order of the text.

    `load` gives the file that a `use` names, None where there is none; `env` is the environment in force and `params` the
    `-p name=value` of the command line. The spec is None when an error keeps it from having a meaning; MLS901 alone does not.
    `then` says more of a checked spec; of one with errors it is shown the part without any. `lost` are the names that statements
    with syntax errors may declare: they are not reported as unknown, nor is what only the whole file shows.
    """
    findings = Findings()
    spec = _check(file, findings, Imports(load, file), env, params or {}, lost)
    findings.found.sort(key=_place)
    fatal = lost is not None or any(found.severity == "error" and found.code.id != "MLS901" for found in findings.found)
    more = then(sound_part(spec, findings) if fatal else spec) if then is not None else []
    return (None if fatal else spec), [*findings.found, *more]


def bind_spec(
    file: File, *, load: Load, env: str | None = None, lost: frozenset[str] | None = None
) -> tuple[Spec, list[Diagnostic]]:
    """What can be bound of a file that may have errors, and those errors: for readers that say what they can, never for a run."""
    findings = Findings()
    return _check(file, findings, Imports(load, file), env, {}, lost), findings.found


def _place(found: Diagnostic) -> tuple[str, int]:
    return (found.span.source.name, found.span.start) if found.span is not None else ("", -1)


def _check(
    file: File,
    findings: Findings,
    imports: Imports,
    env: str | None,
    params: dict[str, str],
    lost: frozenset[str] | None = None,
) -> Spec:
    spec = Spec(file.edition or "")
    scope = Scope(spec, findings)
    scope.statements = [statement.span for statement in file.statements]
    if lost is not None:
        scope.broken |= lost
        findings.errors += 1  # of the syntax: rules that ask for something missing hold their tongue
    _declare(file.statements, scope)
    scope.direct = direct_aliases(file, imports)
    if lost is None:
        choose_env(file, scope, env)
    read_parameters(params, scope, file)
    if imports.chain:
        path = imports.chain[-1]
        scope.env, scope.patches, scope.parameters = (
            imports.env,
            imports.patches.get(path, {}),
            imports.parameters.get(path, {}),
        )
    else:
        give(file, scope, imports)
    for statement in file.statements:
        _statement(statement, scope, imports)
    if lost is None:
        _finish(file, scope, params, imported=bool(imports.chain))
    if imports.chain:
        imports.broken[imports.chain[-1]] = scope.broken | scope.absent
    else:
        spec.needed = needed_blocks(spec)
        stages_apart(spec, findings)
    return spec


def _declare(statements: Iterable[nodes.Stmt], scope: Scope) -> None:
    """Notes every name that the file declares; names differ by more than case (102)."""
    folded: dict[str, Declared] = {}
    for statement in statements:
        kind, name = _name_of(statement)
        if name is None:
            continue
        first = folded.get(name.text.lower())
        if first is not None:
            scope.findings.add("MLS102", name.span, [Note("first declared here", first.span)], kind=kind, name=name.text)
            scope.broken.add(name.text)  # which of the two a reference means is open
            scope.doubled |= {name.text, next(each for each in scope.declared if each.lower() == name.text.lower())}
            continue
        alone = None if statement.doc else statement.span
        folded[name.text.lower()] = scope.declared[name.text] = Declared(kind, name.span, alone)


def _name_of(statement: nodes.Stmt) -> tuple[str, nodes.Name | None]:
    if isinstance(statement, nodes.Use):
        return "use", statement.alias
    if isinstance(statement, nodes.Extern):
        return "extern", statement.label
    if isinstance(statement, nodes.Block):
        return (statement.kind.text, statement.label if statement.kind.text not in ("env", "spec") else None)
    if isinstance(statement, nodes.Setting | nodes.Declare):
        return statement.name.text, statement.label
    return "", None


def _statement(statement: nodes.Stmt, scope: Scope, imports: Imports) -> None:
    if isinstance(statement, nodes.Use):
        bind_use(statement, scope, imports, _import)
        return
    if isinstance(statement, nodes.Define | nodes.Patch) or (isinstance(statement, nodes.Declare) and statement.label is None):
        scope.wrong(statement.span.text.split()[0], statement.span, "statement of a block", "a block, `use` or declaration")
        return
    if isinstance(statement, nodes.Setting) and statement.label is None:
        scope.findings.add(
            "MLS105", statement.name.span, noun="field", kind="the file", name=statement.name.text, known="blocks",
            hint="a field stands in a block: the file itself has none",
        )  # fmt: skip
        return
    block = bind_block(statement, scope)
    if block is None:
        return
    if block.kind == "env":
        assert isinstance(statement, nodes.Block)
        check_env(statement, block, scope)
    _add(block, scope)


def _add(block: Block, scope: Scope) -> None:
    spec = scope.spec
    if block.kind == "spec":
        first = next(spec.of_kind("spec"), None)
        if first is not None:
            scope.findings.add("MLS102", block.head, [Note("first declared here", first.head)], kind="block", name="spec")
            return
        spec.name = block.name
        spec.unnamed.insert(0, block)
    elif block.kind == "env" or not block.name:
        spec.unnamed.append(block)
    elif block.name not in spec.blocks:
        spec.blocks[block.name] = block


def _finish(file: File, scope: Scope, params: dict[str, str], imported: bool) -> None:
    """What only the end of the file shows: no `spec` block, values for unknown params, unused names."""
    spec = scope.spec
    kinds = [statement.kind.text for statement in file.statements if isinstance(statement, nodes.Block)]
    if not any(nearest(kind, ("spec",)) for kind in kinds):
        place = file.statements[0].span if file.statements else file.span
        start = Span(place.source, place.start, place.start + 1)
        scope.findings.add(
            "MLS106",
            start,
            kind="the file",
            block=posixpath.basename(place.source.name),
            name="spec",
            wanted="a block that names the spec and its owner",
            fix='spec NAME { owner = "…" }',
        )
    for name in scope.parameters:
        known = [block.name for block in spec.of_kind("param")]
        scope.findings.unknown("MLS101", Span(file.span.source, 0, 0), name, known, kind="param given by `-p`")
    working = any(block.kind not in _FOR_OTHERS for block in (*spec.blocks.values(), *spec.unnamed) if not block.alias)
    if working and not imported and not scope.findings.errors:
        _unused(scope)


def _unused(scope: Scope) -> None:
    for name, declared in scope.declared.items():
        if declared.kind in _REFERRED and name not in scope.used:
            kind = "import" if declared.kind == "use" else declared.kind
            scope.findings.add("MLS107", declared.span, kind=kind, name=name)


def _import(file: File, findings: Findings, imports: Imports) -> Spec:
    """Checks an imported file; of the envs and `-p` only what the spec says of this file's blocks is in force."""
    return _check(file, findings, imports, None, {})
