"""What a plan says of an extern, and its code as the digests say it must be."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlspec.graph.code import code_digest, code_text
from mlspec.runtime import files
from mlspec.runtime.errors import StageError

ReadCode = Callable[["Declaration"], dict[str, bytes]]
"""The text of each file of an extern, by path."""

FOLDER = "extern"
"""Where a package keeps code, each file under its digest."""


@dataclass(frozen=True)
class Declaration:
    """An extern of a plan: role, signature, effects, limits; `files` are digests by path, `code` the file with the function."""

    name: str
    role: str
    code: str
    function: str
    files: Mapping[str, str]
    parameters: tuple[tuple[str, str], ...]
    result: str
    values: tuple[str, ...] | None
    network: bool
    deterministic: bool
    private: bool
    memory: int
    time_limit: float
    gpu: bool
    better: str = "higher"

    @property
    def where(self) -> str:
        """The place in the spec that an error of its code is about."""
        return f"{self.name}.code"


def read_declaration(name: str, value: Mapping[str, Any]) -> Declaration:
    """The declaration in a config."""
    limits, values = value["limits"], value.get("values")
    return Declaration(
        name=name, role=value["role"], code=value["code"], function=value["function"], files=dict(value["files"]),
        parameters=tuple((str(one), str(kind)) for one, kind in value["parameters"]), result=value["result"],
        values=None if values is None else tuple(values), network=bool(value["network"]),
        deterministic=bool(value["deterministic"]), private=bool(value.get("private")), memory=int(limits["memory"]),
        time_limit=float(limits["time_limit"]), gpu=bool(limits["gpu"]), better=str(value.get("better", "higher")),
    )  # fmt: skip


def declared(items: Any) -> dict[str, Declaration]:
    """The externs that features, checks or quantities of a config declare, by name."""
    return {
        name: read_declaration(name, value) for item in items for name, value in (item.get("externs") or {}).items()
    }  # fmt: skip


def from_project(root: Path, *, shipped: bool = True) -> ReadCode:
    """Reads code from the project's folder: only what the plan has by digest, and what `mlspec.toml` allows.

    Where there is no such file the plan was `shipped`, as in an image: it was allowed when it was compiled.
    """

    def read(declaration: Declaration) -> dict[str, bytes]:
        refuse_unread(declaration, root, shipped=shipped)
        found = {}
        for path, digest in declaration.files.items():
            data = code_text(_inside(root, path, declaration))
            _same(declaration, path, code_digest(data), digest)
            found[path] = data
        return found

    return read


def refuse_unread(declaration: Declaration, root: Path, *, shipped: bool = True) -> None:
    """MLS824 unless `[extern] allow` of the project lists the digest of every file of an extern."""
    permitted = allowed(root)
    if permitted is None and shipped:
        return
    for path, digest in declaration.files.items():
        if f"sha256:{digest}" not in (permitted or ()):
            raise StageError(
                "MLS824", f"the code of extern `{declaration.name}` may not run: `mlspec.toml` does not allow `{path}`",
                declaration.where, expected="its digest in `[extern] allow`", found=f"sha256:{digest}",
                help=f'read `{path}`; then write `allow = ["sha256:{digest}"]` into `[extern]` of `mlspec.toml`',
            )  # fmt: skip


def from_package(folder: Path) -> ReadCode:
    """Reads code from a package, whose files were verified when it was loaded."""

    def read(declaration: Declaration) -> dict[str, bytes]:
        found = {}
        for path, digest in declaration.files.items():
            data = files.read_bytes(folder / packaged(digest))
            _same(declaration, path, code_digest(data), digest)
            found[path] = data
        return found

    return read


def packaged(digest: str) -> str:
    """Where a package keeps a file of code."""
    return f"{FOLDER}/{digest}.py"


def allowed(root: Path) -> frozenset[str] | None:
    """The digests that `mlspec.toml` lists under `[extern] allow`; None where the folder has no such file, as in an image."""
    path = root / "mlspec.toml"
    if not path.is_file():
        return None
    try:
        table: Any = tomllib.loads(files.read_bytes(path).decode("utf-8-sig")).get("extern", {})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StageError(
            "MLS116", "`mlspec.toml` is not TOML", expected="tables and `key = value`", found=str(error)
        ) from error
    listed = table.get("allow", []) if isinstance(table, dict) else []
    return frozenset(item for item in listed if isinstance(item, str)) if isinstance(listed, list) else frozenset()


def _inside(root: Path, path: str, declaration: Declaration) -> bytes:
    base, real = os.path.realpath(root), os.path.realpath(root / path)
    if not real.startswith(base + os.sep) or not Path(real).is_file():
        raise StageError(
            "MLS824", f"the code of extern `{declaration.name}` may not run: there is no file `{path}`", declaration.where,
            expected="a plain file inside the project", found="none", help="put it back, or compile again",
        )  # fmt: skip
    return files.read_bytes(Path(real))


def _same(declaration: Declaration, path: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise StageError(
            "MLS824", f"the code of extern `{declaration.name}` may not run: `{path}` is not the file that was locked",
            declaration.where, expected=f"sha256:{wanted}", found=f"sha256:{found}",
            help="`mlspec lock` holds the new file once it was read; then compile or run again",
        )  # fmt: skip
