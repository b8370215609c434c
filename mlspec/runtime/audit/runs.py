"""Puts runs on record that judged something, whatever target they ran under."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.runtime.audit import log
from mlspec.runtime.audit.overrides import failed_gates
from mlspec.runtime.audit.stamp import stamp_standing
from mlspec.runtime.errors import StageError

_TOLD = ("run", "spec", "spec_digest", "plan", "target", "from", "env", "guarded", "passed")


def record_run(project_root: Path, folder: Path, summary: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Append a run, and mark its pages where an override covers what failed; what its summary says of that, and a warning or "".

    The summary gets the head of the log: whoever cuts the log short must forge the runs as well. What a run made counts whether the
    log can be written or not, so that is a warning; no override counts then.
    """
    verdicts = summary.get("verdicts") or {}
    if not verdicts:
        return {}, ""
    judged = {name: {"passed": verdict.get("passed") is True, "failed": sorted(failed_gates(verdict)),
                     "packages": verdict.get("packages", {})} for name, verdict in verdicts.items()}  # fmt: skip
    told = {name: summary[name] for name in _TOLD if summary.get(name) is not None}
    try:
        head = log.append(project_root, "run", {**told, "verdicts": judged})
        records = () if summary.get("passed") else log.read_sound(project_root).records
    except StageError as error:
        return {}, f"this run is not in the audit log: {error.message} ({error.found})"
    if records:
        stamp_standing(folder, summary, records, log.today())
    return {"audit": {"count": head.count, "digest": head.digest}}, ""
