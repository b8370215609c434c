"""The `register` stage: the released package as a version of a registered model, under its aliases, once per digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.folder import content_of
from mlspec.runtime.track.mlflow_store import artifact_location, experiment_id, mlflow_at, store_uri

TAG = "mlspec.package"
LOADER = "mlspec.runtime.track.loader"
ENGINE_NEEDS = {
    "onnx": ("numpy", "onnxruntime"), "skops": ("numpy", "scipy", "scikit-learn", "skops"), "lightgbm": ("numpy", "lightgbm"),
    "xgboost": ("numpy", "xgboost-cpu", "xgboost"), "constant": ("numpy",),
}  # fmt: skip
# How MLflow's signature names our types; what has no number or truth value travels as text.
TYPES = {"int": "long", "bool": "boolean", "float": "double", "ratio": "double", "points": "double", "rate": "double",
         "duration": "double", "bytes": "long", "timestamp": "datetime"}  # fmt: skip


def run(context: StageContext) -> None:
    """Register the package when its verdict passed for exactly its digest, and write registration.json."""
    folder, config = context.input("package"), context.config
    digest = digest_of(content_of(folder))
    verdict = files.read_json(context.input("verdict") / "verdict.json")
    if not verdict["passed"] or digest not in verdict["packages"].values():
        raise StageError(
            "MLS815", "the package is not what the gates let pass", context.block, expected="a passed verdict on this package",
            found=f"package {digest[:12]}, verdict {'passed' if verdict['passed'] else 'failed'}", help="run the gates on it",
        )  # fmt: skip
    aliases = list(config.get("aliases") or ())
    with mlflow_at(context.project_root, config.get("uri"), "spec.registry") as (mlflow, client):
        version = find_version(client, config["name"], digest)
        if version is None:
            uri = store_uri(context.project_root, config.get("uri"))
            place = artifact_location(context.project_root, uri)
            version = register(mlflow, client, folder, config["name"], digest, place)
        for alias in aliases:
            client.set_registered_model_alias(config["name"], alias, version)
    record = {"name": config["name"], "aliases": aliases, "uri": config.get("uri"), "package": digest}
    files.write_json(context.output("registration") / "registration.json", record)


def find_version(client: Any, name: str, digest: str) -> str | None:
    """The version of a registered model that holds this package."""
    query = f"name = '{name}'"
    found = [version for version in client.search_model_versions(query) if version.tags.get(TAG) == digest]
    return str(max(found, key=lambda version: int(version.version)).version) if found else None


def register(mlflow: Any, client: Any, folder: Path, name: str, digest: str, place: str | None) -> str:
    """Log the package as an MLflow model that our loader opens, and make it a version.

    The requirements and the signature are given: without them MLflow loads the model in a subprocess to find out.
    """
    manifest = files.read_json(folder / "package.json")
    with mlflow.start_run(experiment_id=experiment_id(client, name, place), run_name=f"register-{digest[:8]}"):
        logged = mlflow.pyfunc.log_model(
            name="package", loader_module=LOADER, data_path=str(folder), signature=signature_of(manifest),
            pip_requirements=requirements(manifest), metadata={"mlspec.package": digest},
        )  # fmt: skip
        if not client.search_registered_models(f"name = '{name}'", max_results=1):
            client.create_registered_model(name)
        version = client.create_model_version(
            name, source=logged.model_uri, run_id=logged.run_id, tags={TAG: digest}, model_id=logged.model_id
        )  # fmt: skip
    return str(version.version)


def requirements(manifest: Mapping[str, Any]) -> list[str]:
    """What an environment needs to load the package: mlspec and the libraries of its engine, in the versions of its making."""
    from importlib.metadata import version

    versions = manifest.get("versions") or {}
    needed = [name for name in ENGINE_NEEDS[manifest["engine"]] if name in versions]
    return [f"mlspec-lang=={version('mlspec-lang')}", *(f"{name}=={versions[name]}" for name in needed)]


def signature_of(manifest: Mapping[str, Any]) -> Any:
    """The request's columns and the reply's, as MLflow's schema."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema, TensorSpec

    task, classes = manifest["task"], manifest.get("classes") or ()
    scores = [f"score.{value}" for value in classes] if task == "multiclass" else ["score"]
    outputs: list[ColSpec | TensorSpec] = [ColSpec("double", name) for name in scores]
    outputs.append(ColSpec(_decision_type(task, classes), "decision"))
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(TYPES.get(_base(column), "string"), column["name"], required=not _optional(column))
        for column in manifest["columns"]
    ]  # fmt: skip
    return ModelSignature(Schema(inputs), Schema(outputs))


def _base(column: Mapping[str, Any]) -> str:
    return str(column["type"]).removesuffix("?")


def _optional(column: Mapping[str, Any]) -> bool:
    return bool(column.get("optional")) or str(column["type"]).endswith("?")


def _decision_type(task: str, classes: Sequence[Any]) -> str:
    if task == "regression":
        return "double"
    kinds = {type(value) for value in classes}
    return {frozenset({bool}): "boolean", frozenset({int}): "long"}.get(frozenset(kinds), "string")
