"""How many rows `mlspec.lock` holds of what a source reads: as many as any run on the pinned data can have.

A count has the path or pattern of the source as its name, with the table of a database, or the digest of a query, behind it: what is
counted in one file depends on them. Imported for every spec with gates, so it loads nothing until a lock is there.
"""

from __future__ import annotations

import os
from pathlib import Path

from mlspec.spec.model import Block

LOCK = "mlspec.lock"


def from_root(prefix: str, folder: str, path: str) -> str:
    """A path of a spec, relative to the project root: of a spec in `prefix`, of an imported block in the `folder` of its file."""
    parts: list[str] = []
    for part in "/".join(part for part in (prefix, folder, path) if part).split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def rows_name(path: str, table: str | None = None, query: str | None = None) -> str:
    """The name under which a lock counts the rows of a path or pattern: `data/shop.db#orders` of a table."""
    if query is not None:
        from hashlib import sha256

        return f"{path}#{sha256(query.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    return path if table is None else f"{path}#{table}"


class LockedRows:
    """The counts that the lock of a project holds, read when the first is asked for."""

    def __init__(self, root: Path, prefix: str) -> None:
        self._root = root
        self._prefix = prefix
        self._known: dict[str, int] | None = None

    def of(self, source: Block) -> int | None:
        """How many rows the pinned data of a source has; None where that is not locked."""
        made = source.make("from")
        if made is None or made.get("path") is None:
            return None
        index = made.get("index")  # of images: the table that names them
        path = from_root(self._prefix, source.folder, str(made.get("path") if index is None else index))
        table, query = (None if made.get(name) is None else str(made.get(name)) for name in ("table", "query"))
        return self._rows().get(rows_name(path, table, query))

    def _rows(self) -> dict[str, int]:
        if self._known is None:
            self._known = self._read() if os.path.exists(self._root / LOCK) else {}  # noqa: PTH110
        return self._known

    def _read(self) -> dict[str, int]:
        """Counts of what is pinned: without a digest a run may read other rows. A lock that cannot be read counts nothing; a run says so."""
        from mlspec.spec.lock import LockError, read_data, read_rows

        try:
            pinned = read_data(self._root)
            counts = read_rows(self._root)
        except LockError:
            return {}
        return {name: count for name, count in counts.items() if name in pinned or name.rpartition("#")[0] in pinned}
