"""Makes modules of the texts of an extern, by the import system: each file is a module under its bare name, and no other file is seen."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class MissingFunction(LookupError):
    """The file has no such function."""


class _Texts(importlib.abc.MetaPathFinder, importlib.abc.ExecutionLoader):
    """Finds and loads modules whose text is at hand."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.paths = {module_name(path): path for path in files}
        self.files = files

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is not None or fullname not in self.paths:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=self.paths[fullname])

    def get_filename(self, fullname: str) -> str:
        return self.paths[fullname]

    def get_source(self, fullname: str) -> str:
        return self.files[self.paths[fullname]]

    def is_package(self, fullname: str) -> bool:
        return False


def load(files: Mapping[str, str], code: str, function: str) -> Callable[..., Any]:
    """The function of an extern; whatever its modules raise while they are imported is raised."""
    sys.meta_path.insert(0, _Texts(files))
    found = getattr(importlib.import_module(module_name(code)), function, None)
    if not callable(found):
        raise MissingFunction(f"`{code}` has no function `{function}`")
    return found  # type: ignore[no-any-return]


def module_name(path: str) -> str:
    """The name that a file is imported by."""
    return path.rpartition("/")[2].removesuffix(".py")
