"""The numbers that the gates of the newest run judged, so that changed gates can be judged on them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import canonical_text
from mlspec.runtime import files
from mlspec.runtime.errors import StageError

Judged = Mapping[str, Any]
_STORED = {"evaluate": "metrics", "measure": "measurements"}


class LastNumbers:
    """The numbers of one run by gates block and expression; `run` is its number, "" where there is none."""

    def __init__(self, run: str = "", numbers: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.run = run
        self.numbers = numbers or {}

    def refused(self, blocks: Mapping[str, list[Judged]]) -> set[str]:
        """The gates that these numbers do not pass; of a gate whose numbers the run has not, nothing is said."""
        from mlspec.runtime.validate.gates import Numbers
        from mlspec.runtime.validate.verdict import FAILED, judge

        found = set()
        for block, gates in blocks.items():
            known = self.numbers.get(block, {})
            for gate in gates:
                texts = {item["id"]: canonical_text(item["expression"]) for item in gate["quantities"]}
                if not all(text in known for text in texts.values()):
                    continue
                numbers = {identity: known[text] for identity, text in texts.items()}
                if judge(gate, Numbers(numbers, {}))["status"] == FAILED:
                    found.add(f"{block}.{gate['name']}")
        return found


def last_numbers(project_root: Path, spec: str, env: str | None) -> LastNumbers:
    """The numbers of the newest run of a spec under an env; none where no run is kept, or it has no gates; MLS808 for a damaged one."""
    from mlspec.runtime.runs import summaries
    from mlspec.runtime.store import Store

    for folder, summary in summaries(project_root):
        if summary["spec"] != spec or summary.get("env") != env:
            continue
        found = _numbers(Store(project_root), folder / "plan.json", summary)
        if found:
            return LastNumbers(str(summary["run"]), found)
    return LastNumbers()


def _numbers(store: Any, plan: Path, summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The stored numbers by gates block and the text of their expression."""
    found: dict[str, dict[str, Any]] = {}
    for name, stage in summary["stages"].items():
        output = _STORED.get(stage["kind"])
        digest = stage.get("outputs", {}).get(output, {}).get("digest") if output else None
        if digest is None:
            continue
        try:
            entries = files.read_json(store.artifact(digest) / f"{output}.json")["quantities"]
        except (OSError, StageError):
            continue  # the store has let go of it: a run that is not kept says nothing
        for identity, text in _quantities(plan, name).items():
            if identity in entries:
                found.setdefault(stage["block"], {})[text] = entries[identity]
    return found


def _quantities(plan: Path, stage: str) -> dict[str, str]:
    """The numbers that a stage was to work out, by id: the text of each expression. The plan has no digest of its own, so it is looked at."""
    try:
        items = files.read_json(plan)["stages"][stage]["config"]["quantities"]
        return {str(item["id"]): canonical_text(item["expression"]) for item in items}
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise StageError("MLS808", f"the plan `{plan}` is corrupt", expected=f"the stage `{stage}` as mlspec wrote it",
                         found=f"{type(error).__name__}: {error}"[:200], help="run again: a new plan is written") from None  # fmt: skip
