"""What a run found, as MLflow takes it: params, metrics and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mlspec.runtime import files

# MLflow's own limits.
PARAM_LENGTH = 6_000


def named(inputs: Mapping[str, Path], prefix: str) -> dict[str, Path]:
    """The inputs `<prefix>.<name>` by name."""
    start = f"{prefix}."
    return {name.removeprefix(start): folder for name, folder in sorted(inputs.items()) if name.startswith(start)}


def params_of(inputs: Mapping[str, Path]) -> dict[str, str]:
    """The estimator and parameters of every package, and the shape of its study."""
    found: dict[str, str] = {}
    for name, folder in named(inputs, "package").items():
        package = files.read_json(folder / "package.json")
        estimator = package.get("estimator") or {}
        found[f"{name}.estimator"] = str(estimator.get("name"))
        found[f"{name}.threshold"] = str(package.get("threshold"))
        found |= {f"{name}.{key}": str(value) for key, value in (estimator.get("params") or {}).items()}
    return {key: value[:PARAM_LENGTH] for key, value in found.items()}


def metrics_of(inputs: Mapping[str, Path]) -> dict[str, float]:
    """Every metric of every model, with the ends of its interval, and every quantity of a gate."""
    found: dict[str, float | None] = {}
    for block, folder in named(inputs, "metrics").items():
        metrics = files.read_json(folder / "metrics.json")
        for model, values in metrics.get("models", {}).items():
            for metric, entry in values.items():
                found |= {f"{block}.{model}.{metric}{end}": entry[key] for key, end in ENDS}
        for quantity, entry in metrics.get("quantities", {}).items():
            found[f"{block}.gate.{quantity}"] = entry.get("value")
    for block, folder in named(inputs, "verdict").items():
        found[f"{block}.passed"] = float(files.read_json(folder / "verdict.json")["passed"])
    return {key: float(value) for key, value in found.items() if value is not None}


ENDS = (("value", ""), ("low", ".low"), ("high", ".high"))


def trials_of(inputs: Mapping[str, Path]) -> Iterator[tuple[str, int, float]]:
    """(series, trial, objective) of every finished trial of every study."""
    for block, folder in named(inputs, "study").items():
        for path in sorted(folder.glob("*.json")):
            for trial in files.read_json(path).get("trials", ()):
                value = trial.get("value")
                if isinstance(value, (int, float)):
                    yield f"{block}.objective", int(trial["number"]), float(value)


def documents_of(inputs: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """(folder in MLflow, file) of every document that is small and readable: JSON and pages, no rows and no models."""
    for name, folder in sorted(inputs.items()):
        kind, _, block = name.partition(".")
        if kind in ("metrics", "verdict", "study", "statistics", "checks", "report", "card"):
            for path in sorted(folder.iterdir()):
                if path.suffix in (".json", ".html", ".md"):
                    yield f"{kind}/{block}", path
