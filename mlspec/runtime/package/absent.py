"""A package that does not exist yet: the alias of the registry that stands for it names no version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlspec.runtime import files

MARK = "absent.json"


def mark_absent(folder: Path, name: str, alias: str) -> None:
    """Make a package's folder say that there is none."""
    files.write_json(folder / MARK, {"name": name, "alias": alias})


def is_absent(folder: Path) -> bool:
    """Whether a package's folder says that there is none."""
    return (folder / MARK).is_file()


def packages_there(inputs: Mapping[str, Path]) -> dict[str, Path]:
    """The folders of the inputs `package.<name>` by name, in the order of names; without those that do not exist yet."""
    named = {name.removeprefix("package."): folder for name, folder in sorted(inputs.items()) if name.startswith("package.")}
    return {name: folder for name, folder in named.items() if not is_absent(folder)}
