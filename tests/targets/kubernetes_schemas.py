"""Published CustomResourceDefinitions as JSON schemas that refuse what an API server would: unknown fields too."""

from __future__ import annotations

import json
import lzma
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(os.environ.get("MLSPEC_CRDS", ""))
"""Where the definitions lie, one `GROUP_PLURAL.yaml.xz` each; they are no part of the project."""


def refused(document: Any, plural: str) -> list[str]:
    """What is wrong with an object, by the definition of its kind; skips where there are none."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(_schema(plural))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(document)]


@cache
def _schema(plural: str) -> Any:
    group = "trainer.kubeflow.org"
    path = FOLDER / f"{group}_{plural}.yaml.xz"
    if not os.environ.get("MLSPEC_CRDS") or not path.is_file():
        pytest.skip("no definitions of Kubeflow Trainer: name the folder that holds them in MLSPEC_CRDS")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = yaml.load(lzma.decompress(path.read_bytes()), loader)
    (version,) = (each for each in found["spec"]["versions"] if each["name"] == "v1alpha1")
    return json.loads(json.dumps(_strict(version["schema"]["openAPIV3Schema"])))


def _strict(schema: Any) -> Any:
    """The same schema where no field is let through that it does not name."""
    if not isinstance(schema, dict):
        return [_strict(each) for each in schema] if isinstance(schema, list) else schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    found = {
        name: _strict(value)
        for name, value in schema.items()
        if not name.startswith("x-") and name not in ("properties", "format")
    }
    if "properties" in schema:
        found["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in schema:
            found["additionalProperties"] = False
    if schema.get("nullable") and "type" in found:
        found["type"] = [found["type"], "null"]
    return found
