"""Reads a spec file from disk without trusting its path, its size or its bytes."""

from __future__ import annotations

import os
import stat

from mlspec.diagnostics import Diagnostic, code
from mlspec.source import SourceFile
from mlspec.syntax.parse import MAX_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path  # importing it costs as much as an empty Python


def read_source(path: str | Path, root: str | Path | None = None, name: str | None = None) -> SourceFile | Diagnostic:
    """The text of the file at `path`, or what is wrong with it (005, 007, 114); `name` is what diagnostics print (default: the path).

    With `root`, the path must stay inside that folder, and no step below it may be a symbolic link: the folders are walked by file
    descriptor, so that nothing can be swapped between the check and the read. A byte order mark goes, CRLF becomes LF.
    """
    shown = str(path) if name is None else name
    try:
        fd = _open(os.fspath(path), None if root is None else os.fspath(root))
    except _Refused as refused:
        return _path(shown, *refused.args)
    except OSError as error:
        return _path(shown, _reason(error))
    except ValueError:
        return _path(shown, "holds a character that no path may hold")
    try:
        return _read(fd, shown)
    except OSError as error:
        return _path(shown, _reason(error))
    finally:
        os.close(fd)


class _Refused(Exception):
    """A path that leads where it must not; the arguments are why and what to do."""


def _open(path: str, root: str | None) -> int:
    """A descriptor of the file, O_NONBLOCK so that a FIFO does not hang before it is refused."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    if root is None:
        return os.open(path, flags)
    base = os.path.abspath(root)  # noqa: PTH100  resolve() would follow links
    full = os.path.normpath(os.path.join(base, path))  # noqa: PTH118
    inside = os.path.join(base, "")  # noqa: PTH118
    if not full.startswith(inside):
        raise _Refused("leaves the project", f"the project is `{os.path.basename(base)}/`")  # noqa: PTH119
    parts = full[len(inside) :].split("/")
    if parts[0] == ".mlspec":
        raise _Refused("lies in the folder that mlspec keeps its state in", "")
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], flags | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)


def _read(fd: int, shown: str) -> SourceFile | Diagnostic:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        return _path(shown, f"is {_what(status.st_mode)}, not a plain file")
    if status.st_size > MAX_FILE:
        return _too_large(shown, f"{-(-status.st_size // 1024):,} KiB")
    data = b""
    while len(data) <= MAX_FILE:
        chunk = os.read(fd, MAX_FILE + 1 - len(data))
        if not chunk:
            return decode(data, shown)
        data += chunk
    return _too_large(shown, f"more than {MAX_FILE // 1024} KiB, and growing")


def decode(data: bytes, shown: str) -> SourceFile | Diagnostic:
    """The text of a file's bytes, or what is wrong with them (007)."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Diagnostic(code("MLS007"), None, {"name": shown, "got": "UTF-16 or UTF-32 (by its byte order mark)"})
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        got = f"byte 0x{data[start]:02x} at offset {start}, line {data.count(10, 0, start) + 1}"
        return Diagnostic(code("MLS007"), None, {"name": shown, "got": got})
    return SourceFile(shown, text.replace("\r\n", "\n"))


def _what(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISLNK, "a symbolic link"),
    )
    return next((word for test, word in kinds if test(mode)), "a device")


def _reason(error: OSError) -> str:
    """Why a path does not open, without the path, which the message names already."""
    import errno

    known = {
        errno.ENOENT: "does not exist",
        errno.ELOOP: "goes through a symbolic link",
        errno.ENOTDIR: "goes through a symbolic link or a file",
        errno.EACCES: "may not be read",
        errno.EISDIR: "is a folder, not a plain file",
        errno.ENAMETOOLONG: "is too long",
        errno.ENXIO: "is a socket or a device, not a plain file",
    }
    return known.get(error.errno or 0, f"cannot be read: {error.strerror or error}")


def _path(shown: str, why: str, hint: str = "") -> Diagnostic:
    return Diagnostic(code("MLS114"), None, {"name": shown, "why": why, "hint": hint})


def _too_large(shown: str, got: str) -> Diagnostic:
    data = {"what": "the file", "limit": f"{MAX_FILE // 1024} KiB", "got": got, "hint": "split it with `use`", "name": shown}
    return Diagnostic(code("MLS005"), None, data)
