"""A model on its way through the steps: the bytes of its engine and what a package says around them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from mlspec.catalogue.families import STEPS, family_of, listing
from mlspec.graph.versions import installed_versions
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.package.calibration import apply_calibration
from mlspec.runtime.package.engines import FILES, Engine
from mlspec.runtime.package.model import Package
from mlspec.runtime.package.proof import Proof, rows_agree
from mlspec.runtime.package.write import write_proven
from mlspec.runtime.transform.columns import Floats


@dataclass(frozen=True)
class Model:
    """`data` is the file of the engine; `package` is what the first step started from, whose transform all of them keep."""

    package: Package
    engine: str
    data: bytes
    estimator: Mapping[str, Any]
    calibration: Mapping[str, Any] | None
    tolerance: float = 0.0

    @property
    def family(self) -> str:
        """What it is made of."""
        return family_of(str(self.estimator["name"]))

    def load(self) -> Engine:
        """The engine, ready to score."""
        module = import_module(f"mlspec.runtime.package.engines.{self.engine}_engine")
        engine: Engine = module.load(self.data, self.package.task, len(self.package.classes))
        return engine

    def scores(self, matrix: Floats) -> Floats:
        """Calibrated scores of rows of the transform's matrix."""
        return apply_calibration(self.calibration, self.load().scores(matrix))

    def changed(self, **fields: Any) -> Model:
        """The same with other fields."""
        return replace(self, **fields)


def model_of(package: Package) -> Model:
    """The model of a package, before any step."""
    data = files.read_bytes(package.folder / FILES[package.engine])
    return Model(package, package.engine, data, package.manifest.estimator, package.manifest.calibration)


def require(model: Model, step: str, where: str) -> None:
    """StageError MLS209 for a step that makes nothing of a model of this family."""
    if model.family not in STEPS[step]:
        name = str(model.estimator["name"])
        raise StageError(
            "MLS209", f"`{step}(…)` makes nothing of `{name}`", where, expected=listing(STEPS[step]), found=listing((model.family,)),
            help="leave the step out, or distil the model into one that it fits: `distil = student(…)`",
        )  # fmt: skip


def write_model(folder: Path, name: str, model: Model, sample: Floats, proof: Proof) -> Package:
    """The package of a model, proven on its own scores; the transform and the signature are those of the original."""
    original = model.package
    kept = {
        file: files.read_bytes(original.folder / file) for file in original.manifest.files if file != FILES[original.engine]
    }
    content = {**kept, FILES[model.engine]: model.data}
    for file, data in content.items():
        files.make_folder((folder / file).parent)
        files.write_bytes(folder / file, data)
    manifest = replace(
        original.manifest,
        name=name,
        engine=model.engine,
        rows="batch" if rows_agree(model.load(), sample) else "single",
        estimator=dict(model.estimator),
        calibration=model.calibration,
        versions=_versions(model),
        files={file: hashlib.sha256(data).hexdigest() for file, data in sorted(content.items())},
        proof={},
    )
    return write_proven(folder, manifest, proof)


def _versions(model: Model) -> dict[str, str]:
    """Those of the original, and of what wrote the file."""
    names = {"numpy"} | ({"onnx", "onnxruntime"} if model.engine == "onnx" else set())
    return dict(sorted({**model.package.manifest.versions, **installed_versions(names)}.items()))
