"""Which package stands behind an alias of the registry, asked without fetching it: the leaf of a `fetch` stage.

`mlspec plan` and every run ask it before anything runs. A SQLite store is read directly, in milliseconds and without making one
where there is none; of any other store MLflow's client is asked. What is fetched later is verified against this answer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from mlspec.graph.model import Stage
from mlspec.runtime.errors import StageError
from mlspec.runtime.track.mlflow_store import SQLITE, mlflow_at, store_uri

TAG = "mlspec.package"
"""The tag of a model version that holds the digest of its package."""
ABSENT = "absent"
_WHERE = "where a.workspace = 'default' and a.name = ? and a.alias = ?"
_SQL = (
    "select a.version, (select t.value from model_version_tags t where t.workspace = a.workspace and t.name = a.name "  # noqa: S608
    f"and t.version = a.version and t.key = '{TAG}') from registered_model_aliases a {_WHERE}"
)


def leaf_of(project_root: Path) -> Callable[[Stage], dict[str, str]]:
    """A function from a `fetch` stage to its leaf, `{"card_default@champion": digest of the package}` or `absent`."""

    def leaf(stage: Stage) -> dict[str, str]:
        name, alias = str(stage.config["name"]), str(stage.config["alias"])
        found = package_behind(project_root, stage.config.get("uri"), name, alias, stage.block)
        return {leaf_name(stage.config): ABSENT if found is None else found[1]}

    return leaf


def leaf_name(config: Any) -> str:
    """What a leaf of the registry goes by."""
    return f"{config['name']}@{config['alias']}"


def package_behind(project_root: Path, uri: str | None, name: str, alias: str, where: str) -> tuple[str, str] | None:
    """(version, digest of its package) behind an alias; None where there is no such alias, MLS835 for what is no package of ours."""
    target = store_uri(project_root, uri)
    if target.startswith(SQLITE):
        found = _in_database(Path(target.removeprefix(SQLITE)), name, alias, where)
    else:
        with mlflow_at(project_root, uri, where) as (_, client):
            found = behind(client, name, alias)
    if found is not None and not found[1]:
        raise StageError(
            "MLS835", f"version {found[0]} of `{name}` is no package of mlspec", where, expected=f"a version with the tag `{TAG}`",
            found=f"`{alias}` names a version that something else registered", help="register it by a run, and move the alias by `mlspec promote`",
        )  # fmt: skip
    return found


def behind(client: Any, name: str, alias: str) -> tuple[str, str] | None:
    """(version, digest or "") behind an alias as MLflow's client says; None where there is no such model or alias."""
    from mlflow.exceptions import MlflowException

    try:
        version = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        # A missing alias is an invalid parameter value to MLflow, a missing model a missing resource.
        if error.error_code == "RESOURCE_DOES_NOT_EXIST" or (
            "alias" in str(error) and error.error_code == "INVALID_PARAMETER_VALUE"
        ):
            return None
        raise
    return str(version.version), str(version.tags.get(TAG, ""))


def _in_database(path: Path, name: str, alias: str, where: str) -> tuple[str, str] | None:
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
            row = database.execute(_SQL, (name, alias)).fetchone()
    except sqlite3.Error as error:
        raise StageError(
            "MLS809", f"the registry in `{path.name}` cannot be read: {error}", where, expected="a store of mlflow 3.17",
            found=str(error), help="`mlflow db upgrade` brings an older store up; look whether another process holds it",
        ) from error  # fmt: skip
    return None if row is None else (str(row[0]), str(row[1] or ""))
