"""Write a package, prove that it answers online as in a batch, and only then let it go."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mlspec.catalogue.frameworks import is_network
from mlspec.graph.canonical import canonical_bytes
from mlspec.graph.expression import columns_of
from mlspec.graph.versions import installed_versions
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators import is_constant, predict
from mlspec.runtime.extern.declaration import declared, from_project, packaged
from mlspec.runtime.image.render import is_image
from mlspec.runtime.package.engines import FILES, load_engine
from mlspec.runtime.package.example import example_request
from mlspec.runtime.package.manifest import Manifest
from mlspec.runtime.package.model import EXAMPLE, MANIFEST, TRANSFORM, Package, load_package
from mlspec.runtime.package.proof import Proof, prove, rows_agree
from mlspec.runtime.transform.chain import FittedTransform
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

# An export may round another way than its estimator; what differs by more than this is another model.
_TOLERANCE = 1e-6
# One that answers in single precision has seven digits, and sums of thousands of them.
_SINGLE = 1e-4


@dataclass(frozen=True)
class Fitted:
    """Everything that goes into a package: `sample` holds rows of the fitting matrix to compare the export on."""

    name: str
    estimator_name: str
    params: Mapping[str, Any]
    estimator: Any
    transform: FittedTransform
    target: Target
    sample: Floats
    label: Mapping[str, Any]
    threshold: float | None = None
    calibration: Mapping[str, Any] | None = None


def write_package(
    folder: Path, fitted: Fitted, columns: Sequence[Mapping[str, Any]], proof: Proof, root: Path | None = None
) -> Package:
    """Write the files, prove the package on `proof`'s rows and return it loaded; StageError MLS807 if it is refused.

    The code of externs that its features call is read from the project's `root`.
    """
    engine, model, rows = export_model(fitted)
    features = fitted.transform.features
    needed = {name for feature in features for name in columns_of(feature["value"])}
    wanted = [dict(column) for column in columns if column["name"] in needed]
    content = {
        FILES[engine]: model,
        TRANSFORM: canonical_bytes(fitted.transform.to_json()),
        EXAMPLE: canonical_bytes(example_request(wanted, _known_values(fitted.transform))),
    }
    content |= fitted.transform.files() | _code(features, root)
    for name, data in content.items():
        files.make_folder((folder / name).parent)
        files.write_bytes(folder / name, data)
    manifest = _manifest(
        fitted, engine, rows, wanted, {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    )
    return write_proven(folder, manifest, proof)


def write_proven(folder: Path, manifest: Manifest, proof: Proof) -> Package:
    """Write the manifest of a package whose files lie there, prove the package, and write what was proven."""
    files.write_json(folder / MANIFEST, manifest.to_json())
    package = load_package(folder)
    try:
        proven = prove(package, proof)
    finally:
        package.close()
    files.write_json(folder / MANIFEST, replace(manifest, proof=proven).to_json())
    return load_package(folder)


def _code(features: Sequence[Mapping[str, Any]], root: Path | None) -> dict[str, bytes]:
    """The code of the externs that features call, each file under its digest."""
    called = declared(features)
    if called and root is None:
        raise ValueError("features that call externs need the project's root")
    found: dict[str, bytes] = {}
    for declaration in called.values():
        assert root is not None
        for path, data in from_project(root)(declaration).items():
            found[packaged(declaration.files[path])] = data
    return found


def _manifest(
    fitted: Fitted, engine: str, rows: str, columns: Sequence[Mapping[str, Any]], digests: Mapping[str, str]
) -> Manifest:
    label = fitted.label
    binary = label["task"] == "binary"
    return Manifest(
        name=fitted.name,
        task=label["task"],
        classes=tuple(label["classes"]) if label["task"] != "regression" else (),
        positive=label.get("positive") if binary else None,
        favourable=label.get("favourable") if label["task"] != "regression" else None,
        threshold=(0.5 if fitted.threshold is None else fitted.threshold) if binary else None,
        calibration=fitted.calibration,
        estimator={"name": fitted.estimator_name, "params": dict(fitted.params)},
        engine=engine,
        rows=rows,
        features=tuple(_signature(feature) for feature in fitted.transform.features),
        columns=tuple(columns),
        unknown=fitted.transform.unknown,
        versions=_versions(fitted.estimator_name, engine) | installed_versions(_read_with(fitted.transform)),
        proof={},
        files=dict(digests),
    )  # fmt: skip


def _signature(feature: Mapping[str, Any]) -> dict[str, Any]:
    return {**feature, "audit": False}


def export_model(fitted: Fitted) -> tuple[str, bytes, str]:
    """The first engine that takes the estimator and answers as it does: (engine, model file, how it takes rows)."""
    expected = predict(fitted.estimator, fitted.sample, fitted.target)
    tolerance = _SINGLE if getattr(fitted.estimator, "single", False) else _TOLERANCE
    why = "other scores, or scores that are not finite"
    task, classes = fitted.target.task, fitted.target.classes
    for engine in engines_for(fitted.estimator_name):
        module = import_module(f"mlspec.runtime.package.engines.{engine}_engine")
        data: bytes | None = module.write(fitted.estimator, fitted.sample.shape[1], fitted.target)
        if data is None:
            continue
        try:
            loaded = module.load(data, task, classes)
        except StageError as error:  # these bytes were written a line ago: what cannot be read back is not supported
            why = error.found
            continue
        found = loaded.scores(fitted.sample)
        if found.shape == expected.shape and np.allclose(found, expected, rtol=tolerance, atol=tolerance):
            return engine, data, "batch" if rows_agree(loaded, fitted.sample) else "single"
    raise StageError(
        "MLS807", f"the package `{fitted.name}` is refused: no engine answers as `{fitted.estimator_name}` does", fitted.name,
        expected=" or ".join(engines_for(fitted.estimator_name)), found=why,
        help="choose another family",
    )  # fmt: skip


def engines_for(estimator: str) -> tuple[str, ...]:
    """The engines to try, in order."""
    if is_constant(estimator):
        return ("constant",)
    library = estimator.partition(".")[0]
    if is_network(estimator):
        return ("onnx",)
    return (library,) if library in ("lightgbm", "xgboost") else ("onnx", "skops")


def _versions(estimator: str, engine: str) -> dict[str, str]:
    library = estimator.partition(".")[0]
    names = {"numpy", *{"sklearn": {"scikit-learn"}, "keras": {"keras", "tensorflow"}}.get(library, {library})}
    converter = {"onnx", "onnxruntime"} if is_network(estimator) else {"onnx", "onnxruntime", "skl2onnx"}
    names |= {"onnx": converter, "skops": {"skops"}}.get(engine, set())
    return dict(sorted(installed_versions(names).items()))


def _read_with(transform: FittedTransform) -> set[str]:
    """The libraries by which texts and pictures become numbers: what they make of them may differ from version to version."""
    images = any(is_image(feature) for feature in transform.features)
    return ({"tokenizers"} if transform.files() else set()) | ({"pillow"} if images else set())


def _known_values(transform: FittedTransform) -> dict[str, list[Any]]:
    """The encoded values of every source column that is a category feature as it stands."""
    known: dict[str, list[Any]] = {}
    for feature, states in zip(transform.features, transform.states, strict=True):
        if feature["value"][0] == "col":
            for state in states:
                known.setdefault(str(feature["value"][1]), []).extend(state.get("categories", ()))
    return known


__all__ = ["Fitted", "engines_for", "export_model", "load_engine", "write_package"]
