"""`mlspec.lock`: the digests of imported files and of the code of externs, so that what was reviewed is what is checked and run.

The file is JSON, `{"format": 1, "files": {"shared/privacy.mlspec": "sha256:…"}}`, paths from the project root. A digest is of the
text as the compiler reads it, so that line ends of a checkout do not matter. Imported only for a spec that imports or whose data is locked.
With `mlspec lock --data` it has `"data": {"data/*.csv": {"data/a.csv": "sha256:…"}}` too: for each path or pattern of a source the
files with the digests of their bytes; and `"rows": {"data/*.csv": 48842}`, how many rows it reads there, where they were counted. A
check reads none of the files; the numbers tell it what a part can have.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.diagnostics import Diagnostic, code
from mlspec.spec.locked_rows import LOCK
from mlspec.syntax.nodes import File, Use

NAME = LOCK
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}\Z")
_NO_FILE = f"there is no `{NAME}`"
WAY_OUT = "run `mlspec lock`"


class LockError(OSError):
    """A lock file that cannot be read; the text says why."""

    way_out = "`mlspec lock` writes it anew, `mlspec lock --data` with the pins of data; or take it from version control"

    def __init__(self, why: str) -> None:
        super().__init__(0, why, NAME)

    def __str__(self) -> str:
        return str(self.strerror)


Data = Mapping[str, Mapping[str, str]]
"""For a path or pattern of a source the files that it matches, with digests."""


def digest(text: str) -> str:
    """The digest of a file's text."""
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def dumps(files: Mapping[str, str], data: Data | None = None, rows: Mapping[str, int] | None = None) -> str:
    """A lock file of these digests and counts by path: one a line, in order, so that a diff shows what changed."""
    body: dict[str, Any] = {"format": 1, "files": dict(sorted(files.items()))}
    if data:
        body["data"] = {path: {name: f"sha256:{value}" for name, value in sorted(data[path].items())} for path in sorted(data)}
    if rows:
        body["rows"] = dict(sorted(rows.items()))
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def loads(text: str) -> dict[str, str]:
    """The digests of imported files by path of a lock file; LockError for anything else."""
    return dict(_loaded(text)["files"])


def loads_data(text: str) -> dict[str, dict[str, str]]:
    """The digests of data of a lock file, in hex; LockError for anything else."""
    data = _loaded(text).get("data", {})
    if not isinstance(data, dict) or not all(isinstance(files, dict) and files for files in data.values()):
        raise LockError("it is not of format 1")
    if not all(isinstance(value, str) and _SHA256.match(value) for files in data.values() for value in files.values()):
        raise LockError("it is not of format 1")
    return {path: {name: value[7:] for name, value in files.items()} for path, files in data.items()}


def loads_rows(text: str) -> dict[str, int]:
    """The counts of rows of a lock file, none of one that was written before there were any; LockError for anything else."""
    rows = _loaded(text).get("rows", {})
    if not isinstance(rows, dict) or not all(type(count) is int and count >= 0 for count in rows.values()):
        raise LockError("it is not of format 1")
    return rows


def _loaded(text: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LockError("it is not JSON") from error
    if not isinstance(found, dict) or found.get("format") != 1 or not isinstance(found.get("files"), dict):
        raise LockError("it is not of format 1")
    if not all(isinstance(value, str) for value in found["files"].values()):
        raise LockError("it is not of format 1")
    return found


def read(root: Path) -> dict[str, str] | None:
    """The imports that the lock of a project holds, None where it has none."""
    text = _text(root)
    return None if text is None else loads(text)


def read_data(root: Path) -> dict[str, dict[str, str]]:
    """The data that the lock of a project holds, nothing where it has none."""
    text = _text(root)
    return {} if text is None else loads_data(text)


def read_rows(root: Path) -> dict[str, int]:
    """The counts of rows that the lock of a project holds, nothing where it has none."""
    text = _text(root)
    return {} if text is None else loads_rows(text)


def _text(root: Path) -> str | None:
    try:
        text = (root / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(getattr(error, "strerror", None) or "it is not UTF-8") from error
    return text


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
            data = {"name": written, "why": why, "got": got, "hint": WAY_OUT}
            found.append(Diagnostic(code("MLS111"), statement.path.span, data, severity="warning"))
    return found


def why_unlocked(root: Path, path: str, value: str) -> tuple[str, str]:
    """(why the lock of a project does not hold a file with this digest, the digest beside the locked one); "" where it does."""
    try:
        locked = read(root)
    except LockError as error:
        return f"`{NAME}` cannot be read: {error}", ""
    return (_NO_FILE, "") if locked is None else _compare(locked.get(path), value)


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
