"""The table of stage kinds: version, inputs, outputs and the packages whose versions enter a stage's key.

A kind's version goes up when its results change for the same config and inputs; then every stage of the kind runs again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlspec.catalogue.frameworks import framework_of

ARTIFACT_TYPES = ("table", "model", "metrics", "html", "markdown", "json", "measurements")


@dataclass(frozen=True, slots=True)
class Kind:
    """One row. `named` inputs come as `<prefix>.<name>`, any number of them; `optional` are inputs that may be missing.

    `aside` are fields of the config that no result depends on: they are no part of a key.
    """

    name: str
    version: int
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    named: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    any_input: bool = False
    aside: tuple[str, ...] = ()


_FINDINGS = {
    "metrics": "metrics",
    "analysis": "json",
    "verdict": "json",
    "study": "json",
    "steps": "json",
    "history": "json",
    "predictions": "table",
    "statistics": "json",
    "checks": "metrics",
    "package": "model",
}
_ROWS_PARTS_VALUES = {"rows": "table", "values": "table", "parts": "table"}
# What judges only models of the registry reads no features of this spec.
_VALUES = frozenset({"values"})
_LEARNING = ("duckdb", "numpy", "skl2onnx", "onnx", "onnxruntime", "skops")
_TRAINING = ("numpy", "onnx", "onnxruntime")

_TABLE = (
    Kind("extract", 1, {}, {"rows": "table", "sampled": "table"}, optional=frozenset({"sampled"}), packages=("duckdb",)),
    Kind("step", 1, {}, {"rows": "table", "sampled": "table"}, optional=frozenset({"sampled"}), named={"tables": "table"},
         packages=("duckdb", "pyarrow")),
    Kind("verify", 2, {"rows": "table"}, {"checks": "metrics"}, named={"references": "table"}, packages=("duckdb",)),
    Kind("split", 1, {"rows": "table"}, {"parts": "table"}),
    Kind(
        "explore", 9, {"rows": "table", "parts": "table"}, {"report": "html", "statistics": "json"},
        packages=("duckdb", "numpy", "scipy"),
    ),
    Kind("features", 2, {"rows": "table"}, {"values": "table"}, packages=("duckdb",)),
    Kind("fetch", 1, {}, {"package": "model"}, packages=("mlflow",)),
    Kind("fit", 3, _ROWS_PARTS_VALUES, {"package": "model"}, packages=_LEARNING),
    Kind("search", 7, {**_ROWS_PARTS_VALUES, "warm": "json"}, {"package": "model", "study": "json"}, optional=frozenset({"warm"}),
         packages=_LEARNING, aside=("workers",)),
    Kind("train", 3, _ROWS_PARTS_VALUES, {"package": "model", "history": "json"}, packages=_TRAINING,
         aside=("checkpoint", "cluster", "resume", "tensorboard")),
    Kind(
        "compress", 3, {**_ROWS_PARTS_VALUES, "package": "model"}, {"package": "model", "steps": "json", "measurements": "measurements"},
        packages=(*_LEARNING, "scikit-learn"),
    ),
    Kind(
        "evaluate", 6, _ROWS_PARTS_VALUES, {"predictions": "table", "metrics": "metrics"}, optional=_VALUES,
        named={"package": "model", "values": "table"}, packages=("duckdb", "numpy", "scipy", "scikit-learn", "fairlearn", "onnxruntime"),
    ),
    Kind(
        "analyse", 1, {**_ROWS_PARTS_VALUES, "predictions": "table"}, {"analysis": "json"}, optional=_VALUES, named={"package": "model"},
        packages=("duckdb", "numpy", "scipy", "onnxruntime"),
    ),
    Kind("measure", 2, _ROWS_PARTS_VALUES, {"measurements": "measurements"}, optional=_VALUES, named={"package": "model"},
         packages=("onnxruntime",)),
    Kind("reference", 1, {**_ROWS_PARTS_VALUES, "package": "model"}, {"reference": "json"}, optional=_VALUES, packages=("duckdb", "numpy")),
    Kind(
        "verdict", 3, {"metrics": "metrics", "measurements": "measurements"}, {"verdict": "json"},
        optional=frozenset({"measurements"}), named={"package": "model"},
    ),
    Kind("enforce", 1, {"verdict": "json"}, {"release": "json"}),
    Kind("report", 11, {}, {"report": "html"}, named=_FINDINGS, packages=("jinja2",)),
    Kind("card", 7, {}, {"card": "markdown"}, named=_FINDINGS),
    Kind("track", 2, {}, {"tracking": "json"}, named=_FINDINGS, packages=("mlflow",)),
    Kind("register", 2, {"package": "model", "verdict": "json"}, {"registration": "json"}, packages=("mlflow",)),
    Kind("write", 1, {}, {"file": "json"}, any_input=True),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _TABLE}

READS_OUTSIDE = frozenset({"extract", "fetch"})
"""Kinds that read what no stage made: content that a key names by its digest, found when a run begins."""

LOOKED_UP = frozenset({"fetch"})
"""Those of them whose content a registry keeps: it may change between two runs without any file of the project."""

KEEPS_RESUME = frozenset({"search", "train"})
"""Kinds whose resume folders stay after completion: more `trials` or `epochs` later go on from the same study or training."""

_ESTIMATOR_PACKAGES = {"sklearn": "scikit-learn", "lightgbm": "lightgbm", "xgboost": "xgboost"}
_ENGINE_PACKAGES = {"hyperopt": "hyperopt", "optuna": "optuna"}
SAMPLER_PACKAGES = {"cmaes": ("cmaes",), "gp": ("scipy", "torch"), "qmc": ("scipy",)}
"""What samplers of optuna compute with; each is imported by the name that it is installed by."""

NETWORK_PACKAGES = {"extern": ("onnxscript",), "timm": ("timm",), "transformers": ("tokenizers", "transformers")}
"""What networks of a library are trained with."""


def packages_of(kind: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The packages whose versions enter the key of a stage: those of its kind, of its estimators, its engine and its framework."""
    framework = framework_of(config.get("framework")).packages if _learns_weights(kind, config) else ()
    learned = {"train": config, "compress": config.get("distil") or {}}.get(kind, {}).get("network") or {}
    library = str(learned.get("name")).partition(".")[0]
    pictures = ("pillow",) if _reads_images(config) else ()
    return tuple(
        sorted({*KINDS[kind].packages, *framework, *NETWORK_PACKAGES.get(library, ()), *_estimator_packages(config), *pictures})
    )


def _reads_images(config: Mapping[str, Any]) -> bool:
    """Whether a stage decodes images: of a source, or for features that are."""
    columns = [*(config.get("features") or ()), *(config.get("columns") or ())]
    return any(isinstance(column, Mapping) and str(column.get("type")).removesuffix("?") == "image" for column in columns)


def _learns_weights(kind: str, config: Mapping[str, Any]) -> bool:
    """Whether a framework is at work: in `train`, and where a `compress` trains a student or goes on training."""
    student, pruned = config.get("distil") or {}, config.get("prune") or {}
    return kind == "train" or (kind == "compress" and bool(student.get("network") or pruned.get("retrain_epochs")))


def _estimator_packages(config: Mapping[str, Any]) -> Iterator[str]:
    student = config.get("distil") or {}
    estimators = [
        config.get("estimator"),
        student.get("estimator"),
        *(family.get("estimator") for family in config.get("families", ())),
    ]
    for estimator in estimators:
        if isinstance(estimator, str):
            yield _ESTIMATOR_PACKAGES.get(estimator.partition(".")[0], "scikit-learn")
    engine = config.get("engine")
    if isinstance(engine, Mapping) and engine.get("name") in _ENGINE_PACKAGES:
        yield _ENGINE_PACKAGES[str(engine["name"])]
        yield from SAMPLER_PACKAGES.get(str(engine.get("algorithm")), ()) if engine["name"] == "optuna" else ()
