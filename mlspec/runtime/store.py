"""The content-addressed store of a project: artifacts by digest, complete stages by key.

`.mlspec/store/artifacts/<digest>/` holds the files of an artifact and never changes; `.mlspec/store/stages/<key>.json` says
that a stage is complete and is written after its artifacts; `.mlspec/store/tmp/` holds what is being made. Whatever is read
is verified: neither a file's time nor its size is trusted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.lock import held
from mlspec.runtime.manifest import Manifest, Output

STATE = ".mlspec"
LOCK = ".lock"


class Store:
    """The store below `project_root`, or in the folder `root`. Making the object touches no file."""

    def __init__(self, project_root: Path, root: Path | None = None) -> None:
        self.state = root.parent if root else project_root / STATE
        self.root = root or self.state / "store"
        self.artifacts = self.root / "artifacts"
        self.stages = self.root / "stages"
        self.temporary = self.root / "tmp"
        self.resume = self.root / "resume"

    def prepare(self) -> list[Path]:
        """Make the folders and remove what killed runs left behind. Only the holder of the run lock may call this."""
        for folder in (self.artifacts, self.stages, self.temporary):
            files.make_folder(folder)
        stale = self.sweep()
        newest = max((self.state / "runs").glob("[0-9]*"), default=None)
        beside = sorted(self.state.glob(f".*{files.TEMPORARY}"))
        for path in beside:
            files.remove_tree(path)
        return [*stale, *beside, *files.sweep(self.stages), *(files.sweep(newest) if newest else [])]

    def sweep(self) -> list[Path]:
        """Remove what was being made by processes that are gone: nobody holds the lock beside it. What is alive stays, whoever calls."""
        stale = []
        for path in sorted(self.temporary.iterdir()):
            if path.suffix == LOCK:
                if not path.with_suffix("").exists():
                    with held(path, wait=False) as ours:
                        if ours:
                            files.remove_tree(path)
                continue
            with held(path.with_name(path.name + LOCK), wait=False) as ours:
                if ours and path.exists():
                    files.remove_tree(path)
                    stale.append(path)
                if ours:
                    files.remove_tree(path.with_name(path.name + LOCK))
        return stale

    @contextmanager
    def workspace(self, name: str) -> Iterator[Path]:
        """A fresh folder to make outputs in, gone when all went well. A lock beside it says that it is in use, on whatever machine."""
        folder = self.temporary / f"{name}-{os.getpid()}"
        files.make_folder(self.temporary)
        lock = folder.with_name(folder.name + LOCK)
        with held(lock, wait=True):
            if folder.exists():
                files.remove_tree(folder)
            yield files.make_folder(folder)
            files.remove_tree(folder)
            files.remove_tree(lock)

    def publish(self, folder: Path, artifact_type: str) -> Output:
        """Store the finished folder under the digest of its content; an equal artifact that is there already stays."""
        content = files.sha256_files(folder)
        digest = digest_of(content)
        size = sum((folder / name).stat().st_size for name in content)
        target = self.artifacts / digest
        if target.exists() and not self._is_intact(digest):
            self.discard_artifact(digest)
        if not target.exists():
            self._publish_new(folder, target)
        return Output(artifact_type, digest, size, content)

    def _publish_new(self, folder: Path, target: Path) -> None:
        try:
            files.publish_folder(folder, target)
        except StageError as error:
            # Another worker may have published equal content a moment ago: then its artifact is ours too. Any other error,
            # a failed sync after the rename above all, must fail the stage.
            if not error.found.startswith(("ENOTEMPTY", "EEXIST")) or not self._is_intact(target.name):
                raise

    def artifact(self, digest: str, content: Mapping[str, str] | None = None) -> Path:
        """The folder of an artifact, verified; MLS808 names both digests and, given the files' own, each file that differs."""
        folder = self.artifacts / digest
        if not folder.is_dir():
            raise StageError(
                "MLS808", f"the artifact `{folder}` is gone", expected=f"digest {digest}", found="no such folder",
                help="run again: the stage that makes it runs again",
            )  # fmt: skip
        verify_folder(folder, digest, content)
        return folder

    def _is_intact(self, digest: str) -> bool:
        try:
            self.artifact(digest)
        except StageError as error:
            if error.code != "MLS808":
                raise
            return False
        return True

    def complete(self, manifest: Manifest) -> None:
        """Declare a stage complete: its artifacts are on the disk already."""
        files.write_json(self.stages / f"{manifest.key}.json", manifest.to_json())

    def find(self, key: str) -> Manifest | None:
        """The manifest of the complete stage with this key, its outputs verified; None when it is not complete.

        MLS808 when the manifest or an artifact is corrupt or gone; `discard` then makes the stage not complete.
        """
        path = self.stages / f"{key}.json"
        if not path.exists():
            return None
        manifest = Manifest.read(path)
        if manifest.key != key:
            raise StageError("MLS808", f"the manifest `{path}` is corrupt", expected=f"key {key}", found=f"key {manifest.key}")
        for output in manifest.outputs.values():
            self.artifact(output.digest, output.files)
        return manifest

    def discard(self, key: str) -> None:
        """Forget that the stage is complete, and remove those of its artifacts that are corrupt."""
        path = self.stages / f"{key}.json"
        try:
            outputs = [*Manifest.read(path).outputs.values()]
        except StageError as error:
            if error.code != "MLS808":
                raise
            outputs = []
        files.remove_tree(path)
        for output in outputs:
            if not self._is_intact(output.digest):
                self.discard_artifact(output.digest)

    def discard_artifact(self, digest: str) -> None:
        """Remove an artifact, by one rename first, so that no half of it is ever seen under its digest."""
        folder = self.artifacts / digest
        if folder.exists():
            with self.workspace(f"corrupt-{digest}") as aside:
                files.rename(folder, aside / digest)


def verify_folder(folder: Path, digest: str, content: Mapping[str, str] | None = None, ignore: str = "") -> None:
    """Raise MLS808 unless the files in `folder`, without `ignore`, have this digest."""
    actual = {name: value for name, value in files.sha256_files(folder).items() if name != ignore}
    found = digest_of(actual)
    if found == digest:
        return
    differing = _differences(content, actual) if content else []
    raise StageError(
        "MLS808", f"the artifact `{folder}` is corrupt: its content changed after it was written",
        expected=f"digest {digest}", found=f"digest {found}", examples=differing or sorted(actual),
        help="run again: the stage that makes it runs again",
    )  # fmt: skip


def _differences(expected: Mapping[str, str], actual: Mapping[str, str]) -> list[str]:
    names = [name for name in sorted({*expected, *actual}) if expected.get(name) != actual.get(name)]
    return [f"{name}: expected sha256 {expected.get(name, 'no file')}, found {actual.get(name, 'no file')}" for name in names]
