"""`check --watch`: checks again when what was read says something else.

What counts is what files hold, read again every moment and compared by digest: times and notices of the file system can lie (a restored
file, a network folder, a container), and an editor may write a file in pieces or put another in its place. A spec is at most a few
hundred kilobytes, so reading is cheap.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.check import Checked, One, check_files, check_one, spec_files
from mlspec.cli.terminal import err, out

if TYPE_CHECKING:
    from mlspec.diagnostics import Diagnostic
    from mlspec.source import SourceFile

LEAST = 0.25
"""Seconds between two looks; where a look takes long, ten times as long as it took."""

SETTLE = 0.1
"""So long a file must stay as it is before it is checked: it may be written in pieces, or be gone until another takes its place."""

LONGEST = 2.0
"""A file that never stays as it is is checked all the same."""

MOST = 2 * 2**20
_PROJECT = ("mlspec.toml", "mlspec.lock")
_DAY = "the day"
State = dict[str, str]


def watch(options: argparse.Namespace) -> int:
    """Check, and check again on every change, until the keyboard ends it."""
    if options.fix or options.fix_all:
        raise exits.CommandError("`--watch` only looks", expected="--watch without --fix", help="fix first, then watch")
    watcher = _Watcher(options)
    try:
        while True:
            watcher.look()
            watcher.wait()
    except KeyboardInterrupt:
        err("\n" if sys.stderr.isatty() else "")
        return exits.OK


class _Watcher:
    """What each file held before it was checked, and what was found then: a file is checked again when something it read is other."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.state: State = {}
        self.read: dict[str, set[str]] = {}
        self.known: dict[str, tuple[State, One]] = {}
        self.reading: set[str] = set()

    def look(self) -> None:
        """One check, of files that were all seen before it: what changes meanwhile is a change."""
        while True:
            self.state = self._state()
            files, done = self._check()
            if all(path in self.state for paths in self.read.values() for path in paths):
                break  # else a file was read that nobody had looked at before it
        self._show(files, done)

    def _check(self) -> tuple[int, Checked]:
        try:
            files = spec_files(self.options.paths)
        except exits.CommandError as error:
            self.read.clear()
            return 0, Checked(f"{error.message}\n", exits.USAGE, None, False)
        self.read = {path: paths for path, paths in self.read.items() if path in files}
        return len(files), check_files(self.options, files, self._one)

    def _one(self, path: str) -> One:
        """What is found of a spec; of one whose texts are as they were, what was found before."""
        before, one = self.known.get(path, ({}, None))
        if one is not None and all(self.state.get(name) == held for name, held in before.items()):
            return one
        self.reading = set()
        one = check_one(self.options, path, read=self._read)
        self.read[path] = self.reading
        seen = {name: held for name, held in self.state.items() if name in self.reading or os.path.basename(name) in _PROJECT}  # noqa: PTH119
        if one.dated:
            seen[_DAY] = self.state[_DAY]
        if seen.keys() >= self.reading:
            self.known[path] = seen, one
        return one

    def _read(
        self, path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None, name: str | None = None
    ) -> SourceFile | Diagnostic:
        """Reads a file as every check does, and keeps that it was wanted, also where it is not there."""
        from mlspec.syntax import read_source

        self.reading.add(os.path.normpath(os.path.join(root or "", path)) if root else os.path.abspath(path))  # noqa: PTH100, PTH118
        return read_source(path, root, name)  # type: ignore[arg-type]

    def _show(self, files: int, done: Checked) -> None:
        screen = self.options.format == "text" and sys.stdout.isatty()
        out("\x1b[2J\x1b[3J\x1b[H" if screen else "")
        out(done.text)
        sys.stdout.flush()
        if not self.options.quiet:
            others = len(set().union(*self.read.values())) - files
            more = f" and {others} that they read" if others > 0 else ""
            err(f"{time.strftime('%H:%M:%S')} watching {files} spec{'' if files == 1 else 's'}{more}; Ctrl-C ends\n")

    def wait(self) -> None:
        """Until something is other than before the last check, and has stayed so for a moment."""
        pause = LEAST
        while True:
            time.sleep(pause)
            start = time.monotonic()
            if self._state() != self.state:
                break
            pause = max(LEAST, 10 * (time.monotonic() - start))
        end, state = time.monotonic() + LONGEST, self._state()
        while time.monotonic() < end:
            time.sleep(SETTLE)
            state, before = self._state(), state
            if state == before:
                return

    def _state(self) -> State:
        """What each file holds that was read, or that would be read now."""
        from mlspec.driver import Project
        from mlspec.policy.judge import utc_day

        try:
            files = [os.path.abspath(path) for path in spec_files(self.options.paths)]  # noqa: PTH100
        except (exits.CommandError, OSError):
            files = [os.path.abspath(path) for path in self.options.paths]  # noqa: PTH100
        roots = {str(Project.of(Path(path)).root) for path in {os.path.dirname(file): file for file in files}.values()}  # noqa: PTH120
        project = [os.path.join(root, name) for root in roots for name in _PROJECT]  # noqa: PTH118
        seen = {path: _digest(path) for path in sorted({*files, *project}.union(*self.read.values()))}
        return seen | {_DAY: utc_day() if any(one.dated for _, one in self.known.values()) else self.state.get(_DAY, utc_day())}


def _digest(path: str) -> str:
    """What a file holds; that it cannot be read is a state like any other."""
    try:
        if not os.path.isfile(path):  # noqa: PTH113 - a pipe would hold us
            return "another thing" if os.path.lexists(path) else ""
        with open(path, "rb") as file:  # noqa: PTH123
            return str(hashlib.sha256(file.read(MOST)).hexdigest())
    except OSError as error:
        return f"not read: {error.errno}"
