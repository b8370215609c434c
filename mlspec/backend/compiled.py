"""The folder of a compiled target: its files, and `mlspec-map.json`, which says what was written and from which lines of the spec.

The map is what tells an edit by hand (the file is not as it was written) from drift (it is, but the spec has changed since).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlspec.backend.emitted import Emitted, Origin
from mlspec.refusal import Refusal
from mlspec.replace import replace_file

MAP = "mlspec-map.json"
_FORMAT = 1


class CompiledError(Refusal):
    """A compiled folder cannot be written or read; `message`, `expected`, `found` and `help` say why and what to do."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the map of a folder says: the target, the spec (its path from the project root) and its digest, the files.

    `files` maps a relative path to the SHA-256 of what was written, `origins` to where its lines come from.
    """

    target: str
    spec: str
    spec_digest: str
    env: str | None
    params: Mapping[str, str]
    files: Mapping[str, str]
    origins: Mapping[str, tuple[Origin, ...]]

    @classmethod
    def of(
        cls, target: str, spec: str, spec_digest: str, emitted: Emitted, env: str | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Compiled:  # fmt: skip
        """The map of what a target emitted."""
        digests = {name: _digest(text.encode()) for name, text in sorted(emitted.files.items())}
        origins = {name: tuple(emitted.origins[name]) for name in sorted(emitted.origins)}
        return cls(target, spec, spec_digest, env, dict(params or {}), digests, origins)

    def to_json(self) -> str:
        """The map as text, one line an origin."""
        head = {"format": _FORMAT, "target": self.target, "spec": self.spec, "spec_digest": self.spec_digest,
                "env": self.env, "params": dict(self.params)}  # fmt: skip
        lines = [f'  "{name}": {json.dumps(value)},' for name, value in head.items()]
        files = []
        for name, digest in self.files.items():
            rows = ",\n".join(
                f"      {json.dumps([origin.first, origin.last, origin.where])}" for origin in self.origins.get(name, ())
            )
            inside = f"[\n{rows}\n    ]" if rows else "[]"
            files.append(f'    {json.dumps(name)}: {{"sha256": "{digest}", "origins": {inside}}}')
        return "\n".join(["{", *lines, '  "files": {', ",\n".join(files), "  }", "}", ""])

    def origin_of(self, name: str, line: int) -> Origin | None:
        """The smallest origin that holds a line of a file; None for a line that is the same whatever the spec says."""
        holding = [origin for origin in self.origins.get(name, ()) if origin.first <= line <= origin.last]
        return min(holding, key=lambda origin: origin.last - origin.first, default=None)


def read_map(folder: Path) -> Compiled | None:
    """The map of a folder, None when it has none; CompiledError when it is damaged."""
    path = folder / MAP
    try:
        value = json.loads(path.read_bytes())
        if value["format"] != _FORMAT:
            raise CompiledError(f"`{path}` has a format that this mlspec does not know", expected=f"format {_FORMAT}",
                                found=str(value["format"]), help="compile again")  # fmt: skip
        return _from_json(value)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CompiledError(f"`{path}` is damaged", expected="what `mlspec compile` wrote", found=str(error),
                            help="remove it and compile again") from error  # fmt: skip


def _from_json(value: Mapping[str, Any]) -> Compiled:
    files = value["files"]
    for name in files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"`{name}` lies outside the folder")
    return Compiled(
        str(value["target"]), str(value["spec"]), str(value["spec_digest"]), value["env"], dict(value["params"]),
        {name: str(row["sha256"]) for name, row in files.items()},
        {name: tuple(Origin(int(a), int(b), str(where)) for a, b, where in row["origins"]) for name, row in files.items()},
    )  # fmt: skip


def differences(folder: Path, emitted: Emitted) -> dict[str, str]:
    """Every file that is not as it would be written now, and why: `missing`, `edited by hand`, `the spec has changed`, `left over`."""
    known = read_map(folder)
    written = known.files if known else {}
    found = {}
    for name, text in emitted.files.items():
        now = digest_of_file(folder / name)
        if now is None:
            found[name] = "missing"
        elif now != _digest(text.encode()):
            found[name] = "the spec has changed" if now == written.get(name) else "edited by hand"
    found.update({name: "left over" for name in written if name not in emitted.files and (folder / name).is_file()})
    return found


def write_compiled(folder: Path, compiled: Compiled, emitted: Emitted, *, force: bool = False) -> list[Path]:
    """Write the files whole and the map last; what an earlier compilation left over is removed. The paths, in order.

    A file that was edited by hand, or that mlspec never wrote, is not overwritten unless `force` is set: CompiledError.
    """
    known = read_map(folder)
    if known and (known.target, known.spec) != (compiled.target, compiled.spec) and not force:
        raise CompiledError(
            f"`{folder}` holds the files of `{known.spec}` for `{known.target}`", expected="a folder for each spec and target",
            found=f"`{compiled.spec}` for `{compiled.target}`", help="give another folder with `-o`, or replace them with `--force`",
        )  # fmt: skip
    found = differences(folder, emitted)
    edited = [name for name, why in found.items() if why == "edited by hand"]
    if edited and not force:
        raise CompiledError(
            f"`{folder / edited[0]}` is not as `mlspec compile` wrote it", expected="a file that nobody edited", found="another text",
            help="move the change into the spec, or own the files with `mlspec eject`, or overwrite them with `--force`",
        )  # fmt: skip
    for name, text in sorted(emitted.files.items()):
        if found.get(name):
            write_text(folder / name, text)
    left = [name for name, why in found.items() if why == "left over"]
    for name in left:
        if force or (known and digest_of_file(folder / name) == known.files[name]):
            (folder / name).unlink()
    text = compiled.to_json()
    if digest_of_file(folder / MAP) != _digest(text.encode()):
        write_text(folder / MAP, text)
    return [folder / name for name in sorted(emitted.files)]


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, in folders that are made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode(), follow=False)


def digest_of_file(path: Path) -> str | None:
    """The SHA-256 of a file, None when there is none."""
    try:
        return _digest(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
