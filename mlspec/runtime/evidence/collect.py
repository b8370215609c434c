"""The files of an evidence pack: findings of one run, copied whole, and of packages and tables what names their content.

No row of data and no model file is in a pack: their digests are, so that whoever holds them can compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.folder import content_of
from mlspec.runtime.runs import SUMMARY
from mlspec.runtime.store import Store

WHOLE = {
    "verdict": "verdicts",
    "metrics": "metrics",
    "checks": "checks",
    "card": "cards",
    "release": "releases",
    "statistics": "statistics",
}
"""Outputs that are copied whole, and the folder of each."""
NAMED = {"package": "packages", "rows": "data", "sampled": "data"}
"""Outputs of which only the description is copied, beside the digests of all their files."""
DESCRIPTIONS = ("package.json", "table.json")
AUDIT = ("audit.jsonl", "audit.head")


@dataclass(frozen=True)
class Held:
    """One artifact of the run: its maker, output, digest, the digests of its files, and the folder of what was copied of it."""

    stage: str
    kind: str
    block: str
    output: str
    digest: str
    content: Mapping[str, str]
    folder: str
    copied: tuple[str, ...]


@dataclass
class Pack:
    """What goes into a pack: artifacts, and the bytes of every file by path."""

    summary: Mapping[str, Any]
    plan: Mapping[str, Any]
    held: list[Held] = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)

    def of(self, output: str) -> list[Held]:
        """The artifacts of one kind of output."""
        return [one for one in self.held if one.output == output]

    def digest(self, path: str) -> str:
        """The SHA-256 of a file of the pack."""
        return hashlib.sha256(self.content[path]).hexdigest()


def collect(project_root: Path, run: Path, summary: Mapping[str, Any], spec_text: str) -> Pack:
    """Everything that a pack of a run holds; every artifact is verified as it is read (MLS808)."""
    store = Store(project_root)
    pack = Pack(summary, files.read_json(run / "plan.json"))
    pack.content["plan.json"] = files.read_bytes(run / "plan.json")
    pack.content["summary.json"] = files.read_bytes(run / SUMMARY)
    pack.content["spec.mlspec"] = spec_text.encode()
    for stage, state in sorted(summary.get("stages", {}).items()):
        for output, written in sorted((state.get("outputs") or {}).items()):
            if output in WHOLE or output in NAMED:
                pack.held.append(_copy(pack, store, stage, state, output, str(written["digest"])))
    for name in AUDIT:
        path = store.state / name
        if path.is_file():
            pack.content[f"audit/{name}"] = files.read_bytes(path)
    return pack


def _copy(pack: Pack, store: Store, stage: str, state: Mapping[str, Any], output: str, digest: str) -> Held:
    folder = store.artifact(digest)
    content = content_of(folder)
    target = f"{WHOLE.get(output) or NAMED[output]}/{stage}"
    copied = [name for name in content if output in WHOLE or name in DESCRIPTIONS]
    for name in copied:
        pack.content[f"{target}/{name}"] = files.read_bytes(folder / name)
    return Held(stage, str(state.get("kind")), str(state.get("block")), output, digest, content, target, tuple(copied))


def sources(pack: Pack) -> Iterator[tuple[str, Mapping[str, str]]]:
    """(stage, digests of the files or query results that it read) of everything that came from outside."""
    yield from sorted(pack.summary.get("leaves", {}).items())
