"""Files of a git revision, without a checkout: blobs come from `git cat-file`, with fixed arguments and no hook, filter or monitor.

Two commands are ever started: `git rev-parse --show-toplevel` and `git cat-file` in its batch forms. What a user names goes to the
standard input of the second, never into a command line.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import IO

from mlspec.diagnostics import Diagnostic, code
from mlspec.source import SourceFile
from mlspec.syntax.parse import MAX_FILE
from mlspec.syntax.read import decode

_GIT = (
    "git", "--no-replace-objects", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
    "-c", "protocol.allow=never", "-c", "core.packedGitWindowSize=32m", "-c", "core.packedGitLimit=128m", "-c", "maintenance.auto=false",
)  # fmt: skip
# Where the repository is may come from the environment, as it does inside a hook; what git then does may not.
_KEPT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
MAX_ENTRIES = 200_000
MAX_TREE = 64 * 2**20
MAX_HISTORY = 200_000
# The tree without entries, which git knows in every repository, by either hash.
_EMPTY = ("4b825dc642cb6eb9a060e54bf8d69288fbee4904", "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321")
_PLAIN = ("100644", "100755")


class RevisionError(Exception):
    """A revision, or a path of one, that cannot be read; `help` is a way out."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    return kept | {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


class Repository:
    """The git repository around a folder; a context manager, because two readers run beside it."""

    def __init__(self, folder: str) -> None:
        self.top = self._toplevel(folder)
        self._readers: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *unused: object) -> None:
        for process in self._readers.values():
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
            process.wait()
        self._readers.clear()

    @staticmethod
    def _toplevel(folder: str) -> str:
        try:
            done = subprocess.run(
                [*_GIT, "rev-parse", "--show-toplevel"],
                cwd=folder,
                env=_environment(),
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise RevisionError("git is not installed", "compare files or folders instead") from error
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise RevisionError(
                said[-1] if said else "this is no git repository", "compare files or folders, or go to a repository"
            )
        return os.fsdecode(done.stdout.rstrip(b"\n"))

    def _reader(self, mode: str) -> tuple[IO[bytes], IO[bytes]]:
        process = self._readers.get(mode)
        if process is None:
            process = self._readers[mode] = subprocess.Popen(
                [*_GIT, "cat-file", mode], cwd=self.top, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        return process.stdin, process.stdout

    def _header(self, name: str, mode: str) -> tuple[str, str, int] | None:
        """(object id, type, size) of what a name stands for; None where it stands for nothing."""
        if not name or any(character in name for character in "\n\r\0"):
            return None
        stdin, stdout = self._reader(mode)
        stdin.write(name.encode("utf-8", "surrogateescape") + b"\n")
        stdin.flush()
        words = stdout.readline().decode("utf-8", "replace").rstrip("\n").rsplit(" ", 2)
        if len(words) != 3 or not words[2].isdigit():
            return None
        return words[0], words[1], int(words[2])

    def find(self, name: str) -> tuple[str, str, int] | None:
        """(object id, type, size) of `REV`, `REV^{commit}` or `REV:path`."""
        return self._header(name, "--batch-check")

    def contents(self, name: str, most: int) -> bytes | None:
        """The bytes of an object, None where there is none or where they are more than `most`."""
        found = self.find(name)
        if found is None or found[2] > most:
            return None
        header = self._header(found[0], "--batch")
        if header is None:
            return None
        _, stdout = self._reader("--batch")
        data = stdout.read(header[2] + 1)
        return data[:-1]

    def commit(self, revision: str) -> str:
        """The id of the commit that a revision names; of `HEAD` before the first commit, that of the empty tree."""
        found = self.find(f"{revision}^{{commit}}")
        if found is None and revision == "HEAD":
            found = next((tree for tree in map(self.find, _EMPTY) if tree is not None), None)
        if found is None:
            raise RevisionError(f"`{revision}` names no commit", "name a branch, a tag or a commit that this repository has")
        return found[0]

    def merge_base(self, one: str, other: str) -> str:
        """A newest commit that both revisions come from, as `A...B` means it."""
        ours = frozenset(self._history(self.commit(one)))
        met = [commit for commit in self._history(self.commit(other), ours) if commit in ours]
        for commit in met:
            # One that another comes from is older than that one.
            if not any(commit in self._history(later) for later in met if later != commit):
                return commit
        raise RevisionError(f"`{one}` and `{other}` share no history", "write `A..B` to compare them as they are")

    def _history(self, commit: str, ends: frozenset[str] = frozenset()) -> Iterator[str]:
        """A commit and all before it, the nearest first; nothing before one of `ends`."""
        seen, pending = {commit}, [commit]
        for current in pending:
            yield current
            if current in ends:
                continue
            if len(seen) > MAX_HISTORY:
                raise RevisionError("the history is too long to find where they part", "write `A..B` instead of `A...B`")
            head = (self.contents(current, MAX_TREE) or b"").partition(b"\n\n")[0]
            for line in head.split(b"\n"):
                parent = line[7:].decode("ascii") if line.startswith(b"parent ") else ""
                if parent and parent not in seen:
                    seen.add(parent)
                    pending.append(parent)

    def specs(self, commit: str, folder: str = "") -> list[str]:
        """The paths of all specs below a folder of a commit, hidden folders left out, sorted."""
        return sorted(path for mode, path in self._below(commit, folder) if mode in _PLAIN and path.endswith(".mlspec"))

    def settings(self, commit: str, folder: str, name: str) -> list[str]:
        """The paths of everything of one name below a folder, as for specs; a link too, which whoever reads it refuses."""
        return sorted(path for _, path in self._below(commit, folder) if path.rpartition("/")[2] == name)

    def _below(self, commit: str, folder: str) -> Iterator[tuple[str, str]]:
        """(mode, path) of all that is no folder below one."""
        pending, count = [folder], 0
        while pending:
            below = pending.pop()
            tree = self.find(f"{commit}:{below}")
            if tree is None or tree[1] != "tree":
                raise RevisionError(
                    f"`{below}` is no folder of that revision", "paths of a revision go from the repository's root"
                )
            data = self.contents(tree[0], MAX_TREE) or b""
            for mode, name in _entries(data, len(tree[0]) // 2):
                count += 1
                path = f"{below}/{name}" if below else name
                if name.startswith("."):
                    continue
                if mode == "40000":
                    pending.append(path)
                else:
                    yield mode, path
            if count > MAX_ENTRIES:
                raise RevisionError("that folder has too many files", "name a smaller folder")

    def read(self, commit: str, path: str, label: str) -> SourceFile | Diagnostic:
        """The text of a file of a commit, under `label:path`; what is wrong with it as `read_source` says it."""
        shown = f"{label}:{path}"
        mode = self._mode(commit, path)
        if mode is None:
            return Diagnostic(code("MLS114"), None, {"name": shown, "why": "does not exist", "hint": ""})
        if mode not in _PLAIN:
            return Diagnostic(code("MLS114"), None, {"name": shown, "why": "is not a plain file", "hint": ""})
        data = self.contents(f"{commit}:{path}", MAX_FILE)
        if data is None:
            data_ = {
                "what": "the file",
                "limit": f"{MAX_FILE // 1024} KiB",
                "got": "more",
                "hint": "split it with `use`",
                "name": shown,
            }
            return Diagnostic(code("MLS005"), None, data_)
        read = decode(data, shown)
        return SourceFile(shown, read.text, path) if isinstance(read, SourceFile) else read

    def _mode(self, commit: str, path: str) -> str | None:
        """The mode of a path, followed from the root so that no step is a link or another repository."""
        parts, at, mode = path.split("/"), "", None
        for index, part in enumerate(parts):
            tree = self.find(f"{commit}:{at}")
            if tree is None or tree[1] != "tree":
                return None
            entries = {name: kind for kind, name in _entries(self.contents(tree[0], MAX_TREE) or b"", len(tree[0]) // 2)}
            mode = entries.get(part)
            if mode is None or (index < len(parts) - 1 and mode != "40000"):
                return None
            at = f"{at}/{part}" if at else part
        return mode


def _entries(tree: bytes, width: int) -> Iterator[tuple[str, str]]:
    """(mode, name) of each entry of a tree object: mode, space, name, NUL, object id."""
    at = 0
    while at < len(tree):
        end = tree.index(b"\0", at)
        mode, _, name = tree[at:end].partition(b" ")
        yield mode.decode("ascii"), name.decode("utf-8", "surrogateescape")
        at = end + 1 + width
