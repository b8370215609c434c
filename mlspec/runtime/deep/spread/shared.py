"""The inputs of a training where every machine finds them: in the store on the volume that they share, or copied beside the job."""

from __future__ import annotations

from pathlib import Path

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.folder import content_of
from mlspec.runtime.store import Store


def shared_inputs(context: StageContext, folder: Path) -> dict[str, str]:
    """The folder of each input; below `folder` where the store has none of its content."""
    artifacts = Store(context.project_root, context.resume_root.parent.parent).artifacts
    return {name: str(_shared(path, artifacts, folder / name).absolute()) for name, path in context.inputs().items()}


def _shared(source: Path, artifacts: Path, target: Path) -> Path:
    content = content_of(source)
    stored = artifacts / digest_of(content)
    if stored.is_dir() and files.sha256_files(stored) == content:
        return stored
    files.remove_tree(target)
    for name in content:
        files.make_folder((target / name).parent)
        files.copy_file(source / name, target / name)
    return target
