"""`package.json`: what a package says of itself, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime.errors import StageError

FORMAT = 1
DIGEST = "digest"
TASKS = ("binary", "multiclass", "regression")
ENGINES = ("onnx", "skops", "lightgbm", "xgboost", "constant")


@dataclass(frozen=True)
class Manifest:
    """The fields of `package.json`.

    `files` holds the SHA-256 of every other file of the package, and the document's `digest` that of all its other fields, so that
    no byte of a package can change unseen. `rows` is "batch" where the engine gives a row the same bits
    whatever rows are beside it, "single" where it does not and is therefore asked row by row.
    """

    name: str
    task: str
    classes: tuple[Any, ...]
    positive: Any
    favourable: Any
    threshold: float | None
    calibration: Mapping[str, Any] | None
    estimator: Mapping[str, Any]
    engine: str
    rows: str
    features: tuple[Mapping[str, Any], ...]
    columns: tuple[Mapping[str, Any], ...]
    unknown: str
    versions: Mapping[str, str]
    proof: Mapping[str, Any]
    files: Mapping[str, str]
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """The document that `read_manifest` reads back."""
        document = {field.name: getattr(self, field.name) for field in fields(self)}
        document = {key: list(value) if isinstance(value, tuple) else value for key, value in document.items()}
        return {**document, DIGEST: digest_of(document)}


def read_manifest(document: Any) -> Manifest:
    """The manifest in a parsed `package.json`; StageError MLS820 for another format, MLS808 for anything else it should not be."""
    if not isinstance(document, dict):
        raise refused("it is no object")
    _check_format(document.get("format"))
    known = {DIGEST, *(field.name for field in fields(Manifest))}
    if wrong := sorted(known ^ set(document)):
        raise refused(f"it lacks or has too many fields: {', '.join(wrong)}")
    document = dict(document)
    _check(DIGEST, _digest_fits(document.pop(DIGEST), document))
    _check("task", document["task"] in TASKS)
    _check("engine", document["engine"] in ENGINES)
    _check("rows", document["rows"] in ("batch", "single"))
    _check("unknown", document["unknown"] in ("encode", "reject"))
    _check("name", isinstance(document["name"], str))
    for name in ("classes", "features", "columns"):
        _check(name, isinstance(document[name], list))
    for name in ("estimator", "versions", "proof", "files"):
        _check(name, isinstance(document[name], dict))
    _check("calibration", document["calibration"] is None or isinstance(document["calibration"], dict))
    _check(
        "features",
        all(isinstance(item, dict) and {"name", "value", "type", "fitted"} <= set(item) for item in document["features"]),
    )
    _check("columns", all(isinstance(item, dict) and {"name", "type"} <= set(item) for item in document["columns"]))
    _check_task(document)
    lists = {name: tuple(document[name]) for name in ("classes", "features", "columns")}
    return Manifest(**{**document, **lists})


def _digest_fits(digest: Any, document: dict[str, Any]) -> bool:
    try:
        return bool(digest == digest_of(document))
    except ValueError:  # NaN and infinities have no canonical form
        return False


def _check_format(found: Any) -> None:
    """A package that another version of mlspec wrote is whole, and not to be read: its fields may mean something else."""
    if isinstance(found, bool) or not isinstance(found, int):
        raise refused("it does not say which format it has")
    if found != FORMAT:
        age = "an older" if found < FORMAT else "a newer"
        newer = "" if found < FORMAT else ", or install the version of mlspec that made it"
        raise StageError(
            "MLS820", f"the package has format {found}: {age} version of mlspec made it", expected=f"format {FORMAT}",
            found=f"format {found}", help=f"`mlspec run` makes it again for this version{newer}",
        )  # fmt: skip


def _check_task(document: dict[str, Any]) -> None:
    threshold = document["threshold"]
    if document["task"] == "binary":
        _check("classes", len(document["classes"]) == 2 and document["positive"] in document["classes"])
        _check("threshold", isinstance(threshold, (int, float)) and not isinstance(threshold, bool))
    else:
        _check("threshold", threshold is None)
        _check("classes", len(document["classes"]) != 1)


def _check(field: str, right: bool) -> None:
    if not right:
        raise refused(f"its field `{field}` is not what this version writes")


def refused(why: str) -> StageError:
    """The error of a package that is not as written."""
    return StageError(
        "MLS808", f"the package is corrupt: {why}", expected="a package as mlspec wrote it", found=why,
        help="`mlspec run` makes it again; find out what changed the file",
    )  # fmt: skip
