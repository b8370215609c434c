"""Answers a check of unchanged files from `.mlspec/cache`: neither the parser nor the checker is imported.

An entry holds what came of the files (what a check printed, the graph of a run) and the digest of every file that was read. It
counts only for the very same arguments, for the very same compiler (its files by size and time), and while every digest holds; what
waivers had a say in, for its day alone.
"""

from __future__ import annotations

import json
import os
import sys
import time

TYPE_CHECKING = False  # by its name alone type checkers take it as true: typing is too slow for this module
if TYPE_CHECKING:
    from typing import Any

try:  # the module behind hashlib's sha256: hashlib itself loads OpenSSL, which costs as much as half an empty Python
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from hashlib import sha256

FOLDER = os.path.join(".mlspec", "cache")  # noqa: PTH118 - this module is on the fast path: no pathlib
MOST = 256
_FLAGS = {"--format", "--env", "-p", "--fail-on"}
_WORDS = {"--no-color", "-q", "--quiet", "-v", "--verbose"}


def replay(arguments: list[str]) -> int | None:
    """Print what the same check said before and return its exit code; None when it must be made."""
    entry = read_entry(entry_path(arguments))
    if entry is None or not isinstance(entry.get("out"), str) or not isinstance(entry.get("code"), int):
        return None
    sys.stdout.write(entry["out"])
    sys.stdout.flush()
    return int(entry["code"])


def remember(arguments: list[str], texts: dict[str, str], text: str, code: int, *, dated: bool = False) -> None:
    """Keep what a check of `texts` printed; `dated` where it would print something else on another day."""
    write_entry(entry_path(arguments), texts, {"out": text, "code": code, **({"day": day()} if dated else {})})


def day() -> int:
    """Today in UTC, as a number."""
    return int(time.time() // 86_400)


def read_entry(path: str | None) -> dict[str, Any] | None:
    """An entry whose files are all as they were; None for no entry, a torn one, or one of other files."""
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            entry = json.load(file)
        current = all(_digest(name) == digest for name, digest in entry["files"].items()) and entry.get("day", day()) == day()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return entry if current else None


def write_entry(path: str | None, texts: dict[str, str], content: dict[str, Any]) -> None:
    """Keep what came of `texts`; a cache that cannot be written is none, and costs nothing but time."""
    if path is None:
        return
    try:
        files = {name: _digest_if(name, checked) for name, checked in texts.items()}
    except OSError:
        return
    if None not in files.values():  # else a file changed meanwhile: what came of it is not about what lies there now
        write_whole(path, json.dumps({"files": files, **content}))


def write_whole(path: str, text: str) -> None:
    """Write an entry whole or not at all."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        _make_room(os.path.dirname(path))  # noqa: PTH120
        with open(temporary, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
        os.replace(temporary, path)  # noqa: PTH105
    except OSError:
        return


def _make_room(folder: str) -> None:
    """The folder, which git leaves alone, emptied when it holds many entries: most are of compilers and arguments that are gone."""
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    names = os.listdir(folder)  # noqa: PTH208
    if len(names) >= MOST:
        for name in names:
            os.unlink(os.path.join(folder, name))  # noqa: PTH108, PTH118
    if ".gitignore" not in names or len(names) >= MOST:
        with open(os.path.join(folder, ".gitignore"), "w", encoding="ascii") as file:  # noqa: PTH118, PTH123
            file.write("*\n")


def entry_path(arguments: list[str]) -> str | None:
    """The file of the entry for a check; None for a check that is not kept."""
    paths = paths_of(arguments)
    if not paths:
        return None
    color = sys.stdout.isatty(), os.environ.get("NO_COLOR"), os.environ.get("FORCE_COLOR"), os.environ.get("TERM")
    roots = {find_root(path) for path in paths[1:]}
    settings = sorted((root, _state(root, "mlspec.toml")) for root in roots)
    return path_for(paths[0], ("check", arguments, color, settings))


def path_for(spec: str, asked: tuple[object, ...]) -> str | None:
    """The file of the entry for something asked of a spec; None where nothing is kept."""
    if os.environ.get("MLSPEC_NO_CACHE"):
        return None
    root = find_root(spec)
    beside = _state(root, "mlspec.lock"), _state(root, "mlspec.toml")
    text = repr((asked, os.getcwd(), root, beside, compiler()))  # noqa: PTH109
    return os.path.join(root, FOLDER, sha256(text.encode()).hexdigest()[:32] + ".json")  # noqa: PTH118


def _state(root: str, name: str) -> str | None:
    """The digest of a file at the project's root: the lock that imports are compared with, the policy. Its time can be set at will."""
    path = os.path.join(root, name)  # noqa: PTH118
    try:
        return _digest(path) if os.path.isfile(path) else None  # noqa: PTH113
    except OSError:
        return None


def paths_of(arguments: list[str]) -> list[str] | None:
    """The files that a check is asked for; None when an argument is no plain file or a flag that this module does not know."""
    found, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in _FLAGS:
            skip = True
        elif argument.startswith("-"):
            if argument not in _WORDS and argument.partition("=")[0] not in _FLAGS:
                return None
        elif os.path.isfile(argument):  # noqa: PTH113
            found.append(argument)
        else:
            return None
    return found


def find_root(path: str) -> str:
    """The nearest folder upward with `mlspec.toml`, else with `.git`, else the folder of the file."""
    start = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120
    for marker in ("mlspec.toml", ".git"):
        folder = start
        while True:
            if os.path.exists(os.path.join(folder, marker)):  # noqa: PTH110, PTH118
                return folder
            above = os.path.dirname(folder)  # noqa: PTH120
            if above == folder:
                break
            folder = above
    return start


_COMPILER: list[str] = []


def compiler() -> str:
    """A fingerprint of the compiler's own files: another version, or an edit of the checkout, asks anew. Taken once a process."""
    if not _COMPILER:
        base = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
        _COMPILER.append(str(sha256("\n".join(sorted(_states(base))).encode()).hexdigest()))
    return _COMPILER[0]


def _states(base: str) -> list[str]:
    """Each file that a check may depend on, with its size and time."""
    found, pending = [], [base]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in ("runtime", "pages", "__pycache__"):
                        pending.append(entry.path)
                else:
                    status = entry.stat()
                    found.append(f"{entry.path}:{status.st_size}:{status.st_mtime_ns}")
    return found


def _digest_if(path: str, checked: str) -> str | None:
    """The digest of a file that still holds the text that was checked."""
    with open(path, "rb") as file:  # noqa: PTH123
        data = file.read()
    same = data.decode("utf-8-sig", "replace").replace("\r\n", "\n") == checked
    return digest_of(data) if same else None


def _digest(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123
        return digest_of(file.read())


def digest_of(data: bytes) -> str:
    """SHA-256 of what a file holds."""
    return str(sha256(data).hexdigest())
