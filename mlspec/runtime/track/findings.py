"""What a run found, as MLflow takes it: params, metrics and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mlspec.runtime import files
from mlspec.runtime.figures import curves, finished_trials, scalars
from mlspec.runtime.folder import MANIFEST

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
    """Every number of every finding, by block: the ones that a target's own pages show, under the same names behind the block's."""
    found: dict[str, float] = {}
    for name, folder in sorted(inputs.items()):
        block = name.partition(".")[2]
        found |= {f"{block}.{number}": value for number, value in scalars(folder).items()}
    return found


def trials_of(inputs: Mapping[str, Path]) -> Iterator[tuple[str, int, float]]:
    """(series, trial, objective) of every finished trial of every study."""
    for block, folder in named(inputs, "study").items():
        for path in sorted(folder.glob("*.json")):
            for trial in finished_trials(files.read_json(path)):
                yield f"{block}.objective", int(trial["number"]), float(trial["value"])


def epochs_of(inputs: Mapping[str, Path]) -> Iterator[tuple[str, int, float]]:
    """(series, epoch, value) of every epoch of every training: its loss, learning rate and metric."""
    for block, folder in named(inputs, "history").items():
        for record in curves(folder).get("training", ()):
            for name, value in record.items():
                if name != "epoch":
                    yield f"{block}.{name}", int(record["epoch"]), float(value)


def documents_of(inputs: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """(folder in MLflow, file) of every document that is small and readable: JSON and pages, no rows and no models."""
    for name, folder in sorted(inputs.items()):
        kind, _, block = name.partition(".")
        if kind in ("metrics", "verdict", "study", "history", "statistics", "checks", "report", "card"):
            for path in sorted(folder.iterdir()):
                if path.suffix in (".json", ".html", ".md") and path.name != MANIFEST:
                    yield f"{kind}/{block}", path
