"""Moving an alias of the registry: to a package that was released, and back to what it stood for before. Each move is on record.

The registry moves an alias in one step: whoever reads it sees the version before or the one after. What it stood for earlier is kept
beside the model, in a tag, so that any machine can move it back. The record is written before the alias is moved: an alias that moved
without a record is what an auditor must never find. A move that the registry then refuses is put on record as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.audit import log
from mlspec.runtime.errors import StageError
from mlspec.runtime.lock import alone
from mlspec.runtime.store import Store
from mlspec.runtime.track.fetching import fetch_version
from mlspec.runtime.track.lookup import TAG, behind
from mlspec.runtime.track.mlflow_store import mlflow_at
from mlspec.runtime.track.registration import Released, ensure_version

HISTORY = "mlspec.history."
KEPT = 100
"""Versions that the history of an alias keeps: as many steps can be taken back."""
_ALIAS = re.compile(r"(?!latest\Z)(?![vV][0-9]+\Z)[A-Za-z0-9_-]{1,255}\Z")


@dataclass(frozen=True)
class Move:
    """An alias that was moved, or stood there already: then `record` is 0."""

    name: str
    alias: str
    before: str | None
    after: str
    package: str
    record: int = 0
    digest: str = ""

    def to_json(self) -> dict[str, Any]:
        """The move for programs."""
        return {
            "format": 1, "name": self.name, "alias": self.alias, "before": self.before, "after": self.after,
            "package": self.package, "moved": self.record > 0, "record": self.record or None, "digest": self.digest or None,
        }  # fmt: skip


def promote(released: Released, alias: str, body: Mapping[str, Any]) -> Move:
    """Let the alias stand for a released package, which is registered first where no version holds it. `body` goes on record.

    MLS836 for a name that no alias may have, MLS808 where the registry's copy is not the package that was released.
    """
    name, root = str(released.config["name"]), released.project_root
    _check_alias(name, alias)
    log.read_sound(root)
    with _alone(root), mlflow_at(root, released.config.get("uri"), "spec.registry") as (mlflow, client):
        version = ensure_version(mlflow, client, released)
        _verify(mlflow, root, name, version, released.digest)
        found = behind(client, name, alias)
        before = None if found is None else found[0]
        if before == version:
            return Move(name, alias, before, version, released.digest)
        history = [*history_of(client, name, alias, before), version]
        return _move(client, root, "promote", Move(name, alias, before, version, released.digest), history, body)


def rollback(project_root: Path, config: Mapping[str, Any], alias: str, to: str | None, body: Mapping[str, Any]) -> Move:
    """Let the alias stand again for the version before, or for `to`, which it must have stood for; MLS836 where there is none."""
    name = str(config["name"])
    _check_alias(name, alias)
    log.read_sound(project_root)
    with _alone(project_root), mlflow_at(project_root, config.get("uri"), "spec.registry") as (mlflow, client):
        found = behind(client, name, alias)
        if found is None:
            raise _refused(name, alias, "it stands for nothing", "an alias of the registry", "no such alias")
        history = history_of(client, name, alias, found[0])
        kept = _until(history[:-1], to)
        if not kept:
            stood = ", ".join(dict.fromkeys(history[:-1])) or "no other version"
            why = "there is no version before" if to is None else f"it did not stand for version {to}"
            raise _refused(name, alias, why, f"a version that it stood for before: {stood}", f"version {found[0]} of `{name}`")
        digest = str(client.get_model_version(name, kept[-1]).tags.get(TAG, ""))
        _verify(mlflow, project_root, name, kept[-1], digest)
        move = Move(name, alias, found[0], kept[-1], digest)
        return _move(client, project_root, "rollback", move, kept, body)


def history_of(client: Any, name: str, alias: str, current: str | None) -> list[str]:
    """What the alias stood for, oldest first, ending with what it stands for now: who moved it by other means is caught up with."""
    found = client.get_registered_model(name).tags.get(HISTORY + alias, "")
    history = [version for version in found.split(",") if version]
    if current is None:
        return []
    if current not in history:
        return [*history, current]
    return history[: len(history) - history[::-1].index(current)]


def _until(history: list[str], to: str | None) -> list[str]:
    """The history as it was when the alias stood for `to`, its last entry where nothing is named; empty where it never did."""
    if to is None:
        return history
    return history[: len(history) - history[::-1].index(to)] if to in history else []


def _move(client: Any, root: Path, event: str, move: Move, history: list[str], body: Mapping[str, Any]) -> Move:
    record = {
        **body,
        "registered": move.name,
        "alias": move.alias,
        "before": move.before,
        "after": move.after,
        "package": move.package,
    }
    head = log.append(root, event, record)
    try:
        client.set_registered_model_tag(move.name, HISTORY + move.alias, ",".join(history[-KEPT:]))
        client.set_registered_model_alias(move.name, move.alias, move.after)
    except Exception as error:
        log.append(
            root, "not_moved", {"of": head.count, "registered": move.name, "alias": move.alias, "why": type(error).__name__}
        )
        raise
    return Move(move.name, move.alias, move.before, move.after, move.package, head.count, head.digest)


def _verify(mlflow: Any, root: Path, name: str, version: str, digest: str) -> None:
    """The registry's copy of a version, read back: MLS808 where it is not the package that its gates let pass."""
    store = Store(root)
    files.make_folder(store.temporary)
    with store.workspace(f"version-{version}") as work:
        fetch_version(mlflow, name, version, digest, work / "download", files.make_folder(work / "package"), "spec.registry")


def _alone(root: Path) -> Any:
    """One move at a time from this project."""
    return alone(files.make_folder(Store(root).state / "moves"))


def _check_alias(name: str, alias: str) -> None:
    if not _ALIAS.match(alias):
        raise _refused(name, alias, "the registry takes no such name",
                       "letters, digits, `-` and `_`; not `latest`, and no `v` with a number", repr(alias)[:80])  # fmt: skip


def _refused(name: str, alias: str, why: str, expected: str, found: str) -> StageError:
    return StageError(
        "MLS836", f"the alias `{alias}` of `{name}` cannot be moved: {why}", "spec.registry", expected=expected, found=found,
        help="`mlspec promote` moves an alias to a released package, `mlspec rollback --to VERSION` to one that it stood for",
    )  # fmt: skip
