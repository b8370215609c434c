"""Artifacts outside the store: a folder that carries its own `manifest.json`, verified before anything in it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.store import verify_folder

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Held:
    """An artifact folder that was verified: where it is, its digest, and the key and output name of its maker, empty without one."""

    path: Path
    digest: str
    key: str = ""
    output: str = ""


def content_of(folder: Path) -> dict[str, str]:
    """`{relative path: SHA-256}` of an artifact's files: the same in the store and outside it, where the manifest lies beside them."""
    return {name: digest for name, digest in files.sha256_files(folder).items() if name != MANIFEST}


def publish_into(source: Path, target: Path, artifact_type: str, key: str = "", output: str = "") -> dict[str, Any]:
    """Make `target` hold the files of `source` and their manifest; what was there before is replaced. The manifest.

    `key` and `output` say what made it, for the stage that reads it to work out its own key; the digest leaves them out.
    """
    content = files.sha256_files(source)
    manifest = {"format": 1, "type": artifact_type, "digest": digest_of(content), "files": content}
    if key:
        manifest |= {"key": key, "output": output}
    files.write_json(source / MANIFEST, manifest)
    files.make_folder(target.parent)
    if target.exists():
        files.remove_tree(target)
    files.publish_folder(source, target)
    return manifest


def read_folder(folder: Path) -> Held:
    """The folder, its content verified against its manifest; MLS808 when it differs or has none."""
    path = folder / MANIFEST
    if not path.is_file():
        raise StageError(
            "MLS808", f"`{folder}` is no complete artifact", expected=f"a `{MANIFEST}`, which is written last",
            found="none", help="run the stage that makes it again",
        )  # fmt: skip
    manifest = files.read_json(path)
    if not isinstance(manifest, dict) or manifest.get("format") != 1 or not isinstance(manifest.get("files"), dict):
        raise StageError("MLS808", f"`{path}` is corrupt", expected="a manifest of format 1", found="something else",
                         help="run the stage that makes it again")  # fmt: skip
    verify_folder(folder, str(manifest.get("digest")), manifest.get("files"), ignore=MANIFEST)
    return Held(folder, str(manifest["digest"]), str(manifest.get("key", "")), str(manifest.get("output", "")))
