"""The declared fields of one log record: nothing that the `log` block does not name can get into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlspec.graph.expression import rewrite
from mlspec.runtime.errors import StageError
from mlspec.runtime.serve.config import LogConfig
from mlspec.runtime.serve.served import ServedPackage

# Ambient values become columns of the evaluated row, under names that no column of a spec can have.
_AMBIENT = {"score": "\x00score", "probability": "\x00score", "decision": "\x00decision", "arm": "\x00arm"}
FieldFunction = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]


class LogFields:
    """Makes the fields of a log record from a request record and its reply."""

    def __init__(self, config: LogConfig, package: ServedPackage, secrets: Mapping[str, bytes]) -> None:
        self._package = package
        names = [str(feature["name"]) for feature in package.features]
        self._fields = [
            (field.name, field_function(field.expression, names, secrets, f"{config.name}.{field.name}"))
            for field in config.fields
        ]
        self._reads_features = any(field.expression[0] in ("features", "feature") for field in config.fields)

    def of(self, record: Mapping[str, Any], score: Any, decision: Any) -> dict[str, Any]:
        """The declared fields, in order; a score of many classes is one number a class."""
        row = {**record, "\x00score": score, "\x00decision": decision, "\x00arm": None}
        features = self._package.feature_values(record) if self._reads_features else {}
        return {name: function(row, features) for name, function in self._fields}


def field_function(expression: Any, names: list[str], secrets: Mapping[str, bytes], where: str) -> FieldFunction:
    """The function (row, features) → value of one declared field."""
    match expression[0]:
        case "features":
            wanted = [_known(str(name), names, where) for name in expression[1]]
            return lambda row, features: {name: features[name] for name in wanted}
        case "feature":
            name = _known(str(expression[1]), names, where)
            return lambda row, features: features[name]
        case "ambient":
            place = _AMBIENT[expression[1]]
            return lambda row, features: row[place]
        case "col":
            return lambda row, features: row[expression[1]]
    from mlspec.runtime.prepare.online import compile_row

    compiled = compile_row(rewrite(expression, _ambient_as_column), where, lambda secret: secrets[secret].decode())
    return lambda row, features: compiled(row)


def _known(name: str, names: list[str], where: str) -> str:
    if name not in names:
        raise StageError(
            "MLS613", f"the log reads the feature `{name}`, which the model does not have", where,
            expected=", ".join(names), found=name, help="log a feature of the model",
        )  # fmt: skip
    return name


def _ambient_as_column(node: Any) -> Any:
    return ["col", _AMBIENT[node[1]], node[2]] if node[0] == "ambient" else None
