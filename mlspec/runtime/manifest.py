"""What is kept about a complete stage: its outputs with digests, and what it ran on. Written last, so that it means complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError

FORMAT = 1


@dataclass(frozen=True)
class Output:
    """One artifact that a stage wrote: its type, size in bytes, the SHA-256 of each file and the digest over all of them."""

    type: str
    digest: str
    bytes: int
    files: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The output as it stands in a manifest."""
        return {"type": self.type, "digest": self.digest, "bytes": self.bytes, "files": dict(self.files)}


@dataclass(frozen=True)
class Manifest:
    """One complete stage. Clock readings (`seconds`, `cpu_seconds`) and the machine are for information and enter no key."""

    key: str
    stage: str
    kind: str
    kind_version: int
    outputs: Mapping[str, Output]
    inputs: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0

    def to_json(self) -> dict[str, Any]:
        """The manifest as JSON values, with a digest of itself as `check`."""
        body = {
            "format": FORMAT, "key": self.key, "stage": self.stage, "kind": self.kind, "kind_version": self.kind_version,
            "outputs": self.outputs_json(), "inputs": dict(self.inputs),
            "packages": dict(self.packages), "environment": dict(self.environment), "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds, "peak_memory": self.peak_memory,
        }  # fmt: skip
        return {**body, "check": digest_of(body)}

    def outputs_json(self) -> dict[str, dict[str, Any]]:
        """The outputs by name, as they stand in a manifest."""
        return {name: output.to_json() for name, output in self.outputs.items()}

    @classmethod
    def from_json(cls, value: Any, where: Path) -> Manifest:
        """The manifest in `value`; MLS808 when it is not one or was changed after it was written."""
        if not isinstance(value, dict):
            raise _corrupt(where, "a JSON object", type(value).__name__)
        body = {name: item for name, item in value.items() if name != "check"}
        if value.get("check") != digest_of(body):
            raise _corrupt(where, f"digest {value.get('check')}", f"digest {digest_of(body)}")
        if body.pop("format", None) != FORMAT:
            raise _corrupt(where, f"format {FORMAT}", f"format {value.get('format')}")
        outputs = {name: Output(**output) for name, output in body.pop("outputs").items()}
        return cls(outputs=outputs, **body)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest in a file."""
        return cls.from_json(files.read_json(path), path)


def _corrupt(path: Path, expected: str, found: str) -> StageError:
    return StageError(
        "MLS808", f"the manifest `{path}` is corrupt", expected=expected, found=found,
        help="remove it: the stage runs again",
    )  # fmt: skip
