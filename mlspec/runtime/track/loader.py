"""What MLflow calls to load one of our packages: `mlflow.pyfunc.load_model` imports this module by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any


class PackageModel:
    """A package behind MLflow's `predict`: a DataFrame of source columns in, scores and decisions out."""

    def __init__(self, package: Any) -> None:
        self.package = package

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """One row of `score` columns and `decision` per row of the input, in its order and under its index."""
        import pandas

        records = records_of(model_input, self.package.columns)
        scores = self.package.score(records)
        if scores.score.ndim > 1:
            columns = {f"score.{value}": scores.score[:, place] for place, value in enumerate(self.package.classes)}
        else:
            columns = {"score": scores.score}
        return pandas.DataFrame({**columns, "decision": list(scores.decision)}, index=model_input.index)


def _load_pyfunc(data_path: str) -> PackageModel:
    """MLflow's entry point for a `loader_module`."""
    from mlspec.runtime.package import load_package

    return PackageModel(load_package(Path(data_path)))


def records_of(frame: Any, columns: Any) -> list[dict[str, Any]]:
    """The rows of a DataFrame as requests: only the package's columns, plain values, null as None."""
    names = [column["name"] for column in columns if column["name"] in frame.columns]
    kinds = {column["name"]: str(column["type"]).removesuffix("?") for column in columns}
    lines = [[plain(value, kinds[name]) for value in frame[name].tolist()] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*lines, strict=True)]


def plain(value: Any, kind: str) -> Any:
    """One cell of pandas as the value that a request of this type brings."""
    if value is None or value != value or str(value) == "NaT":
        return None
    if kind == "int":
        return int(value)
    if kind == "bool":
        return bool(value)
    if kind == "decimal":
        return value if isinstance(value, Decimal) else Decimal(str(value))
    if kind == "date":
        return _date(value)
    if kind == "timestamp":
        return _instant(value)
    if kind == "image":
        return image_bytes(value)
    return value


def image_bytes(value: Any) -> Any:
    """An image as it is sent to a server, in base64, or as its file's bytes."""
    from mlspec.runtime.image.text import bytes_of_text

    return bytes_of_text(value) if isinstance(value, str) else value


def _date(value: Any) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    return value.date() if isinstance(value, datetime) else value


def _instant(value: Any) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value.to_pydatetime()
    return found if found.tzinfo else found.replace(tzinfo=UTC)
