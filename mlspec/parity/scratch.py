"""A copy of a project that holds nothing but what one spec reads: no store that a target could answer from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.graph.leaves import graph_leaves

if TYPE_CHECKING:
    from mlspec.driver import Compilation

SETTINGS, LOCK = "mlspec.toml", "mlspec.lock"


def copy_project(found: Compilation, folder: Path) -> Path:
    """Copy the spec, its imports, the code of its externs and its data files into `folder`, each where it stands in the project; the path of the spec there.

    GraphError when a data file is missing.
    """
    root = found.project.root
    texts = [Path(path).relative_to(root) for path in found.texts]
    data = [Path(path) for stage in graph_leaves(found.graph, root).values() for path in stage]
    settings = [Path(SETTINGS)] if (root / SETTINGS).is_file() else []
    lock = [Path(LOCK)] if (root / LOCK).is_file() and found.code_sources else []  # code runs only as it is locked
    for name in dict.fromkeys([*texts, *data, *settings, *lock]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir():  # the folder of a source of images
            shutil.copytree(root / name, folder / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(root / name, folder / name)
    if not settings:
        (folder / SETTINGS).touch()  # marks the root: the copy may lie inside another project
    return folder / os.path.relpath(Path(os.path.abspath(found.path)), root)  # noqa: PTH100
