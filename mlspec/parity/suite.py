"""The conformance suite: tiny specs, one for each feature of the language, and the digests that every machine must get."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlspec.parity.compare import Outcome, Row

SUITE = Path(__file__).parents[1] / "conformance" / "suite"
EXPECTED = SUITE / "expected.json"
SAME_EVERYWHERE = frozenset({"rows", "checks of the data", "split ids", "features"})
"""What depends on no library's arithmetic: its digests are the same on every machine. Models are compared between targets."""


def cases() -> list[str]:
    """The names of the specs of the suite."""
    return sorted(path.stem for path in SUITE.glob("*.mlspec") if path.is_file())


def unpack(folder: Path) -> None:
    """Copy the suite into a folder as a project of its own, so that paths are the same wherever mlspec is installed."""
    shutil.copytree(SUITE, folder, ignore=shutil.ignore_patterns(EXPECTED.name, "__pycache__"))
    (folder / "mlspec.toml").touch()


def expected(case: str) -> dict[str, str]:
    """The digests that are the same everywhere, by `stage-id/output`."""
    known: dict[str, dict[str, str]] = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return known.get(case, {})


def unlike_expected(case: str, outcomes: Sequence[Outcome]) -> list[str]:
    """What is not as the suite says: `target: stage-id/output`."""
    known = expected(case)
    return [
        f"{item.target}: {name}" for item in outcomes for name, digest in known.items() if item.artifacts.get(name) != digest
    ]


def everywhere(rows: Sequence[Row]) -> Mapping[str, str]:
    """Of the rows of a comparison, the digests that the suite keeps."""
    return {
        row.name: digest
        for row in rows
        if row.meaning in SAME_EVERYWHERE and row.equal
        for digest in set(row.digests.values())
        if digest
    }
