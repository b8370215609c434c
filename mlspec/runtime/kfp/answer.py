"""KFP's executor output: the artifacts that it asked for, with our digests and numbers as metadata."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.graph.model import Stage
from mlspec.runtime import files
from mlspec.runtime.errors import StageError

ERROR = "error.json"
"""What stopped the stage, beside KFP's output file: for `mlspec run`, which says it at its line of the spec."""

_KNOWN = ("name", "type", "uri", "metadata")
_MOST = 100
"""Metadata travels in the arguments of every task downstream; all numbers are in the artifact itself."""


class ExecutorInput:
    """What KFP told the stage: where its answer goes, and the outputs that it declared."""

    def __init__(self, text: str) -> None:
        try:
            outputs = json.loads(text)["outputs"]
            self.file = Path(outputs["outputFile"])
            self._declared = {name: found["artifacts"][0] for name, found in outputs.get("artifacts", {}).items()}
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise StageError("MLS101", "`--executor-input` is not what KFP passes", found=str(error)[:200],
                             expected="JSON with outputs.outputFile", help="pass the placeholder `{{$}}`") from None  # fmt: skip

    def answer(self, metadata: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the answer: each declared artifact by name, with its metadata. Fields that KFP's launcher may not know stay out."""
        artifacts = {}
        for name, found in metadata.items():
            declared = {field: value for field, value in self._declared.get(name, {"name": name}).items() if field in _KNOWN}
            artifacts[name] = {"artifacts": [{**declared, "metadata": {**declared.get("metadata", {}), **found}}]}
        self._write(self.file, {"artifacts": artifacts, "parameterValues": {}})

    def refuse(self, error: StageError) -> None:
        """Leave the error where `mlspec run` looks for it."""
        self._write(self.file.with_name(ERROR), error.to_json())

    def _write(self, path: Path, value: Any) -> None:
        files.make_folder(path.parent)
        files.write_json(path, value)


def metadata_of(folder: Path, manifest: Mapping[str, Any], *, reused: bool) -> dict[str, Any]:
    """What KFP's page and the next task learn of an artifact: its digest, what made it, and the numbers of metrics."""
    found: dict[str, Any] = {"digest": manifest["digest"], "type": manifest["type"], "reused": reused}
    if "key" in manifest:
        found["key"] = manifest["key"]
    if manifest["type"] == "metrics":
        from mlspec.runtime.figures import scalars

        numbers = scalars(folder)
        found |= {name: numbers[name] for name in sorted(numbers)[:_MOST]}
    return found


def show(stage: Stage, name: str, folders: Mapping[str, Path], target: Path) -> dict[str, Any]:
    """Fill an output that is there for KFP's page alone, and give its metadata: `page` or `classification--<model>`."""
    files.make_folder(target.parent)
    if name == "page":
        shutil.copyfile(_page(stage, folders), target)
        return {}
    from mlspec.runtime.kfp.classification import classification

    found = classification(folders["metrics"], folders["predictions"], name.removeprefix("classification--").replace("--", "."))
    files.write_json(target, found)
    return found


def _page(stage: Stage, folders: Mapping[str, Path]) -> Path:
    """The one page among a stage's outputs."""
    (path,) = (
        folders[name] / f"index.{'html' if kind == 'html' else 'md'}"
        for name, kind in stage.outputs.items()
        if kind in ("html", "markdown")
    )
    return path
