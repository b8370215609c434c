"""How the outcome of tests is written: for people, as JSON, and as JUnit XML for CI systems."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from mlspec.testing.suite import FileTests


def render(files: Sequence[FileTests], format: str, *, color: bool = False, coverage: bool = False, quiet: bool = False) -> str:
    """All files in one format; `coverage` asks for what no test touches."""
    module = import_module(f"mlspec.testing.render.{format}")
    text: str = module.render(files, color=color, coverage=coverage, quiet=quiet)
    return text
