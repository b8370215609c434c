"""The functions of the public API; `mlspec` hands them out, and each loads what it needs when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlspec.diagnostics import Diagnostic
    from mlspec.driver import Compilation
    from mlspec.graph import Graph, Stage


class CompileError(Exception):
    """A spec has errors; `diagnostics` are all findings, by position."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        errors = [found for found in diagnostics if found.severity == "error"]
        first = f"{errors[0].span!r}: {errors[0].code.id} {errors[0].message}" if errors else "no error"
        super().__init__(first if len(errors) == 1 else f"{first} (and {len(errors) - 1} more)")
        self.diagnostics = diagnostics


def load(path: str | Path, env: str | None = None, params: Mapping[str, str] | None = None) -> Compilation:
    """A spec without errors; CompileError otherwise. `.graph` are its stages, `.plan` says what a run would do and why."""
    from mlspec.driver import Compilation

    compilation = Compilation(path, env, params)
    if not compilation.ok:
        raise CompileError(compilation.diagnostics)
    compilation.lookup = lambda stage: _behind_alias(compilation, stage)
    return compilation


def _behind_alias(compilation: Compilation, stage: Stage) -> dict[str, str]:
    """What a registry says of a stage that reads it."""
    from mlspec.runtime.track.lookup import leaf_of

    return leaf_of(compilation.project.root)(stage)


def check(path: str | Path, env: str | None = None, params: Mapping[str, str] | None = None) -> list[Diagnostic]:
    """Everything that is to be said about a spec, errors and warnings, by position."""
    from mlspec.driver import Compilation

    return Compilation(path, env, params).diagnostics


def compile(
    path: str | Path, target: str, env: str | None = None, params: Mapping[str, str] | None = None, **options: Any
) -> dict[str, str]:
    """The files of a target, relative path to text; nothing is written."""
    from mlspec.registry import load_backend

    graph: Graph = load(path, env, params).graph
    backend = load_backend(target)
    return dict(backend.emit(graph, backend.read_options({name: str(value) for name, value in options.items()})).files)
