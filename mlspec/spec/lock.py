"""`mlspec.lock`: the digests of imported files, so that what was reviewed is what is checked and run.

The file is JSON, `{"format": 1, "files": {"shared/privacy.mlspec": "sha256:…"}}`, paths from the project root. A digest is of the
text as the compiler reads it, so that line ends of a checkout do not matter. Imported only for a spec that imports.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.diagnostics import Diagnostic, code
from mlspec.syntax.nodes import File, Use

NAME = "mlspec.lock"
_NO_FILE = f"there is no `{NAME}`"


class LockError(Exception):
    """A lock file that cannot be read; the text says why."""


def digest(text: str) -> str:
    """The digest of a file's text."""
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def dumps(files: Mapping[str, str]) -> str:
    """A lock file of these digests by path: one a line, in order, so that a diff shows what changed."""
    return json.dumps({"format": 1, "files": dict(sorted(files.items()))}, indent=2, ensure_ascii=False) + "\n"


def loads(text: str) -> dict[str, str]:
    """The digests by path of a lock file; LockError for anything else."""
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise LockError("it is not JSON") from error
    if not isinstance(found, dict) or found.get("format") != 1 or not isinstance(found.get("files"), dict):
        raise LockError("it is not of format 1")
    if not all(isinstance(value, str) for value in found["files"].values()):
        raise LockError("it is not of format 1")
    return dict(found["files"])


def read(root: Path) -> dict[str, str] | None:
    """The lock of a project, None where it has none."""
    try:
        text = (root / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(getattr(error, "strerror", None) or "it is not UTF-8") from error
    return loads(text)


def check_lock(trees: Mapping[str, File], texts: Mapping[str, str], root: Path) -> list[Diagnostic]:
    """111, a warning for each `use` of a local file that the lock does not hold as it is.

    `trees` are the files that were read and `texts` the texts of imported ones, by path from the project root.
    """
    try:
        locked, broken = read(root), ""
    except LockError as error:
        locked, broken = {}, f"`{NAME}` cannot be read: {error}"
    found = []
    for file, statement in _uses(trees):
        written = str(statement.path.value)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), written))
        if path not in texts:
            continue  # that it cannot be read is reported
        why, got = (broken or _NO_FILE, "") if broken or locked is None else _compare(locked.get(path), digest(texts[path]))
        if why:
            data = {"name": written, "why": why, "got": got}
            found.append(Diagnostic(code("MLS111"), statement.path.span, data, severity="warning"))
    return found


def _uses(trees: Mapping[str, File]) -> Iterator[tuple[str, Use]]:
    for path, tree in trees.items():
        for statement in tree.statements:
            if isinstance(statement, Use):
                yield path, statement


def _compare(old: str | None, new: str) -> tuple[str, str]:
    """(why a file counts as not locked, its digest beside the locked one); "" where it does not."""
    if old is None:
        return f"`{NAME}` does not list it", ""
    return ("", "") if old == new else ("it changed since", f"`{new[:19]}…`, locked is `{old[:19]}…`")
