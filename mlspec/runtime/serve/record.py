"""The declared fields of one log record: nothing that the `log` block does not name can get into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.graph.expression import rewrite
from mlspec.runtime.errors import StageError
from mlspec.runtime.serve.config import LogConfig
from mlspec.runtime.serve.rows import RowFunction, row_function
from mlspec.runtime.serve.served import ServedPackage

# Ambient values become columns of the evaluated row under names that no column can have.
_AMBIENT = {"score": "\x00score", "probability": "\x00score", "decision": "\x00decision", "arm": "\x00arm"}


class FeatureValues:
    """Features of a record as they are before fill and before the first fitted step."""

    def __init__(self, package: ServedPackage, where: str) -> None:
        self._where = where
        self._functions = {str(feature["name"]): row_function(feature["value"]) for feature in package.features}

    def function(self, name: str) -> RowFunction:
        """The function of one feature."""
        if name not in self._functions:
            raise StageError(
                "MLS613", f"the log reads the feature `{name}`, which the model does not have", self._where,
                expected=", ".join(self._functions), found=name, help="log a feature of the model",
            )  # fmt: skip
        return self._functions[name]

    def record(self, names: list[str]) -> RowFunction:
        """All the named features as one record."""
        functions = [(name, self.function(name)) for name in names]
        return lambda row: {name: function(row) for name, function in functions}


class LogFields:
    """Makes the fields of a log record from a request record and its reply."""

    def __init__(self, config: LogConfig, package: ServedPackage, secrets: Mapping[str, bytes]) -> None:
        self._fields = [
            (field.name, field_function(field.expression, package, secrets, f"{config.name}.{field.name}"))
            for field in config.fields
        ]

    def of(self, record: Mapping[str, Any], reply: Mapping[str, Any]) -> dict[str, Any]:
        """The declared fields, in order. `reply` has `score` and `decision`."""
        from mlspec.runtime.serve.predict import json_value

        row = {**record, "\x00score": reply["score"], "\x00decision": reply["decision"], "\x00arm": None}
        return {name: json_value(function(row)) for name, function in self._fields}


def field_function(expression: Any, package: ServedPackage, secrets: Mapping[str, bytes], where: str) -> RowFunction:
    """The function of one declared field."""
    features = FeatureValues(package, where)
    match expression[0]:
        case "features":
            return features.record([str(name) for name in expression[1]])
        case "feature":
            return features.function(str(expression[1]))
        case "ambient":
            name = _AMBIENT[expression[1]]
            return lambda row: row[name]
    return row_function(rewrite(expression, lambda node: _plain(node, secrets)))


def _plain(node: Any, secrets: Mapping[str, bytes]) -> Any:
    """Ambient values as columns and secrets as constants, which is what the online evaluator knows."""
    if node[0] == "ambient":
        return ["col", _AMBIENT[node[1]], node[2]]
    if node[0] == "call" and any(isinstance(value, list) and value[:1] == ["secret"] for value in node[3].values()):
        named = {
            key: ["lit", secrets[value[1]].decode(), "string"] if isinstance(value, list) and value[:1] == ["secret"] else value
            for key, value in node[3].items()
        }
        return ["call", node[1], [rewrite(item, lambda inner: _plain(inner, secrets)) for item in node[2]], named]
    return None
