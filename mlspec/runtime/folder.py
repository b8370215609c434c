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
    """An artifact folder that was verified: where it is, its digest, and of its maker the key, the output's name and the recipe."""

    path: Path
    digest: str
    key: str = ""
    output: str = ""
    recipe: str = ""


@dataclass(frozen=True)
class Maker:
    """What made an artifact: the key of the stage and, where everything before it was made as the plan says, its recipe."""

    key: str = ""
    recipe: str = ""


def content_of(folder: Path) -> dict[str, str]:
    """`{relative path: SHA-256}` of an artifact's files: the same in the store and outside it, where the manifest lies beside them."""
    return {name: digest for name, digest in files.sha256_files(folder).items() if name != MANIFEST}


_UNKNOWN = Maker()


def publish_into(source: Path, target: Path, artifact_type: str, maker: Maker = _UNKNOWN, output: str = "") -> dict[str, Any]:
    """Make `target` hold the files of `source` and their manifest; what was there before is replaced. The manifest.

    `maker` and `output` say what made it: for the stage that reads it to work out its own key, and for `mlspec serve` to know a
    release by. The digest leaves them out.
    """
    content = files.sha256_files(source)
    manifest = {"format": 1, "type": artifact_type, "digest": digest_of(content), "files": content}
    if maker.key:
        manifest |= {"key": maker.key, "output": output}
    if maker.recipe:
        manifest["recipe"] = maker.recipe
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
    made = (str(manifest.get(name, "")) for name in ("key", "output", "recipe"))
    return Held(folder, str(manifest["digest"]), *made)
