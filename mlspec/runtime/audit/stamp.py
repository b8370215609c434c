"""Marks the pages of a run whose failed gates were overridden: whoever opens them must see it before all else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.audit.overrides import override_of, sentence

_BEGIN, _END = "<!-- override -->", "<!-- /override -->"
_OLD = re.compile(re.escape(_BEGIN) + ".*?" + re.escape(_END) + "\n", re.DOTALL)
_BODY = re.compile(r"<body[^>]*>")
_MARKS = re.compile(r"[\\`*_\[\]<>|]")
_STYLE = "margin:0;max-width:none;padding:14px 20px;background:#8a1c1c;color:#fff;font:600 16px/1.4 system-ui,sans-serif;overflow-wrap:anywhere"
_KINDS = ("report", "card")


def stamp(run_folder: Path, summary: Mapping[str, Any], override: Mapping[str, Any] | None) -> list[Path]:
    """Put the override on top of the run's own copies of its report and card, or take it off with None; the pages that changed.

    The artifacts in the store stay as the stages made them.
    """
    changed = []
    for path in _pages(run_folder, summary):
        before = files.read_bytes(path).decode()
        after = _stamped(_OLD.sub("", before), path.suffix, override)
        if after != before:
            files.write_text(path, after)
            changed.append(path)
    return changed


def stamp_standing(run_folder: Path, summary: Mapping[str, Any], records: Iterable[Mapping[str, Any]], day: str) -> list[Path]:
    """Put on top what stands on a day for gates that the run failed, the first of them, and take off what does not."""
    digest, records = str(summary.get("spec_digest")), [*records]
    failed = [item for item in (summary.get("verdicts") or {}).items() if item[1].get("passed") is not True]
    found = (override_of(records, digest, name, verdict, day) for name, verdict in failed)
    return stamp(run_folder, summary, next((record for record in found if record is not None), None))


def _pages(run_folder: Path, summary: Mapping[str, Any]) -> Iterator[Path]:
    kinds = {name: state.get("kind") for name, state in summary.get("stages", {}).items()}
    for name, path in summary.get("reports", {}).items():
        full = run_folder / str(path)
        if kinds.get(name.partition("/")[0]) in _KINDS and full.suffix in (".html", ".md") and full.is_file():
            yield full


def _stamped(text: str, suffix: str, override: Mapping[str, Any] | None) -> str:
    if override is None:
        return text
    said = f"{sentence(override)} (record {override['n']} of the audit log)"
    if suffix == ".md":
        return f"{_BEGIN}\n> **{_MARKS.sub(_escaped, said)}**\n\n{_END}\n{text}"
    block = f'{_BEGIN}<p role="alert" style="{_STYLE}">{escape(said)}</p>{_END}\n'
    return _BODY.sub(lambda found: found[0] + block, text, count=1)


def _escaped(mark: re.Match[str]) -> str:
    return "\\" + mark[0]
