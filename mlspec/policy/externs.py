"""Whether the code of externs is what was read and allowed: `mlspec.lock` holds its digest, `mlspec.toml` lets it run."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.diagnostics import Diagnostic, code
from mlspec.policy.settings import Policy
from mlspec.source import SourceFile, Span
from mlspec.spec.externs import code_files
from mlspec.spec.model import Block, Spec

if TYPE_CHECKING:
    from typing import Literal

Sources = Mapping[str, "SourceFile | Diagnostic"]
"""The files of externs by their paths in the spec, or why one cannot be read."""


def unlocked(spec: Spec, sources: Sources, root: Path, prefix: str, severity: Literal["warning", "error"]) -> list[Diagnostic]:
    """111 for each file of code that the lock does not hold as it is."""
    from mlspec.spec.lock import WAY_OUT, digest, why_unlocked

    found = []
    for block, path in _files(spec):
        source = sources.get(path)
        hint = WAY_OUT
        if isinstance(source, SourceFile):
            why, got = why_unlocked(root, _from_root(prefix, path), digest(source.text))
        elif source is None:
            why, got = "it is not read here", ""
        else:
            why, got, hint = (
                f"it {_unreadable(source)}",
                "no text to lock",
                f"put a plain file at `{path}`, or mend its name in the extern",
            )
        if why:
            data = {"name": path, "why": why, "got": got, "hint": hint}
            found.append(Diagnostic(code("MLS111"), _span(block, path), data, severity=severity))
    return found


def unreadable(spec: Spec, sources: Sources) -> list[Diagnostic]:
    """111 for each file of code that is not there to be locked: missing, a link, a folder, no text."""
    lost = {path: source for path, source in sources.items() if not isinstance(source, SourceFile)}
    return [item for item in unlocked(spec, lost, Path(), "", "error") if item.data["name"] in lost]


def _unreadable(source: Diagnostic) -> str:
    return str(source.data.get("why", "cannot be read"))


def refused(spec: Spec, sources: Sources, root: Path, prefix: str, policy: Policy) -> list[Diagnostic]:
    """Why code may not run: 111 where it is not locked, then 824 where no digest in `mlspec.toml` allows it."""
    found = unlocked(spec, sources, root, prefix, "error")
    if found:
        return found
    from mlspec.spec.lock import digest

    allowed = set(policy.get("extern.allow") or ())
    for block, path in _files(spec):
        source = sources[path]
        value = digest(source.text) if isinstance(source, SourceFile) else ""
        if value not in allowed:
            data = {
                "name": block.name,
                "why": f"`mlspec.toml` does not allow `{path}`",
                "wanted": "its digest in `[extern] allow`",
                "got": value,
                "hint": f'read `{path}`; then write `allow = ["{value}"]` into `[extern]` of `mlspec.toml`',
            }
            found.append(Diagnostic(code("MLS824"), _span(block, path), data))
    return found


def _files(spec: Spec) -> Iterator[tuple[Block, str]]:
    """Each file of each extern, once."""
    seen = set()
    for block in spec.of_kind("extern"):
        for path in code_files(block):
            if path and path not in seen:
                seen.add(path)
                yield block, path


def _span(block: Block, path: str) -> Span:
    return block.span_of("code" if path == code_files(block)[0] else "files")


def _from_root(prefix: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(prefix, path))
