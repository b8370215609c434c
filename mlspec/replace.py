"""Puts a new text in the place of a file that people read: all of it or nothing. The runtime has `mlspec.runtime.files`."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, data: bytes, *, follow: bool = True) -> None:
    """All of the new bytes or all of the old: temporary file beside it, fsync, rename; the file's mode is kept.

    A link to a file that people wrote stays one, and what it leads to is written. What mlspec makes itself takes the link's place
    (`follow=False`), so that a link in a folder of generated files leads to no other file.
    """
    if follow:
        path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not path.is_symlink():
            temporary.chmod(path.stat().st_mode)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
