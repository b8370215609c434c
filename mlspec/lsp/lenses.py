"""Code lenses: what would run again because of what changed since the last commit, or since the last run.

Worked out beside the editor's other questions, from copies of the texts. Where a side has errors, or there is neither a commit nor a run
to compare with, nothing is shown: a guess would be worse.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lsprotocol import types

from mlspec.diagnostics import Diagnostic
from mlspec.diff import Comparison, Version, compare
from mlspec.diff.revisions import Repository, RevisionError
from mlspec.driver import Compilation, Project
from mlspec.graph import graph_keys
from mlspec.lower import lower
from mlspec.lsp.analysis import Analysis
from mlspec.lsp.documents import Documents
from mlspec.lsp.names import Target
from mlspec.plan import last_run
from mlspec.source import SourceFile

COMMAND = "mlspec.stages"
_WORDS = {"rerun": "re-runs", "resume": "resumes", "rescore": "rescores", "redeploy": "redeploys", "rearm": "re-arms"}


class Affected(NamedTuple):
    """What a change makes happen: since when, and stages by action for the whole file ("") and by block."""

    since: str
    stages: dict[str, dict[str, list[str]]]


class Question(NamedTuple):
    """A text with all open texts around it, so that the answer can be worked out while they change."""

    path: str
    text: str
    documents: Documents
    env: str | None


def question(documents: Documents, analysis: Analysis, env: str | None) -> Question:
    return Question(analysis.path, analysis.text, documents.with_texts({analysis.path: analysis.text}), env)


def answer(asked: Question) -> Affected | None:
    """Since the last commit, else since the last run; None where it cannot be known."""
    new = Compilation(Path(asked.path), asked.env, read=asked.documents.read)
    new.source = SourceFile(asked.path, asked.text)
    if new.spec is None:
        return None
    return _since_commit(asked, new) or _since_run(asked, new)


def _since_commit(asked: Question, new: Compilation) -> Affected | None:
    folder = os.path.dirname(asked.path)  # noqa: PTH120
    if not _in_repository(Path(folder)):
        return None
    try:
        with Repository(folder) as repository:
            commit = repository.commit("HEAD")
            old = _at(repository, commit, asked)
            comparison = None if old is None or old.spec is None else _compared(old, new)
    except (RevisionError, OSError):
        return None
    if comparison is None or comparison.stages is None:
        return None
    stages: dict[str, dict[str, list[str]]] = {"": comparison.stages}
    for change in comparison.changes:
        block = change.place.partition(".")[0]
        for action, names in change.stages.items():
            known = stages.setdefault(block, {}).setdefault(action, [])
            known += [name for name in names if name not in known]
    return Affected("since HEAD", stages)


def _in_repository(folder: Path) -> bool:
    return any((each / ".git").exists() for each in (folder, *folder.parents))


def _at(repository: Repository, commit: str, asked: Question) -> Compilation | None:
    """The spec as the commit has it; None where it has none."""
    top = os.path.realpath(repository.top)
    inside = os.path.relpath(os.path.realpath(asked.path), top).replace(os.sep, "/")
    if inside.startswith("../") or repository.find(f"{commit}:{inside}") is None:
        return None

    def read(path: str | Path, root: str | Path | None = None, name: str | None = None) -> SourceFile | Diagnostic:
        within = os.path.relpath(os.path.realpath(path), top) if root is None else os.path.normpath(path)
        return repository.read(commit, within.replace(os.sep, "/"), "HEAD")

    return Compilation(Path(top) / inside, asked.env, project=Project(Path(top)), read=read)


def _compared(old: Compilation, new: Compilation) -> Comparison:
    assert old.spec is not None
    assert new.spec is not None
    one, other = (Version(side.spec, lower(side.spec, "", new.prefix)) for side in (old, new) if side.spec is not None)
    return compare(one, other)


def _since_run(asked: Question, new: Compilation) -> Affected | None:
    """By the keys of the newest run, as if the data were the same."""
    run = last_run(new.project.state, new.graph.spec, asked.env)
    if run is None or not run.keys:
        return None
    keys = graph_keys(new.graph, run.leaves, run.versions)
    again = [name for name, key in keys.items() if run.keys.get(name) != key]
    stages: dict[str, dict[str, list[str]]] = {"": {"rerun": again} if again else {}}
    for name in again:
        stages.setdefault(new.graph[name].block, {}).setdefault("rerun", []).append(name)
    return Affected(f"since run {run.id}", stages)


def lenses(analysis: Analysis, affected: Affected) -> list[types.CodeLens]:
    """One above the spec's own block for the whole file, and one above each block whose change makes something run."""
    names = analysis.names
    found = []
    spec = next((target for target, declared in names.declared.items() if declared.noun == "spec" and not target.member), None)
    for block, stages in affected.stages.items():
        title = _title(stages)
        declared = names.declared.get(Target(names.file, block)) if block else None if spec is None else names.declared[spec]
        if declared is None or (not title and block):
            continue
        where = analysis.positions.of(declared.name)
        text = f"{affected.since}: {title or 'nothing runs again'}" if not block else title
        arguments: list[Any] = [{action: list(each) for action, each in stages.items()}]
        found.append(types.CodeLens(range=where, command=types.Command(title=text, command=COMMAND, arguments=arguments)))
    return found


def _title(stages: Mapping[str, list[str]]) -> str:
    """`re-runs 4 stages, rescores 1 stage`."""
    return ", ".join(
        f"{word} {len(stages[action])} stage{'' if len(stages[action]) == 1 else 's'}"
        for action, word in _WORDS.items()
        if stages.get(action)
    )


def listing(given: object, say: Callable[[str], None]) -> None:
    """Says the stages of a lens that was clicked."""
    if isinstance(given, Mapping):
        lines = [
            f"{_WORDS[action]}: {', '.join(map(str, names))}" for action, names in given.items() if action in _WORDS and names
        ]
        say("\n".join(lines) or "nothing runs again")
