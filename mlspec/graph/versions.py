"""The installed versions of packages, read from the names of their dist-info folders: one directory listing, no imports."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable

_SEPARATORS = re.compile(r"[-_.]+")
# One project under two distribution names: the key speaks of the project.
_ALIASES = {"xgboost": ("xgboost-cpu",), "mlflow": ("mlflow-skinny",), "tensorflow": ("tensorflow-cpu",)}


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """`{name: version}` of those that are installed; one that is not is left out."""
    found = _listing()
    versions = {}
    for name in names:
        for candidate in (name, *_ALIASES.get(name, ())):
            if candidate in found:
                versions[name] = found[candidate]
                break
    return versions


def _listing() -> dict[str, str]:
    """Every installed distribution; the first folder on the path wins, as it does for an import."""
    found: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path):
        try:
            entries = os.listdir(folder or ".")  # noqa: PTH208 - a Path per entry costs more than the listing
        except OSError:
            continue  # a path entry that is a zip file or does not exist holds no dist-info
        for entry in entries:
            if entry.endswith(".dist-info"):
                name, _, version = entry[: -len(".dist-info")].rpartition("-")
                found.setdefault(_SEPARATORS.sub("-", name).lower(), version)
    return found
