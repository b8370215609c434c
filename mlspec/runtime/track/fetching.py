"""The `fetch` stage: the package behind an alias of the registry, verified by its digest; or that there is none yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.folder import content_of
from mlspec.runtime.package.absent import is_absent, mark_absent
from mlspec.runtime.track.lookup import ABSENT, leaf_name, package_behind
from mlspec.runtime.track.mlflow_store import mlflow_at


def run(context: StageContext) -> None:
    """Write `package`: the files of the package, or what was asked for where nothing stands behind the alias."""
    config, where = context.config, context.block
    found = package_behind(context.project_root, config.get("uri"), config["name"], config["alias"], where)
    target = context.output("package")
    if found is None:
        mark_absent(target, config["name"], config["alias"])
        return
    version, digest = found
    with mlflow_at(context.project_root, config.get("uri"), where) as (mlflow, _):
        fetch_version(mlflow, config["name"], version, digest, context.resume_dir("download"), target, where)
    context.progress(1, 1, f"version {version} of {config['name']}, package {digest[:12]}")


def leaf_read(config: Any, folder: Path) -> dict[str, str]:
    """The leaf of what was fetched, by its content."""
    return {leaf_name(config): ABSENT if is_absent(folder) else digest_of(content_of(folder))}


def fetch_version(
    mlflow: Any, name: str, version: str, digest: str, work: Path, target: Path, where: str
) -> None:  # fmt: skip
    """Copy the package of a version to `target`; MLS808 where its content is not what the registry says."""
    files.remove_tree(work)
    files.make_folder(work)
    model = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{name}/{version}", dst_path=str(work)))
    packages = sorted(path.parent for path in model.rglob("package.json"))
    if len(packages) != 1:
        raise _corrupt(name, version, where, "one package", f"{len(packages)} among its files")
    found = digest_of(content_of(packages[0]))
    if found != digest:
        raise _corrupt(name, version, where, f"package {digest}", f"package {found}")
    copy_content(packages[0], target)
    files.remove_tree(work)


def copy_content(folder: Path, target: Path) -> None:
    """The files of an artifact, without the manifest that lies beside them outside the store: it speaks of another maker."""
    for name in content_of(folder):
        copy = target / name
        files.make_folder(copy.parent)
        files.copy_file(folder / name, copy)


def _corrupt(name: str, version: str, where: str, expected: str, found: str) -> StageError:
    return StageError(
        "MLS808", f"version {version} of `{name}` in the registry is corrupt", where, expected=expected, found=found,
        help="find out what changed it; `mlspec rollback` moves the alias to the version before",
    )  # fmt: skip
