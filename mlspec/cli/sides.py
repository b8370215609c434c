"""What `mlspec diff` is asked to compare: files, folders, revisions, as pairs of compilations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mlspec.cli import exits, untrusted
from mlspec.diagnostics import Diagnostic
from mlspec.driver import Compilation, Project
from mlspec.policy.settings import FILE

if TYPE_CHECKING:
    from mlspec.diff.revisions import Repository
    from mlspec.policy import Policy
    from mlspec.source import SourceFile


Found = tuple["Policy", "list[Diagnostic]"]


class Policies(NamedTuple):
    """What `mlspec.toml` says at one place, each with what is wrong with it: `held` decides, `old` and `new` are compared."""

    held: Found
    old: Found
    new: Found


class Pair(NamedTuple):
    """One spec on both sides; None where a side has none. `path` is what it is called."""

    path: str
    old: Compilation | None
    new: Compilation | None
    policies: Policies
    held: Compilation | None
    """The spec whose approvers and waivers count: that of the old side, of `A...B` that of A."""
    moved_from: str = ""
    """Where it lay before, "" where it lies where it lay."""


class Side(Protocol):
    """One side: the specs that it has by the name that both sides know them under."""

    single: bool

    @property
    def held(self) -> Side:
        """The side whose rules count: itself, or the branch that a change goes into."""
        ...

    def specs(self) -> dict[str, str]: ...

    def compilation(self, path: str) -> Compilation: ...

    def policy(self, name: str) -> Found: ...

    def policies(self) -> list[str]:
        """The folders below it with an `mlspec.toml` of their own."""
        ...


class Disk:
    """A file or a folder as it lies there."""

    def __init__(self, path: str, below: str = "") -> None:
        self.path = path
        self.single = not Path(path).is_dir()
        self.below = below
        self._policies: dict[Path, Found] = {}

    @property
    def held(self) -> Disk:
        return self

    def specs(self) -> dict[str, str]:
        """The specs below a folder by their path from it; the one file under no name."""
        from mlspec.cli.check import spec_files

        if self.single:
            return {"": self.path}
        try:
            return {Path(path).relative_to(self.path).as_posix(): path for path in spec_files([self.path])}
        except exits.CommandError:
            return {}

    def compilation(self, path: str) -> Compilation:
        return Compilation(Path(path))

    def policy(self, name: str) -> Found:
        """What `mlspec.toml` of the project says in which a spec lies, or would lie."""
        from mlspec.policy import load_policy

        root = Project.of(Path(self.path) / name if name else Path(self.path)).root
        if root not in self._policies:
            self._policies[root] = load_policy(root)
        return self._policies[root]

    def policies(self) -> list[str]:
        """Hidden folders left out, as of specs."""
        from mlspec.cli.check import is_hidden

        top = Path(self.path)
        found = [] if self.single else [file for file in top.rglob(FILE) if not is_hidden(file, top)]
        return sorted("" if file.parent == top else file.parent.relative_to(top).as_posix() for file in found)


class Revision:
    """A file or a folder of a revision, or all of it; `path` goes from the repository's root.

    `target` is the branch that what changed since then goes into.
    """

    def __init__(self, repository: Repository, commit: str, label: str, path: str = "", target: Revision | None = None) -> None:
        self.repository = repository
        self.commit = commit
        self.label = label
        self.path = path
        found = repository.find(f"{commit}:{path}")
        self.single = found is None or found[1] != "tree"
        self._policies: dict[str, Found] = {}
        self._target = target

    @property
    def held(self) -> Revision:
        return self._target or self

    def specs(self) -> dict[str, str]:
        """As of a folder on disk."""
        if self.single:
            return {"": self.path}
        start = len(self.path) + 1 if self.path else 0
        return {path[start:]: path for path in self.repository.specs(self.commit, self.path)}

    def compilation(self, path: str) -> Compilation:
        top = Path(self.repository.top)
        return Compilation(top / path, project=Project(top), read=self._read)

    def policy(self, name: str) -> Found:
        """As of a folder on disk: the nearest `mlspec.toml` upward in the commit."""
        full = "/".join(part for part in (self.path, name) if part)
        folder = full.rpartition("/")[0]
        if folder not in self._policies:
            self._policies[folder] = self._policy_above(folder)
        return self._policies[folder]

    def policies(self) -> list[str]:
        """As of a folder on disk."""
        if self.single:
            return []
        start = len(self.path) + 1 if self.path else 0
        return [path[start:].rpartition("/")[0] for path in self.repository.settings(self.commit, self.path, FILE)]

    def _policy_above(self, folder: str) -> Found:
        from mlspec.policy import Policy, read_policy

        while True:
            path = f"{folder}/{FILE}" if folder else FILE
            if self.repository.find(f"{self.commit}:{path}") is not None:
                found = self.repository.read(self.commit, path, self.label)
                return (Policy(), [found]) if isinstance(found, Diagnostic) else read_policy(found)
            if not folder:
                return Policy(), []
            folder = folder.rpartition("/")[0]

    def _read(self, path: str | Path, root: str | Path | None = None, name: str | None = None) -> SourceFile | Diagnostic:
        """Stands in for `read_source`: the same paths, looked up in the commit."""
        inside = os.path.relpath(path, self.repository.top) if root is None else os.path.normpath(path)
        return self.repository.read(self.commit, inside.replace(os.sep, "/"), self.label)


def pairs(old: Side, new: Side) -> Iterator[Pair]:
    """The specs of both sides by path, in order, those that moved by the name that they give themselves; two single files in any case."""
    before, after = old.specs(), new.specs()
    target = before if old.held is old else old.held.specs()
    if not before and not after:
        raise exits.CommandError("neither side has a spec", exits.NOT_COMPARED, expected="*.mlspec")
    moves = _moves(
        {name: old.compilation(path) for name, path in before.items() if name not in after},
        {name: new.compilation(path) for name, path in after.items() if name not in before},
    )
    for name in sorted({*before, *after} - {*moves.values()}):
        was = moves.get(name, name)
        one = old.compilation(before[was]) if was in before else None
        other = new.compilation(after[name]) if name in after else None
        held = one if old.held is old else old.held.compilation(target[was]) if was in target else None
        moved_from = was if name in moves else ""
        yield Pair(name or after.get(name, ""), one, other, policies(old, was, new, name), held, moved_from)


def _moves(gone: dict[str, Compilation], come: dict[str, Compilation]) -> dict[str, str]:
    """The new path of each spec that moved with its old one: one that is gone and one that came, which alone have the same name."""
    if not gone or not come:
        return {}
    before, after = _by_name(gone), _by_name(come)
    return {after[name][0]: before[name][0] for name in after if len(after[name]) == len(before.get(name, ())) == 1}


def _by_name(found: dict[str, Compilation]) -> dict[str, list[str]]:
    """The paths of specs by the name that their `spec` block gives them."""
    names: dict[str, list[str]] = {}
    for path, side in found.items():
        untrusted.next_spec()
        name = _name(side)
        if name:
            names.setdefault(name, []).append(path)
    return names


def _name(side: Compilation) -> str:
    from mlspec.syntax.nodes import Block

    # Only of its text: what it means may be asked for when it is known what it is held to.
    tree = side.parsed[0]
    blocks = [] if tree is None else [item for item in tree.statements if isinstance(item, Block) and item.kind.text == "spec"]
    return blocks[0].label.text if blocks and blocks[0].label is not None else ""


def policies(old: Side, name: str, new: Side, renamed: str) -> Policies:
    """The settings that hold where a file lies, or would lie."""
    return Policies(old.held.policy(name), old.policy(name), new.policy(renamed))


def nearer(old: Side, new: Side) -> Iterator[Policies]:
    """The settings of every folder in which either side has its own, with specs in it or without."""
    for folder in sorted({*old.policies(), *new.policies()}):
        name = f"{folder}/{FILE}" if folder else FILE
        yield policies(old, name, new, name)


def sides(arguments: list[str], repository: Repository | None) -> tuple[Side, Side]:
    """The two sides that the arguments name: `OLD NEW`, `A..B [PATH]`, `A...B [PATH]`, `REV` or `REV PATH` against the disk."""
    first, *rest = arguments
    if _is_range(first):
        return _range(first, rest[0] if rest else ".", _needed(repository))
    if not rest:
        if Path(first).exists():
            raise exits.CommandError(f"`{first}` is one side of a comparison", expected="OLD NEW, A..B or REV", found=first,
                                     help=f"`mlspec diff HEAD {first}` compares it with the last commit")  # fmt: skip
        rest = ["."]
    old, new = (_side(text, repository) for text in (first, rest[0]))
    if isinstance(old, Revision) and not old.path and isinstance(new, Disk):
        return _revision(first, new.path, _needed(repository)), new
    if isinstance(new, Revision) and not new.path and isinstance(old, Disk):
        return old, _revision(rest[0], old.path, _needed(repository))
    if old.single != new.single:
        raise exits.CommandError("one side is a file and the other a folder", exits.USAGE, expected="two files or two folders",
                                 found=" ".join(arguments))  # fmt: skip
    return old, new


def asks_git(arguments: list[str]) -> bool:
    """Whether some argument names a revision."""
    return _is_range(arguments[0]) or any(
        (not Path(text).exists() and not text.endswith(".mlspec")) or _at_revision(text) for text in arguments
    )


def _is_range(text: str) -> bool:
    one, dots, other = text.partition("..")
    return (
        bool(dots)
        and bool(one or other)
        and not Path(text).exists()
        and not text.endswith(".mlspec")
        and "/../" not in f"/{text}/"
    )


def _at_revision(text: str) -> bool:
    return ":" in text and not Path(text).exists()


def _needed(repository: Repository | None) -> Repository:
    assert repository is not None, "asks_git saw a revision"
    return repository


def _side(text: str, repository: Repository | None) -> Side:
    if Path(text).exists() or (not _at_revision(text) and text.endswith(".mlspec")):
        return Disk(text)
    revision, _, path = text.partition(":")
    return _of(_needed(repository), revision, path.strip("/"))


def _of(repository: Repository, revision: str, path: str) -> Revision:
    """`./path` goes from the current folder, as git reads it."""
    if path == "." or path.startswith(("./", "../")):
        path = _from_top(repository, path)
    side = Revision(repository, repository.commit(revision), revision, path)
    if side.single and repository.find(f"{side.commit}:{path}") is None:
        raise exits.CommandError(
            f"`{path}` is not in `{revision}`", exits.NOT_COMPARED, help="paths of a revision go from the repository's root"
        )
    return side


def _from_top(repository: Repository, path: str) -> str:
    inside = os.path.relpath(os.path.realpath(path), os.path.realpath(repository.top)).replace(os.sep, "/")
    if inside.startswith(".."):
        raise exits.CommandError(f"`{path}` lies outside the repository", exits.NOT_COMPARED, help="name a path inside it")
    return "" if inside == "." else inside


def _revision(revision: str, path: str, repository: Repository) -> Revision:
    """The same path as one on disk, of a revision."""
    return Revision(repository, repository.commit(revision), revision, _from_top(repository, path))


def _range(text: str, path: str, repository: Repository) -> tuple[Side, Side]:
    one, _, other = text.partition("..")
    inside = _from_top(repository, path)
    if other.startswith("."):
        one, other = one or "HEAD", other[1:] or "HEAD"
        base = repository.merge_base(one, other)
        target = _revision(one, path, repository)
        return Revision(repository, base, base[:10], inside, target), _revision(other, path, repository)
    return _revision(one or "HEAD", path, repository), _revision(other or "HEAD", path, repository)
