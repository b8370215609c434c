"""The MLflow store of a project: where it lies, and how it is opened without noise, network or global leftovers."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlspec.runtime import files
from mlspec.runtime.errors import StageError

CREDENTIALS = re.compile(r"//[^/\s]*@")
STORE = "mlflow.db"
SQLITE = "sqlite:///"
ARTIFACTS = "mlflow-artifacts"
# Read by mlflow when it is imported or first used: no usage reports, no progress bars, only errors.
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    # A server that is down or silent ends a request after seconds, not after MLflow's minutes; whoever needs longer sets them.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}


def store_uri(project_root: Path, uri: str | None) -> str:
    """The tracking URI: the spec's, else SQLite under the project's `.mlspec`; a relative SQLite path is the project's."""
    if not uri:
        return f"sqlite:///{project_root.resolve() / '.mlspec' / STORE}"
    if uri.startswith(SQLITE) and not uri.startswith("sqlite:////"):
        return f"sqlite:///{project_root.resolve() / uri.removeprefix('sqlite:///')}"
    return uri


def artifact_location(project_root: Path, uri: str) -> str | None:
    """Where artifacts of a local store go, beside its database; a server decides for itself."""
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).parent / ARTIFACTS).as_uri()


@contextmanager
def mlflow_at(project_root: Path, uri: str | None, where: str) -> Iterator[tuple[Any, Any]]:
    """(mlflow, client) on the store; MLS812 without mlflow, MLS809 when the store cannot be used."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    target = store_uri(project_root, uri)
    if target.startswith(SQLITE):
        files.make_folder(Path(target.removeprefix(SQLITE)).parent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow = _import(where)
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        before = mlflow.get_tracking_uri()
        try:
            if target.startswith(SQLITE):
                _make_whole(Path(target.removeprefix(SQLITE)), project_root)
            mlflow.set_tracking_uri(target)
            yield mlflow, mlflow.MlflowClient(target, target)
        except (mlflow.exceptions.MlflowException, *_of_the_network()) as error:
            # Not chained: the cause's text may hold the URI with its password.
            raise _refused(error, target, where) from None
        finally:
            mlflow.set_tracking_uri(before)


def _of_the_network() -> tuple[type[Exception], ...]:
    """What artifacts raise that a server does not take, and answers that are none: MLflow passes them on as they are."""
    import json

    from requests.exceptions import RequestException

    return RequestException, json.JSONDecodeError


def _make_whole(database: Path, project_root: Path) -> None:
    """A new SQLite store appears with all its tables or not at all.

    MLflow makes it by a chain of migrations, each committed alone: killed between two of them it leaves a database that no
    later start can use.
    """
    if database.exists():
        return
    from mlflow.store.tracking import sqlalchemy_store

    store_of: Any = sqlalchemy_store.SqlAlchemyStore
    folder = files.make_folder(database.with_name(f".{database.name}.{os.getpid()}{files.TEMPORARY}"))
    try:
        made = folder / database.name
        store_of(f"sqlite:///{made}", artifact_location(project_root, f"sqlite:///{database}")).engine.dispose()
        files.publish_file(made, database)
    finally:
        files.remove_tree(folder)


def _import(where: str) -> Any:
    try:
        import mlflow
    except ModuleNotFoundError as error:
        raise StageError(
            "MLS812", "tracking needs mlflow, which is not installed", where, expected="mlflow 3.17", found=f"no module `{error.name}`",
            help="install it: pip install 'mlspec-lang[track]', or leave `tracking` and `registry` out",
        ) from error  # fmt: skip
    return mlflow


def _refused(error: Exception, target: str, where: str) -> StageError:
    place = urlsplit(target)
    # Never the user and password of a URI; of a database whose host is a file that is its path.
    port = f":{place.port}" if place.port else ""
    shown = f"{place.scheme}://{place.hostname or ''}{port}{place.path}"
    whole = (str(error).splitlines() or [type(error).__name__])[0]
    said = CREDENTIALS.sub("//…@", whole.partition("(Caused by ")[2].rstrip("()") or whole)[:300]
    silent = any(word in whole for word in ("timed out", "Max retries", "refused", "Failed to establish", "Connection aborted"))
    if silent and place.scheme in ("http", "https"):
        return StageError(
            "MLS809", "the MLflow server does not answer", where, expected=f"an MLflow server at {shown}", found=said,
            help="start it, or correct `uri`, and run again: everything else is kept, and only what needs the server runs;\n"
            "MLFLOW_HTTP_REQUEST_TIMEOUT and MLFLOW_HTTP_REQUEST_MAX_RETRIES say how long it is waited for",
        )  # fmt: skip
    return StageError(
        "MLS809", "the MLflow store refused the request", where, expected=f"a store of mlflow 3.17 at {shown}",
        found=said, help="check that the server runs and that its version fits, then run again: everything else is kept",
    )  # fmt: skip


def experiment_id(client: Any, name: str, location: str | None) -> str:
    """The experiment of this name, made when it is new."""
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id if found is not None else client.create_experiment(name, artifact_location=location))
