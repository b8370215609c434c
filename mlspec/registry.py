"""Finds backends by the entry-point group `mlspec.backends`: a scan that reads only files, then one import, on first use.

`importlib.metadata` costs more to import than the scan itself, so the group is read off the entry_points.txt files directly.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from mlspec.refusal import Refusal

if TYPE_CHECKING:
    from mlspec.backend import Backend

GROUP = "mlspec.backends"


class RegistryError(Refusal):
    """A target cannot be had; `message`, `expected`, `found` and `help` say which of the three reasons it is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered backend: target name, `module:attribute`, and the distribution that brings it."""

    name: str
    target: str
    distribution: str


def entries() -> list[Entry]:
    """Every registered backend by name, without importing any of them."""
    return sorted(_scan(), key=lambda entry: (entry.name, entry.distribution))


def _scan() -> Iterator[Entry]:
    seen: set[str] = set()
    for folder in dict.fromkeys(sys.path):
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - a Path per entry costs more than the listing
        except OSError:
            continue  # a zip file or a folder that does not exist holds no dist-info
        for name in names:
            if name.endswith(".dist-info"):
                project = name.removesuffix(".dist-info").rpartition("-")[0]
                if project not in seen:  # the first on the path wins, as it does for an import
                    seen.add(project)
                    yield from _of_distribution(os.path.join(folder, name, "entry_points.txt"), project)  # noqa: PTH118


def _of_distribution(path: str, project: str) -> Iterator[Entry]:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            text = file.read()
    except FileNotFoundError:
        return
    if f"[{GROUP}]" not in text:
        return
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{GROUP}]"
        elif inside and "=" in line:
            name, _, target = line.partition("=")
            yield Entry(name.strip(), target.strip(), project.replace("_", "-"))


def load_backend(name: str) -> Backend:
    """The backend of target `name`; RegistryError when there is none, when there are two, or when a library is missing."""
    from mlspec.backend import Backend

    everything = entries()
    found = [entry for entry in everything if entry.name == name]
    if not found:
        known = ", ".join(dict.fromkeys(entry.name for entry in everything)) or "none"
        raise RegistryError(f"there is no target `{name}`", expected=f"one of: {known}", found=name,
                            help=f"install the package that brings it: an entry point in the group `{GROUP}`")  # fmt: skip
    if len(found) > 1:
        packages = ", ".join(entry.distribution for entry in found)
        raise RegistryError(f"two packages bring a target `{name}`", expected="one", found=packages,
                            help="uninstall all but one of them")  # fmt: skip
    backend = _import(found[0])
    if not isinstance(backend, Backend):
        raise RegistryError(f"the target `{name}` of `{found[0].distribution}` is no backend", expected="a mlspec.backend.Backend",
                            found=type(backend).__name__, help="report it to the package's author")  # fmt: skip
    return backend


def _import(entry: Entry) -> object:
    module, _, attribute = entry.target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = error.name or module
        own = missing.partition(".")[0] in (module.partition(".")[0], "mlspec")
        advice = f"reinstall `{entry.distribution}`" if own else f"pip install '{entry.distribution}[{entry.name}]'"
        raise RegistryError(f"the target `{entry.name}` needs `{missing}`, which is not installed", found=f"no module `{missing}`",
                            expected=f"everything that `{entry.distribution}` needs", help=advice) from error  # fmt: skip
    except AttributeError as error:
        raise RegistryError(f"the target `{entry.name}` of `{entry.distribution}` has no `{entry.target}`", found=str(error),
                            expected="module:attribute", help="report it to the package's author") from error  # fmt: skip
