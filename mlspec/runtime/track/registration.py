"""The `register` stage: the released package as a version of a registered model, under its aliases, once per digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.folder import content_of
from mlspec.runtime.track.fetching import copy_content
from mlspec.runtime.track.lookup import TAG
from mlspec.runtime.track.mlflow_store import artifact_location, experiment_id, mlflow_at, store_uri

LOADER = "mlspec.runtime.track.loader"
ENGINE_NEEDS = {
    "onnx": ("numpy", "onnxruntime"), "skops": ("numpy", "scipy", "scikit-learn", "skops"), "lightgbm": ("numpy", "lightgbm"),
    "xgboost": ("numpy", "xgboost-cpu", "xgboost"), "constant": ("numpy",),
}  # fmt: skip
PANDAS = {"long": "Int64", "boolean": "boolean", "double": "float64", "datetime": "datetime64[ns]", "string": "object"}
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
        version = ensure_version(mlflow, client, Released(folder, digest, config, context.project_root, context.spec_digest))
        for alias in aliases:
            client.set_registered_model_alias(config["name"], alias, version)
    record = {"name": config["name"], "aliases": aliases, "uri": config.get("uri"), "package": digest}
    files.write_json(context.output("registration") / "registration.json", record)


@dataclass(frozen=True)
class Released:
    """A package that its gates let pass: its folder, its digest, and the config of the `register` stage that it belongs to."""

    folder: Path
    digest: str
    config: Mapping[str, Any]
    project_root: Path
    spec_digest: str = ""


def ensure_version(mlflow: Any, client: Any, released: Released) -> str:
    """The version of the registered model that holds this package, made where there is none."""
    return find_version(client, released.config["name"], released.digest) or register(mlflow, client, released)


def find_version(client: Any, name: str, digest: str) -> str | None:
    """The version of a registered model that holds this package."""
    query = f"name = '{name}'"
    found = [version for version in client.search_model_versions(query) if version.tags.get(TAG) == digest]
    return str(max(found, key=lambda version: int(version.version)).version) if found else None


def register(mlflow: Any, client: Any, released: Released) -> str:
    """Log the package as an MLflow model that our loader opens, and make it a version.

    It belongs to the run that tracked it, where there is one. The requirements and the signature are given: without them MLflow
    loads the model in a subprocess to find out.
    """
    name, config, manifest = released.config["name"], released.config, files.read_json(released.folder / "package.json")
    uri = store_uri(released.project_root, config.get("uri"))
    place = artifact_location(released.project_root, uri)
    made_by = {"run_id": tracked} if (tracked := tracked_run(client, config, released.digest)) else {
        "experiment_id": experiment_id(client, config.get("experiment") or name, place), "run_name": f"register-{released.digest[:8]}"}  # fmt: skip
    with mlflow.start_run(**made_by), TemporaryDirectory() as work:
        copy_content(released.folder, Path(work))
        logged = mlflow.pyfunc.log_model(
            name="package", loader_module=LOADER, data_path=work, signature=signature_of(manifest),
            pip_requirements=requirements(manifest), metadata={"mlspec.package": released.digest},
            input_example=input_example(released.folder, manifest),
        )  # fmt: skip
    if not client.search_registered_models(f"name = '{name}'", max_results=1):
        client.create_registered_model(name)
    version = client.create_model_version(
        name, source=logged.model_uri, run_id=logged.run_id, tags=version_tags(released), model_id=logged.model_id
    )  # fmt: skip
    return str(version.version)


def tracked_run(client: Any, config: Mapping[str, Any], digest: str) -> str | None:
    """The newest finished run that tracked this package as the one of its block; None where none did."""
    experiment = client.get_experiment_by_name(str(config.get("experiment") or config["name"]))
    if experiment is None or not config.get("model"):
        return None
    query = f"tags.`mlspec.package.{config['model']}` = '{digest}' and attributes.status = 'FINISHED'"
    found = client.search_runs([experiment.experiment_id], query, max_results=1)
    return str(found[0].info.run_id) if found else None


def version_tags(released: Released) -> dict[str, str]:
    """What a version says of itself: the package, and the spec and gates that released it."""
    config = released.config
    found = {TAG: released.digest, "mlspec.spec": config.get("spec"), "mlspec.spec_digest": released.spec_digest,
             "mlspec.gates": config.get("judged_by"), "mlspec.model": config.get("model")}  # fmt: skip
    return {name: str(value) for name, value in found.items() if value}


def input_example(folder: Path, manifest: Mapping[str, Any]) -> Any:
    """The package's own example of a request as MLflow's: one row with the types of the signature. It holds no row of the data."""
    import pandas

    example = files.read_json(folder / "example.json")
    columns = {}
    for column in manifest["columns"]:
        kind = TYPES.get(_base(column), "string")
        value = example.get(column["name"])
        columns[column["name"]] = pandas.Series(
            [value if value is None or kind != "string" else str(value)], dtype=PANDAS[kind]
        )
    return pandas.DataFrame(columns)


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
