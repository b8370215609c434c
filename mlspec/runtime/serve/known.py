"""Which values of an open category the model saw in training: what it did not see is answered, and counted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.serve.served import ServedPackage

_LEARNING = ("onehot", "ordinal", "target_rate")


class KnownValues:
    """For each request column that a feature encodes by its category: the values seen in training."""

    def __init__(self, package: ServedPackage) -> None:
        path = package.folder / "transform.json"
        document = json.loads(files.read_bytes(path)) if path.exists() else {"features": []}
        steps = {item["name"]: item["steps"] for item in document["features"]}
        self._known: dict[str, frozenset[Any]] = {}
        for feature in package.features:
            column = _plain_column(feature["value"])
            states = [step["state"] for step in steps.get(feature["name"], ()) if step["op"] in _LEARNING]
            if column is not None and states:
                self._known[column] = frozenset([*states[0]["categories"], *states[0].get("rest", ())])

    @property
    def columns(self) -> Sequence[str]:
        """The columns that are watched."""
        return list(self._known)

    def unknown(self, record: Mapping[str, Any]) -> Iterator[str]:
        """The columns of this record whose value no training row had; null is not unknown."""
        for column, values in self._known.items():
            value = record.get(column)
            if value is not None and value not in values:
                yield column


def _plain_column(value: Any) -> str | None:
    """The column that an expression is, when it is nothing but a column."""
    return str(value[1]) if isinstance(value, list) and value and value[0] == "col" else None
