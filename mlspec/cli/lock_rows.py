"""Counts the rows of what `mlspec lock --data` pins, for checks that ask how many a part can have; what cannot be counted is said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlspec.graph import Stage
    from mlspec.spec.lock import Data

_ASKED = ("format", "options", "table", "query")


class Rows:
    """Rows by the names of a lock; `why` says of some that they have no count."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.why: dict[str, str] = {}
        self._known: dict[str, int | str] = {}
        self._missing = ""

    def add(self, stage: Stage, paths: Iterable[str], root: Path) -> None:
        """Count what an `extract` stage reads at each of its paths or patterns."""
        from mlspec.spec.locked_rows import rows_name

        for path in paths:
            if self._missing:
                return
            config = {**stage.config, "paths": [path]}
            name = rows_name(path, config.get("table"), config.get("query"))
            self._take(name, self._counted(config, root))

    def said(self) -> list[str]:
        """One line for each that has no count, and one for all where the package that reads is missing."""
        lines = [f"rows of `{name}` are not counted: {why}" for name, why in sorted(self.why.items())]
        return [*lines, f"rows are not counted: {self._missing}"] if self._missing else lines

    def _take(self, name: str, found: int | str) -> None:
        if isinstance(found, str):
            if found:
                self.why[name] = found
        elif self.counts.setdefault(name, found) != found:
            self.why[name] = f"two sources read it in two ways, {self.counts[name]:,} and {found:,} rows"
        if name in self.why:
            self.counts.pop(name, None)

    def _counted(self, config: Mapping[str, Any], root: Path) -> int | str:
        """The rows, or why they cannot be counted; each way to read a path is tried once."""
        key = repr(([config.get(item) for item in (*_ASKED, "paths")], [column["name"] for column in config["columns"]]))
        if key not in self._known:
            self._known[key] = self._count(config, root)
        return self._known[key]

    def _count(self, config: Mapping[str, Any], root: Path) -> int | str:
        from mlspec.runtime.errors import StageError

        try:
            from mlspec.runtime.extract.count import count_rows

            return count_rows(config, root)
        except ModuleNotFoundError as error:
            if (error.name or "mlspec").partition(".")[0] == "mlspec":
                raise
            self._missing = f"no module `{error.name}`; pip install 'mlspec-lang[local]'"
            return ""
        except StageError as error:
            return str(error)


def path_of(name: str, data: Data) -> str:
    """The path or pattern of pinned data that a count belongs to, "" where it is not pinned."""
    return next((path for path in (name, name.rpartition("#")[0]) if path in data), "")


def kept(counts: Mapping[str, int], before: Data, data: Data) -> dict[str, int]:
    """The counts of a lock whose data is what it was."""
    return {name: rows for name, rows in counts.items() if (path := path_of(name, data)) and before.get(path) == data[path]}


def corrected(before: Mapping[str, int], after: Mapping[str, int], same: Mapping[str, int]) -> list[str]:
    """What a lock counts wrongly of data that is `same` as before."""
    return [
        f"~ {name}: {after[name]:,} rows, not {before[name]:,}"
        for name in sorted(same)
        if name in after and after[name] != before[name]
    ]
